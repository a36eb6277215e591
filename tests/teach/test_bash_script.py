"""The script of `export bash`: whatever a stack.toml says, bash runs the commands that are meant, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from written_script import TEXT, Written, trees

from stackctl.spec.output.write import literal


@given(trees())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_bash_runs_what_is_meant_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, Any]
) -> None:
    shop = Written(literal(tree), tmp_path_factory.mktemp("shop"))
    calls, _ = shop.run()
    for argv in shop.meant:
        assert argv in calls
    assert ["exec", "shop-web-1", *tree["services"]["web"]["healthcheck"]["test"][1:]] in calls
    shop.run("down", "--volumes")


@given(st.dictionaries(st.sampled_from(["A", "TOKEN", "PATH_X", "UID", "IFS_"]), TEXT, min_size=1))
@example({"TOKEN": "a'b\"c$d", "A": "$(touch injected)"})
@settings(max_examples=15, deadline=None)
def test_variables_arrive_as_they_are(
    tmp_path_factory: pytest.TempPathFactory, environ: dict[str, str]
) -> None:
    texts = {f"V{n}": f"<${{{name}}}>" for n, name in enumerate(environ)}
    web = {"image": "busybox", "environment": texts, "command": ["x", *(f"${{{name}}}" for name in environ)]}
    required = {name: text for name, text in environ.items() if text or name != "TOKEN"}
    if required != environ:
        return  # the script asks for a secret that is not empty
    shop = Written({"services": {"web": web}}, tmp_path_factory.mktemp("shop"), **environ)
    assert "TOKEN" not in environ or len(environ["TOKEN"]) < 6 or environ["TOKEN"] not in shop.text
    token = environ.get("TOKEN", "")
    shop.environ = {
        "STACK_UID" if name == "UID" else name: text  # bash keeps UID for itself
        for name, text in environ.items()
        if name == "TOKEN" or (len(token) >= 6 and token in text)
    }
    calls, _ = shop.run()
    assert shop.meant[0] in calls


SECRETS = {
    "services": {
        "db": {"image": "postgres:15", "environment": {"POSTGRES_PASSWORD": "p@ss-word"}},
        "api": {
            "image": "busybox",
            "command": ["app", "--requirepass", "hidden1", "--url=redis://:hidden2@redis"],
            "environment": {
                "URL": "${services.db.url}",
                "API_TOKEN": "hidden3",
                "COPY": "x hidden3 y",
                "OWN": "${DB_PASS}",
            },
            "labels": {"secret": "hidden4"},
        },
    }
}


def test_no_secret_stands_in_the_script(tmp_path: Path) -> None:
    shop = Written(SECRETS, tmp_path, DB_PASS="hidden5")
    assert "hidden" not in shop.text
    assert "p@ss-word" not in shop.text
    assert "p%40ss" not in shop.text
    asked = {line.split(":")[1].strip('" ${') for line in shop.text.splitlines() if line.startswith('  : "')}
    values = {
        "POSTGRES_PASSWORD": "p@ss-word",
        "REQUIREPASS": "hidden1",
        "COMMAND_PASSWORD": "hidden2",
        "API_TOKEN": "hidden3",
        "SECRET": "hidden4",
        "DB_PASS": "hidden5",
    }
    assert asked == values.keys()
    shop.environ = values
    calls, _ = shop.run()
    assert all(argv in calls for argv in shop.meant)


@pytest.mark.parametrize(
    "tree",
    [
        SECRETS,
        {
            "services": {
                "web": {"image": "busybox", "environment": {"E": "$$x `y`"}, "healthcheck": {"log": r"\d"}}
            }
        },
    ],
)
def test_shellcheck_finds_nothing(tree: dict[str, Any], tmp_path: Path) -> None:
    shop = Written(tree, tmp_path, DB_PASS="hidden5")
    (tmp_path / "run.sh").write_text(shop.text)
    done = subprocess.run(
        [str(Path(sys.executable).parent / "shellcheck"), "run.sh"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""


@given(trees())
@example(
    {
        "services": {
            "web": {"image": "busybox", "environment": {"A": "‘", "B": "Tom’s $", "C": "‘“", "D": "it's “"}}
        }
    }
)
@settings(max_examples=10, deadline=None)
def test_shellcheck_finds_nothing_in_any_script(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, Any]
) -> None:
    directory = tmp_path_factory.mktemp("shop")
    test_shellcheck_finds_nothing(literal(tree), directory)


def test_secrets_and_hooks_of_a_script(tmp_path: Path) -> None:
    (tmp_path / "pw.txt").write_text("hunter2")
    web = {
        "image": "busybox",
        "read_only": True,
        "secrets": ["pw", {"source": "token", "uid": 5, "mode": "0400"}],
        "post_start": [{"command": ["echo", "up"], "user": "7"}],
        "pre_stop": [{"command": "sync"}],
    }
    plain = {"image": "busybox", "configs": [{"source": "conf", "target": "/etc/c"}]}
    tree = {
        "services": {"web": web, "plain": plain},
        "secrets": {"pw": {"file": "pw.txt"}, "token": {"environment": "TOKEN"}},
        "configs": {"conf": {"content": "a\nb $$c"}},
    }
    script = Written(tree, tmp_path, TOKEN="hunter3")
    assert "hunter" not in script.text
    calls, said = script.run("up")
    called = [" ".join(each for each in call if not each.startswith("--")) for call in calls]
    verbs = ("create shop", "start", "cp", "exec")
    assert sorted(line for line in called if line.startswith(verbs)) == sorted([
        "create shop-web-1 shop_default web type=volume,target=/run/secrets busybox",
        "cp - shop-web-1:/run/secrets",
        "cp - shop-web-1:/run/secrets",
        "start shop-web-1",
        "exec 7 shop-web-1 echo up",
        "create shop-plain-1 shop_default plain busybox",
        "cp - shop-plain-1:/",
        "start shop-plain-1",
    ]), said  # fmt: skip
    order = [
        called.index(line)
        for line in ("cp - shop-web-1:/run/secrets", "start shop-web-1", "exec 7 shop-web-1 echo up")
    ]
    assert order == sorted(order)
    stopped = [" ".join(call) for call in script.run("down")[0]]
    assert stopped.index("exec shop-web-1 sync") < stopped.index("stop shop-web-1")
