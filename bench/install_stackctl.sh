#!/usr/bin/env bash
# Makes the virtual environment whose stackctl is measured: this checkout, not editable, as a user installs it. Its Python is the
# system's where that is Debian's, which is optimised by profile; a Python built by hand often is not, and takes a fifth more.
# Prints the directory. A second run finds it there, unless the checkout has changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

python=../.venv/bin/python
if [[ -f /etc/debian_version ]] && /usr/bin/python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  python=/usr/bin/python3
fi
directory=$PWD/.tools/stackctl
state=$(git rev-parse HEAD; git diff HEAD -- ../stackctl ../pyproject.toml | sha256sum; "$python" -V)

if [[ $(cat "$directory/.installed" 2>/dev/null) != "$state" ]]; then
  rm -rf "$directory"
  # Debian packs what puts pip into a virtual environment on its own; the checkout's pip installs into another Python as well.
  "$python" -m venv --without-pip "$directory"
  ../.venv/bin/python -m pip --disable-pip-version-check --python "$directory/bin/python" install -qq .. >&2
  "$directory/bin/python" -m compileall -q "$directory/lib"
  echo "$state" >"$directory/.installed"
fi
echo "$directory"
