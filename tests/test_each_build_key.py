"""Each key of `build`: its options of `docker build`, the way back, and its part in a comparison."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from stackctl.convert.docker.flags import BUILD
from stackctl.convert.importing import import_script
from stackctl.planner.same.compare import compare_stacks
from stackctl.planner.world.desired import Image
from stackctl.spec import flags
from stackctl.spec.model import Build, Stack
from stackctl.spec.selection import Selection
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest
from stackctl.spec.structure import forms
from stackctl.teach.commands import Docker
from stackctl.teach.from_nothing import from_nothing


class Row(Struct, frozen=True):
    """`key` with its value in TOML, and the options of `docker build`. `imported` is the value that `import` reads from the options,
    if it is not the value in the file.
    """

    key: str
    value: str
    words: str
    imported: Any = None


ROWS = (
    Row("dockerfile", '"D"', "--file ./D"),
    Row("target", '"t"', "--target t"),
    Row("args", '{ A = "1", B = "x y" }', "--build-arg A=1 --build-arg 'B=x y'"),
    Row("additional_contexts", '{ alp = "docker-image://alpine", q = "../q" }', "--build-context alp=docker-image://alpine --build-context q=../q"),
    Row("cache_from", '["r/x:c", "type=gha"]', "--cache-from r/x:c --cache-from type=gha"),
    Row("cache_to", '["type=inline"]', "--cache-to type=inline"),
    Row("entitlements", '["network.host"]', "--allow network.host"),
    Row("extra_hosts", '{ h = "1.2.3.4" }', "--add-host h:1.2.3.4"),
    Row("isolation", '"hyperv"', "--isolation hyperv"),
    Row("labels", '{ a = "b c" }', "--label 'a=b c'"),
    Row("network", '"host"', "--network host"),
    Row("no_cache", "true", "--no-cache"),
    Row("platforms", '["linux/amd64", "linux/arm64"]', "--platform linux/amd64 --platform linux/arm64"),
    Row("privileged", "true", "--allow security.insecure"),
    Row("provenance", "false", "--provenance false"),
    Row("pull", "true", "--pull"),
    Row("sbom", '"generator=i"', "--sbom generator=i"),
    Row("secrets", '["tok", { source = "key", target = "k" }]', "--secret id=tok,src=./tok --secret id=k,env=KEY", ["tok", "k"]),
    Row("shm_size", '"64m"', "--shm-size 64m"),
    Row("ssh", '["default"]', "--ssh default"),
    Row("tags", '["b:1"]', "--tag b:1"),
    Row("ulimits", "{ nofile = { soft = 10, hard = 20 }, nproc = 5 }", "--ulimit nofile=10:20 --ulimit nproc=5"),
)  # fmt: skip
WITHOUT_FLAG = {"context", "dockerfile_inline"}
"""The last word of the command, and what it reads from its standard input."""


def given(line: str, directory: Path) -> Stack:
    (directory / "stack.toml").write_text(
        f'[services.web]\nimage = "me:1"\n[services.web.build]\n{line}\n'
        '[secrets]\ntok.file = "tok"\nkey.environment = "KEY"\n'
    )
    (directory / "tok").write_text("t0k")
    files = [directory / "stack.toml"]
    return read(StackRequest(files=files, directory=directory, environ={"KEY": "k3y"}, name="shop"))


def command(stack: Stack) -> list[str]:
    (image,) = from_nothing(stack, Selection())[0].desired.images
    assert isinstance(image, Image)
    return list(Docker(stack, api=(1, 51)).build(image).argv)


def imported(script: str) -> dict[str, Any]:
    made = import_script("run.sh", f"{script}\ndocker run -d --name web me:1\n")
    assert [note.message for note in made.notes] == []
    build = tomllib.loads(made.text)["services"]["web"]["build"]
    return build if isinstance(build, dict) else {"context": build}


@pytest.mark.parametrize("row", ROWS, ids=[row.key for row in ROWS])
def test_a_key_of_build_is_an_option_and_comes_back(row: Row, tmp_path: Path) -> None:
    stack = given(f"{row.key} = {row.value}", tmp_path)
    found = shlex.join(command(stack)).replace(str(tmp_path.resolve()), ".")
    found = re.sub(r"(?<==)\./\.\.|(?<==)\S*/(?=q\b)", "../", found)
    assert found == f"docker build --tag me:1 {row.words} ."
    value = tomllib.loads(f"value = {row.value}")["value"] if row.imported is None else row.imported
    back = imported(f"docker build -t me:1 {row.words} .")
    if row.key == "privileged":
        row, value = Row("entitlements", "", ""), ["security.insecure"]
    assert back == {"context": ".", row.key: value}


@pytest.mark.parametrize("row", ROWS, ids=[row.key for row in ROWS])
def test_a_key_of_build_is_a_difference(row: Row, tmp_path: Path) -> None:
    for name in ("with", "without"):
        (tmp_path / name).mkdir()
    stacks = given(f"{row.key} = {row.value}", tmp_path / "with"), given("", tmp_path / "without")
    assert compare_stacks(stacks[0], stacks[0]).same
    found = compare_stacks(*stacks).differences
    assert {each.key[:2] for each in found} == {("build", row.key)}


def test_no_key_of_build_is_forgotten() -> None:
    assert {row.key for row in ROWS} | WITHOUT_FLAG == {*forms(Build)}
    assert {flag.name for flag in flags.by_key("build").values()} <= BUILD.values | BUILD.switches


DOCKERFILE = "FROM busybox\nRUN echo $HOME\n"


@pytest.mark.parametrize(
    "build",
    [
        "docker build -t me:1 - <<'EOF'\n{}EOF",
        "docker buildx build -t me:1 -f - . <<-\\EOF\n\t{}EOF",
        "cat <<'EOF' | docker build -t me:1 -\n{}EOF",
        "A=busybox\ndocker image build -t me:1 - <<EOF\nFROM $A\nRUN echo \\$HOME\nEOF",
        "printf 'FROM busybox\\nRUN echo $HOME\\n' | docker build -t me:1 -f- .",
        "echo -e 'FROM busybox\\nRUN echo $HOME' | docker build -t me:1 -",
        'docker build -t me:1 - <<< "FROM busybox\nRUN echo \\$HOME"',
    ],
)
def test_a_dockerfile_from_the_standard_input_stands_in_the_stack(build: str) -> None:
    script = build.replace("{}", DOCKERFILE)
    found = imported(script)
    assert found["context"] == "."
    assert found["dockerfile_inline"].strip() == DOCKERFILE.replace("$", "$$").strip()


@pytest.mark.parametrize(
    ("script", "build"),
    [
        ("cd a; docker build -t me:1 - < D", {"context": "./a", "dockerfile": "D"}),
        ("cat a/D | docker build -t me:1 -f - a", {"context": "./a", "dockerfile": "D"}),
        (
            "docker build -t me:1 -f s/D https://github.com/a/b.git#main:sub",
            {"context": "https://github.com/a/b.git#main:sub", "dockerfile": "s/D"},
        ),
        (
            "docker build -t you -t me:1 .; docker tag you:latest me:2",
            {"context": ".", "tags": ["you", "me:2"]},
        ),
        (
            "docker build -t me:1 --platform linux/amd64,linux/arm64 --add-host h=1.2.3.4 -q --load .",
            {
                "context": ".",
                "platforms": ["linux/amd64", "linux/arm64"],
                "extra_hosts": {"h": "1.2.3.4"},
            },
        ),
        ("docker build -t me:1 --build-arg V .", {"context": ".", "args": {"V": {"from_env": True}}}),
    ],
)
def test_a_build_is_written_in_many_ways(script: str, build: dict[str, Any]) -> None:
    assert imported(script) == build


def test_a_secret_of_a_build_is_a_secret_of_the_stack() -> None:
    script = (
        "docker build -t a --secret id=tok,src=t.txt --secret id=KEY --secret id=f .\n"
        "docker build -t b --secret type=env,id=tok,src=TOKEN .\n"
        "docker run -d --name x a; docker run -d --name y b"
    )
    tree = tomllib.loads(import_script("run.sh", script).text)
    assert tree["secrets"] == {
        "tok": {"file": "./t.txt"},
        "KEY": {"environment": "KEY"},
        "f": {"file": "./f"},
        "tok-2": {"environment": "TOKEN"},
    }
    assert tree["services"]["x"]["build"]["secrets"] == ["tok", "KEY", "f"]
    assert tree["services"]["y"]["build"]["secrets"] == [{"source": "tok-2", "target": "tok"}]


@pytest.mark.parametrize(
    ("build", "note"),
    [
        ("docker build -t a -m 1g .", "--memory 1g of docker build is not imported: a stack has no key for it"),
        ("docker build -t a --push .", "--push of docker build is not imported: `stackctl push` sends the image to its registry"),
        ("docker build .", "a build without -t: no container of the script can use its image by name"),
        ("tar c . | docker build -t a -", "a build from what another command prints is not imported: write the text into a Dockerfile"),
        ("docker buildx create --use", "docker buildx is not imported: it makes no part of a stack"),
        ("docker image rm a", "docker image is not imported: it makes no part of a stack"),
    ],
)  # fmt: skip
def test_what_no_key_says_is_noted(build: str, note: str) -> None:
    found = import_script("run.sh", f"{build}\ndocker run -d --name web a").notes
    assert note in [each.message for each in found]


def test_what_stands_behind_a_here_document_is_read() -> None:
    script = (
        "docker run -d --name db d\ndocker exec -i db psql <<E && docker run -d --name web w\nselect 1\nE\n"
    )
    assert set(tomllib.loads(import_script("run.sh", script).text)["services"]) == {"db", "web"}
