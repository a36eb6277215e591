#!/usr/bin/env bash
# Installs the peer of the benchmarks, Docker Compose 2.40.3 from Debian sid, beside the system and prints
# the directory to call it with: DOCKER_CONFIG=<directory> docker compose version
set -euo pipefail

wanted=2.40.3
directory=$("$(dirname "${BASH_SOURCE[0]}")/../tools/cli-plugin" compose)
found=$(DOCKER_CONFIG=$directory docker compose version --short)
if [[ $found != "$wanted"* ]]; then
  echo "install_compose: Debian sid offers Compose $found; the published figures are of $wanted" >&2
fi
echo "$directory"
