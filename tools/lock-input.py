"""Print what requirements-dev.lock is made from: what the project needs to run, to be built and to be tested."""

import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
print(*project["project"]["dependencies"], sep="\n")
# hatchling asks for editables only when it builds an editable install
print(*project["build-system"]["requires"], "editables", sep="\n")
print(*project["dependency-groups"]["dev"], sep="\n")
