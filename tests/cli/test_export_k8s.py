"""`export k8s`: no key of a stack is forgotten, no secret stands in the output, and what is lost is told twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from commandline import Run

from stackctl.spec.model import Job, Stack
from stackctl.teach.k8s.keys import LOST, MAPPED, all_keys, fate

pytest_plugins = ["commandline_fixtures"]

SHOP = """
name = "shop"
[services.db]
image = "postgres:15"
environment = { POSTGRES_PASSWORD = "${DB_PASSWORD}" }
volumes = ["rows:/var/lib/postgresql/data"]
[services.api]
image = "api:1"
environment = { URL = "${services.db.url}", MODE = "fast" }
command = ["serve", "--token", "${API_TOKEN}"]
ports = [8000]
configs = ["rules", "tuned"]
secrets = ["licence"]
volumes = ["./pages:/pages:ro", "./keys:/keys:ro"]
ulimits = { nofile = 1024 }
[volumes.rows]
[configs.rules]
content = "a = 1"
[configs.tuned]
content = "password=${API_TOKEN}"
[secrets.licence]
environment = "LICENCE"
"""
SECRETS = {"DB_PASSWORD": "at/first", "API_TOKEN": "hunter22", "LICENCE": "l1c3nc3"}


def documents(text: str) -> dict[tuple[str, str], Any]:
    return {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(text)}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "stack.toml").write_text(SHOP)
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "index.html").write_text("<p>\n")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "server.key").write_text("-----BEGIN PRIVATE KEY-----\n")
    return tmp_path


def test_no_key_is_forgotten() -> None:
    """A new key of the model belongs into MAPPED if a part of `teach/k8s` says it, else into LOST."""
    keys = {".".join(name) for name in all_keys(Stack)} | {
        ".".join(name) for name in all_keys(Job, ("services",))
    }
    ours = {name for name in keys if name.split(".")[0] not in ("templates", "jobs", "include")}
    forgotten = {name for name in ours if name not in MAPPED and fate(name)[0] not in LOST}
    assert not forgotten
    assert not {name for name in MAPPED if name not in ours | {"templates", "include"}}
    assert not {name for name in LOST if not any(f"{key}.".startswith(f"{name}.") for key in ours)}


def test_secrets_are_named_alone(run: Run, shop: Path) -> None:
    ran = run("export", "k8s", **SECRETS)
    assert ran.code == 0, ran.err
    for text in (*SECRETS.values(), "at%2Ffirst", "PRIVATE KEY"):
        assert text not in ran.out + ran.err
    api = documents(ran.out)["Deployment", "api"]["spec"]["template"]["spec"]
    (container,) = api["containers"]
    assert container["args"] == ["serve", "--token", "$(API_TOKEN)"]
    assert container["env"] == [
        {"name": "URL", "valueFrom": {"secretKeyRef": {"name": "shop-env", "key": "URL"}}},
        {"name": "MODE", "value": "fast"},
        {"name": "API_TOKEN", "valueFrom": {"secretKeyRef": {"name": "shop-env", "key": "API_TOKEN"}}},
    ]
    assert documents(ran.out)["ConfigMap", "rules"]["data"] == {"rules": "a = 1"}
    assert documents(ran.out)["ConfigMap", "api-pages"]["data"] == {"index.html": "<p>\n"}


def test_secrets_are_written_if_asked_for(run: Run, shop: Path) -> None:
    told = documents(run("export", "k8s", "--secrets", **SECRETS).out)
    assert {name: each["stringData"] for (_, name), each in told.items()} == {
        "shop-env": {
            "POSTGRES_PASSWORD": "at/first",
            "URL": "postgresql://postgres:at%2Ffirst@db:5432/postgres",
            "API_TOKEN": "hunter22",
        },
        "licence": {"licence": "l1c3nc3"},
        "tuned": {"tuned": "password=hunter22"},
        "api-keys": {"server.key": "-----BEGIN PRIVATE KEY-----\n"},
    }


def test_what_is_lost_is_told_with_its_place(run: Run, shop: Path) -> None:
    ran = run("export", "k8s", **SECRETS)
    sentence = "services.api.ulimits: a Pod has the limits of its node's container runtime"
    assert f"#   {sentence}" in ran.out
    assert f"stack.toml:15:1: note: {sentence}" in " ".join(ran.err.split())
    assert "raise them in the entrypoint, or on the node" in ran.err


def test_a_directory_gets_a_file_for_each_service(run: Run, shop: Path) -> None:
    ran = run("export", "k8s", "-o", "made/", **SECRETS)
    assert (ran.code, ran.out) == (0, "")
    files = {each.name: each.read_text() for each in (shop / "made").iterdir()}
    assert sorted(files) == ["README.txt", "api.yaml", "db.yaml", "stack.yaml"]
    assert [kind for kind, _ in documents(files["db.yaml"])] == ["Service", "StatefulSet"]
    assert "kubectl create namespace shop" in files["README.txt"]
    assert run("export", "k8s", "db", "-o", "made/", **SECRETS).code == 0


def test_two_names_that_become_one(run: Run, tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text(
        '[services."a.b"]\nimage = "busybox"\n[services.a_b]\nimage = "busybox"\n'
    )
    ran = run("export", "k8s")
    assert ran.code == 2
    assert (
        "stack.toml:3:11: error: services.a_b: a_b and a.b would both be called a-b in Kubernetes" in ran.err
    )


def test_options_that_do_not_fit(run: Run, shop: Path) -> None:
    assert "--secrets is for k8s" in run("export", "bash", "--secrets", **SECRETS).err
    (shop / "file").write_text("")
    ran = run("export", "k8s", "-o", "file/", **SECRETS)
    assert (ran.code, "cannot be written" in ran.err) == (2, True), ran.err
