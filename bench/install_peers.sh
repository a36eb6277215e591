#!/usr/bin/env bash
# Makes the virtual environment in which the test benchmarks run: this checkout (editable) and its peers, pytest-docker and
# testcontainers, with what their users install beside them. Prints its directory. A second run finds it there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

wanted=(pytest-docker==3.2.6 'testcontainers==4.15.*' pytest pytest-xdist 'psycopg[binary]' redis)
directory=$PWD/.peers
mark=$directory/.installed

if [[ $(cat "$mark" 2>/dev/null) != "${wanted[*]}" || ../pyproject.toml -nt $mark ]]; then
  "${PYTHON:-../.venv/bin/python}" -m venv "$directory"
  pip=("$directory/bin/python" -m pip --disable-pip-version-check install -qq)
  "${pip[@]}" "${wanted[@]}" >&2
  "${pip[@]}" --editable .. >&2
  echo "${wanted[*]}" >"$mark"
fi
echo "$directory"
