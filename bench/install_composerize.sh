#!/usr/bin/env bash
# Installs composerize and decomposerize (npm), the peers of `stackctl import` and `export bash`. Prints the directory of their
# commands. A second run finds it there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

wanted=(composerize@1.7.6 decomposerize@1.4.4)
directory=$PWD/.tools/composerize

if [[ $(cat "$directory/.installed" 2>/dev/null) != "${wanted[*]}" ]]; then
  mkdir -p "$directory"
  npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$directory" "${wanted[@]}" >&2
  echo "${wanted[*]}" >"$directory/.installed"
fi
echo "$directory/node_modules/.bin"
