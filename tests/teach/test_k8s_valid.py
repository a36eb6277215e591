"""`export k8s`: whatever the stack, Kubernetes takes the manifests, with no key that it does not know (`kubernetes-validate --strict`)."""

from __future__ import annotations

import ast
import functools
import importlib.resources
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from referencing import Registry, Resource

from stackctl.cli.host_files import host_files
from stackctl.errors import StackError
from stackctl.looking import load_requested
from stackctl.spec.scaling import one_each
from stackctl.spec.selection import Selection
from stackctl.spec.source.request import StackRequest
from stackctl.teach.from_nothing import from_nothing
from stackctl.teach.k8s.manifests import Manifests, manifests

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "tests" / "docker" / "same_as_compose"
NEWEST = "1.37"
OLDEST = "1.31"
VARIABLES = dict.fromkeys(
    "POSTGRES_PASSWORD DB_PASSWORD API_TOKEN SECRET PASSWORD TOKEN GIVEN DJANGO_SECRET_KEY".split(),
    "hunter22",
)


def exported(file: Path) -> Manifests:
    """The manifests of a file. Raises StackError for one that cannot be read."""
    everything = Selection(profiles=("*",))
    request = StackRequest(
        files=[file], directory=file.parent, environ=VARIABLES, name="shop", selection=everything
    )
    stack = load_requested(request)
    desired = from_nothing(one_each(stack), everything)[0].desired
    return manifests(stack, desired, host_files)


def documents(made: Manifests) -> list[Any]:
    texts = (made.text("stack.toml"), made.secrets_text())
    return [each for text in texts for each in yaml.load_all(text, yaml.CSafeLoader) if each]


@functools.cache
def schema(name: str) -> Any:
    folder = importlib.resources.files(kubernetes_validate) / "kubernetes-json-schema"
    return json.loads((folder / f"v{NEWEST}.0-local-strict" / name).read_text())


@functools.cache
def validator(kind: str, version: str) -> jsonschema.protocols.Validator:
    """What `kubernetes_validate.validate` makes anew for each document."""
    registry: Registry[Any] = Resource.from_contents(schema("_definitions.json")) @ Registry()
    return jsonschema.Draft202012Validator(schema(f"{kind.lower()}-{version}.json"), registry=registry)


def problems(made: Manifests) -> list[str]:
    """What Kubernetes would not take."""
    found = []
    for each in documents(made):
        group, _, version = each["apiVersion"].rpartition("/")
        name = f"{group.partition('.')[0]}-{version}" if group else version
        errors = validator(each["kind"], name).iter_errors(each)
        found += [
            f"{each['kind']} {each['metadata']['name']} {error.json_path}: {error.message}"
            for error in errors
        ]
    named = [(each["kind"], each["metadata"]["name"]) for each in documents(made)]
    return found + [
        f"{kind} {name} stands there twice" for kind, name in {*named} if named.count((kind, name)) > 1
    ]


def stacks_in_tests() -> Iterator[str]:
    """Texts in the tests that look like a stack.toml."""
    for file in sorted((ROOT / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "[services." in node.value:
                yield node.value


def stacks_in_docs() -> Iterator[str]:
    """Blocks of TOML in the docs."""
    for file in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        yield from re.findall(r"^```toml\n(.*?)^```$", file.read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_the_lesson_by_the_tool_itself(version: str) -> None:
    for each in documents(exported(ROOT / "stack.toml")):
        assert kubernetes_validate.validate(each, version, strict=True) == version


def test_the_check_can_fail() -> None:
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({"apiVersion": "v1", "kind": "Pod", "wrong": 1}, NEWEST, strict=True)


def test_every_example(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    for file in (tmp_path / "examples").rglob(".env.example"):
        file.rename(file.with_name(".env"))
    files = [*(tmp_path / "examples").rglob("stack*.toml")]
    assert len(files) > 7
    for file in files:
        assert not problems(exported(file)), file


def test_every_file_that_is_compared_with_compose(tmp_path: Path) -> None:
    shutil.copytree(CORPUS / "files", tmp_path, dirs_exist_ok=True)
    files = sorted(CORPUS.glob("*.yaml"))
    assert len(files) > 50
    for file in files:
        shutil.copy(file, tmp_path / "compose.yaml")
        assert not problems(exported(tmp_path / "compose.yaml")), file


def test_every_stack_in_tests_and_docs(tmp_path: Path) -> None:
    """A text that is no whole stack, or is meant to be wrong, is left out."""
    read_well = 0
    for number, text in enumerate(dict.fromkeys([*stacks_in_tests(), *stacks_in_docs()])):
        directory = tmp_path / str(number)
        directory.mkdir()
        (directory / "stack.toml").write_text(text)
        try:
            made = exported(directory / "stack.toml")
        except StackError:
            continue
        read_well += 1
        assert not problems(made), text
    assert read_well > 100
