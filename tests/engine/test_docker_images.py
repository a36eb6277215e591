"""Pulling and building on a real engine."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab import Lab
from registry import Registry

from stackctl.engine.docker.images import buildx, pulling
from stackctl.engine.transport.endpoint import Endpoint
from stackctl.errors import EngineError
from stackctl.planner.steps.actions import (
    BuildImage,
    PullImage,
    PushImage,
    RemoveContainer,
    RemoveImage,
    WaitFor,
)
from stackctl.planner.steps.events import Progressed
from stackctl.planner.world.desired import DesiredBuild, Image
from stackctl.spec import build_keys
from stackctl.spec.model import Build, Condition
from stackctl.spec.model.limits import Ulimit
from stackctl.spec.text.parts import Text
from stackctl.spec.values import ByteSize

pytest_plugins = ["lab_fixtures"]
docker = pytest.mark.docker


@pytest.fixture
def registry(lab: Lab) -> Iterator[Callable[..., Registry]]:
    registries: list[Registry] = []

    def make(**options: object) -> Registry:
        registries.append(Registry(lab.name, **options))  # type: ignore[arg-type]
        return registries[-1]

    yield make
    for one in registries:
        one.close()


@docker
def test_a_pull_counts_its_bytes(lab: Lab, registry: Callable[..., Registry]) -> None:
    ref = registry().ref
    lab.do(PullImage(Image(ref=ref)))
    assert ref in lab.engine.observe().images
    counted = [news for news in lab.news if news.total]
    assert counted
    assert all(0 <= (news.current or 0) <= (news.total or 0) for news in counted)


@docker
def test_a_pull_is_for_the_platform_that_is_asked_for(lab: Lab, registry: Callable[..., Registry]) -> None:
    ref = registry().ref
    with pytest.raises(EngineError, match="platform"):
        lab.do(PullImage(Image(ref=ref, platform="linux/s390x/v9/no")))
    lab.do(PullImage(Image(ref=ref, platform="linux/amd64")))
    assert ref in lab.engine.observe().images


@docker
def test_a_push_reaches_its_registry(
    lab: Lab, registry: Callable[..., Registry], tmp_path: Path, classic: None
) -> None:
    place = registry()
    ref = f"{place.address}/{lab.name}:2"
    build_one(lab, ref, tmp_path, "pushed")
    lab.do(PushImage(Image(ref=ref)))
    assert place.pushed == [f"/v2/{lab.name}/manifests/2"]
    place.close()
    with pytest.raises(EngineError, match=f"cannot push {ref} for api: ") as caught:
        lab.do(PushImage(Image(ref=ref, services=("api",))))
    assert "cannot be reached" in caught.value.hint
    lab.do(RemoveImage(ref, ref))


@docker
def test_a_pull_that_breaks_in_the_middle_is_an_error(lab: Lab, registry: Callable[..., Registry]) -> None:
    ref = registry(missing_layer=True).ref
    with pytest.raises(EngineError, match=f"cannot pull {ref}: ") as caught:
        lab.do(PullImage(Image(ref=ref)))
    assert caught.value.hint
    assert ref not in lab.engine.observe().images


@docker
def test_a_tag_that_is_not_there(lab: Lab, registry: Callable[..., Registry]) -> None:
    ref = registry().ref.removesuffix(":1") + ":2"
    with pytest.raises(EngineError, match=f"cannot pull {ref}: ") as caught:
        lab.do(PullImage(Image(ref=ref)))
    assert "tag" in caught.value.hint


@docker
def test_a_registry_that_does_not_answer(lab: Lab, registry: Callable[..., Registry]) -> None:
    gone = Registry(lab.name)
    gone.close()
    with pytest.raises(EngineError, match="cannot pull") as caught:
        lab.do(PullImage(Image(ref=gone.ref)))
    assert "cannot be reached" in caught.value.hint


@docker
def test_a_pull_can_be_interrupted(lab: Lab, registry: Callable[..., Registry]) -> None:
    with pytest.raises(EngineError, match="was interrupted"):
        lab.do(PullImage(Image(ref=registry().ref)), lambda: True)


@docker
def test_only_the_login_of_the_registry_needed_is_used(
    lab: Lab, registry: Callable[..., Registry], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = registry(login=("me", "s3cret"))
    auth = base64.b64encode(b"me:s3cret").decode()
    config = {"auths": {private.address: {"auth": auth}}, "credHelpers": {"other.example": "does-not-exist"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    lab.do(PullImage(Image(ref=private.ref)))
    assert private.ref in lab.engine.observe().images


@docker
def test_without_its_credential_helper_a_pull_is_anonymous(
    lab: Lab, registry: Callable[..., Registry], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"credsStore": "does-not-exist"}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    ref = registry().ref
    lab.do(PullImage(Image(ref=ref)))
    assert ref in lab.engine.observe().images
    assert "trying without" in lab.news[0].text


def test_the_bytes_of_all_layers_are_added_up() -> None:
    layers = pulling.Layers()
    assert layers.take({"status": "Pulling from library/redis", "id": "7"}) == Progressed(
        "7: Pulling from library/redis"
    )

    def downloading(layer: str, current: int, total: int) -> Progressed:
        detail = {"current": current, "total": total}
        return layers.take({"status": "Downloading", "id": layer, "progressDetail": detail})

    downloading("a", 10, 100)
    assert downloading("b", 20, 50) == Progressed("downloading", 30, 150)
    assert layers.take({"status": "Download complete", "id": "a", "progressDetail": {}}).current == 120


@pytest.fixture
def classic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a Docker CLI the engine's own builder is used."""
    monkeypatch.setenv("PATH", "/nonexistent")


def context(directory: Path, dockerfile: str, **files: str) -> Path:
    (directory / "Dockerfile").write_text(dockerfile)
    for name, text in files.items():
        (directory / name).write_text(text)
    return directory


def said_by(lab: Lab, image: str, *command: str) -> list[str]:
    name = lab.run("built", *command, image=image)
    lab.do(WaitFor(name, name, Condition.completed))
    return [line.text for line in lab.engine.logs([name])]


@docker
def test_a_build_with_arguments_target_and_ignored_files(lab: Lab, tmp_path: Path, classic: None) -> None:
    directory = context(
        tmp_path,
        "FROM busybox AS first\nARG WHO\nRUN echo hello $WHO | tee /said\nCOPY . /ctx\nFROM first AS second\nRUN false\n",
        keep="kept",
        secret="not for the image",
    )
    (directory / ".dockerignore").write_text("# what stays here\nsecret\n")
    ref = f"{lab.name}-app:1"
    build = DesiredBuild(context=directory, target="first", args={"WHO": "world"})
    lab.do(BuildImage(Image(ref=ref, build=build)))
    assert any("hello world" in news.text for news in lab.news)
    assert said_by(lab, ref, "sh", "-c", "cat /said; ls /ctx") == ["hello world", "Dockerfile", "keep"]


@docker
def test_an_image_is_removed_only_without_a_tag_and_a_user(lab: Lab, tmp_path: Path, classic: None) -> None:
    ref = f"{lab.name}-app:1"
    first, second = (build_one(lab, ref, tmp_path, text) for text in ("first", "second"))
    user = lab.create(image=first)
    with pytest.raises(EngineError, match=f"cannot remove the image that was {ref}"):
        lab.do(RemoveImage(first, ref))
    lab.do(RemoveContainer(user, user))
    lab.do(RemoveImage(first, ref))
    lab.do(RemoveImage(first, ref))
    images = lab.engine.observe().images
    assert first not in images
    assert images[ref] == second


def build_one(lab: Lab, ref: str, directory: Path, text: str) -> str:
    context(directory, f"FROM busybox\nRUN echo {lab.name} {text}\n")
    lab.do(BuildImage(Image(ref=ref, build=DesiredBuild(context=directory))))
    return lab.engine.observe().images[ref]


@docker
def test_a_build_that_fails_shows_its_last_lines(lab: Lab, tmp_path: Path, classic: None) -> None:
    context(tmp_path, "FROM busybox\nRUN echo this is the reason; exit 7\n")
    with pytest.raises(EngineError) as caught:
        lab.do(BuildImage(Image(ref=f"{lab.name}-app:1", build=DesiredBuild(context=tmp_path))))
    why = "RUN echo this is the reason; exit 7 ended with 7: this is the reason"
    assert caught.value.message == f"building {lab.name}-app:1 failed: {why}"


@docker
def test_a_dockerfile_outside_of_its_context(lab: Lab, tmp_path: Path, classic: None) -> None:
    (tmp_path / "context").mkdir()
    (tmp_path / "other.Dockerfile").write_text('FROM busybox\nCMD ["echo", "outside"]\n')
    build = DesiredBuild(context=tmp_path / "context", dockerfile="../other.Dockerfile")
    ref = f"{lab.name}-app:1"
    lab.do(BuildImage(Image(ref=ref, build=build)))
    assert lab.engine.image_configs([ref])[ref].command == ("echo", "outside")


@docker
def test_a_dockerfile_that_needs_buildkit_says_what_to_install(
    lab: Lab, tmp_path: Path, classic: None
) -> None:
    context(tmp_path, "FROM busybox\nRUN --mount=type=cache,target=/c true\n")
    with pytest.raises(EngineError, match=r"needs BuildKit \(line 2: RUN --mount\)") as caught:
        lab.do(BuildImage(Image(ref=f"{lab.name}-app:1", build=DesiredBuild(context=tmp_path))))
    assert "install Docker's buildx" in caught.value.hint


@docker
def test_a_build_can_be_interrupted(lab: Lab, tmp_path: Path, classic: None) -> None:
    context(tmp_path, "FROM busybox\nRUN sleep 60\n")
    with pytest.raises(EngineError, match="interrupted"):
        lab.do(BuildImage(Image(ref=f"{lab.name}-app:1", build=DesiredBuild(context=tmp_path))), lambda: True)


@docker
def test_what_is_not_there_to_build(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"there is no .*Dockerfile"):
        lab.do(BuildImage(Image(ref=f"{lab.name}-app:1", build=DesiredBuild(context=tmp_path))))
    with pytest.raises(EngineError, match="there is no directory"):
        lab.do(BuildImage(Image(ref=f"{lab.name}-app:1", build=DesiredBuild(context=tmp_path / "gone"))))


def test_the_docker_cli_is_sent_to_the_same_engine() -> None:
    environ = {"DOCKER_HOST": "tcp://old", "DOCKER_CONTEXT": "old", "HOME": "/h"}
    assert buildx.environment(Endpoint("ssh://far"), environ) == {"HOME": "/h", "DOCKER_HOST": "ssh://far"}
    assert buildx.environment(Endpoint("ssh://far", context="far"), environ) == {
        "HOME": "/h",
        "DOCKER_CONTEXT": "far",
    }


def test_what_bake_is_to_build_with_every_key() -> None:
    settings = Build(
        dockerfile_inline=Text("FROM ${A}"),
        cache_from=("type=local,src=/c",),
        cache_to=("type=local,dest=/c",),
        entitlements=("network.host",),
        extra_hosts={"a": Text("1.1.1.1")},
        labels={"l": Text("v")},
        network="host",
        no_cache=True,
        platforms=("linux/amd64", "linux/arm64"),
        privileged=True,
        provenance="mode=max",
        pull=True,
        sbom=False,
        shm_size=ByteSize(64 << 20),
        ssh=("default",),
        tags=("b:2",),
        ulimits={"nofile": Ulimit(soft=5, hard=6)},
    )
    build = DesiredBuild(remote="https://x/y.git#main:d", settings=settings, contexts={"c": "/c"})
    (target,) = json.loads(buildx.bake_file(Image(ref="a:1", build=build), build, {"ours": "x"}))[
        "target"
    ].values()
    assert target == {
        "context": "https://x/y.git#main:d",
        "dockerfile-inline": "FROM $${A}",
        "tags": ["a:1", "b:2"],
        "args": {},
        "labels": {"l": "v", "ours": "x"},
        "contexts": {"c": "/c"},
        "attest": ["type=provenance,mode=max", "type=sbom,disabled=true"],
        "cache-from": ["type=local,src=/c"],
        "cache-to": ["type=local,dest=/c"],
        "entitlements": ["network.host", "security.insecure"],
        "extra-hosts": {"a": "1.1.1.1"},
        "network": "host",
        "no-cache": True,
        "platforms": ["linux/amd64", "linux/arm64"],
        "pull": True,
        "shm-size": "67108864",
        "ssh": ["default"],
        "ulimits": ["nofile=5:6"],
    }
    assert buildx.allowed(build) == [
        *("--allow", "network.host", "--allow", "security.insecure", "--allow", "ssh"),
    ]
    assert build_keys.for_buildkit(settings) == [
        "cache_to",
        "entitlements",
        "platforms",
        "privileged",
        "provenance",
        "ssh",
    ]
    assert build_keys.for_buildkit(Build(platforms=("linux/amd64",), cache_from=("a",), network="host")) == []


def test_what_bake_is_to_build() -> None:
    build = DesiredBuild(context=Path("/c"), target="t", args={"TOKEN": "a ${b} %{c} $d", "PATH": "/x"})
    assert json.loads(buildx.bake_file(Image(ref="a:1", build=build), build, {"l": "${x}"})) == {
        "target": {
            "default": {
                "context": "/c",
                "dockerfile": "/c/Dockerfile",
                "tags": ["a:1"],
                "args": {"TOKEN": "a $${b} %%{c} $d", "PATH": "/x"},
                "labels": {"l": "$${x}"},
                "target": "t",
            }
        }
    }
