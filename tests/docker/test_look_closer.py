"""The guide's section "Look closer": each command must say what stands there, and `doctor` must find what is odd."""

from __future__ import annotations

import re
import shlex
import subprocess

import pytest
from scenario import ROOT, Project

GUIDE = ROOT / "docs" / "guide" / "daily-loop.md"
ADDRESS = re.compile(r"\b(?!127\.|0\.)\d+(\.\d+){3}\b")


def section() -> str:
    return GUIDE.read_text().partition("## Look closer\n")[2].partition("\n## ")[0]


@pytest.mark.slow
def test_each_command_of_the_guide_must_say_what_stands_there(project: Project) -> None:
    def here(text: str) -> str:
        return ADDRESS.sub("ADDRESS", text.replace("shop", project.name))

    (text,) = re.findall(r"```toml\n(.*?)```", section(), re.DOTALL)
    project.write(text)
    project.run("up")
    ran = 0
    for block in re.findall(r"```console\n(.*?)```", section(), re.DOTALL):
        for told in block.removeprefix("$ ").split("\n$ "):
            line, _, output = told.partition("\n")
            program, *words = shlex.split(here(line))
            if program == "docker":
                subprocess.run([program, *words], check=True, capture_output=True)
                continue
            said = project.run(*words, code=int("does not reach" in output or "wrong " in output)).stdout
            assert here(output).strip() in ADDRESS.sub("ADDRESS", said)
            ran += 1
    assert ran == 6

    names, network = project.names(), f"{project.name}_default"
    project.api.disconnect_container_from_network(names["api"], network)
    project.api.connect_container_to_network(names["api"], network)
    project.api.rename(names["web"], f"{names['web']}.old")
    said = project.run("doctor", "--deep", code=1).stdout
    assert f"wrong  containers  {names['web']}.old is left of a container that was being replaced" in said
    assert f"wrong  names       {names['api']} does not answer to api in {network}" in said
    assert f"→ stackctl -p {project.name} up --force-recreate api" in said
    assert not [each for each in project.api.containers(all=True) if "stackctl-doctor" in each["Names"][0]]

    project.run("up", "--force-recreate", "api")
    areas = {each["area"]: each["state"] for each in project.json("doctor")["findings"]}
    assert {areas[area] for area in ("engine", "containers", "names", "networks", "locks")} == {"ok"}
