#!/usr/bin/env bash
# Installs the linters of compose files that the rules are measured beside: compose-lint 0.36.2 (PyPI) and dclint 3.1.0 (npm). Prints
# their directory: <directory>/bin/compose-lint, <directory>/node_modules/.bin/dclint. Needs npm.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

wanted="compose-lint==0.36.2 dclint@3.1.0"
directory=$PWD/.tools/linters

if [[ $(cat "$directory/.installed" 2>/dev/null) != "$wanted" ]]; then
  rm -rf "$directory"
  "${PYTHON:-../.venv/bin/python}" -m venv "$directory"
  "$directory/bin/python" -m pip --disable-pip-version-check install -qq "${wanted% *}" >&2
  npm install --silent --no-fund --no-audit --prefix "$directory" "${wanted#* }" >&2
  echo "$wanted" >"$directory/.installed"
fi
echo "$directory"
