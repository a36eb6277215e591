from __future__ import annotations

from pathlib import Path

import pytest

from stackctl.planner.steps.plan import Plan
from stackctl.spec.model import Stack
from stackctl.spec.selection import Selection
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest
from stackctl.teach.commands import Docker
from stackctl.teach.explain.lesson_text import lesson_markdown, lesson_text
from stackctl.teach.explain.mistakes import MISTAKES
from stackctl.teach.explain.scenes import Scene, scenes
from stackctl.teach.from_nothing import from_nothing

SHOP = """\
name = "shop"

[services.db]
image = "postgres:15"
environment = { POSTGRES_PASSWORD = "${SECRET}", TOKEN = "hunter22" }
volumes = ["pgdata:/var/lib/postgresql/data"]
networks = ["back"]

[jobs.migrate]
image = "busybox"
command = ["sh", "-c", "echo it's done"]
depends_on = ["db"]
networks = ["back"]

[services.api]
build = "./api"
depends_on = ["migrate"]
ports = ["8000:80"]
networks = ["back", "front"]
healthcheck = { http = ":80/health" }

[networks.back]
internal = true

[networks.front]

[volumes.pgdata]
"""


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    (tmp_path / "stack.toml").write_text(SHOP)
    return read(StackRequest(files=[Path("stack.toml")], directory=tmp_path, environ={}, strict=False))


def told(stack: Stack) -> tuple[Plan, list[Scene]]:
    view, plan = from_nothing(stack, Selection())
    return plan, scenes(Docker(stack), plan.steps, view.desired.containers)


def test_every_step_is_in_one_scene_in_an_order_that_works(stack: Stack) -> None:
    plan, found = told(stack)
    done = [step.id for scene in found for step in scene.steps]
    assert sorted(done) == [step.id for step in plan.steps]
    before: set[int] = set()
    for scene in found:
        own = {step.id for step in scene.steps}
        for step in scene.steps:
            assert step.after <= before | own
        before |= own


def test_the_commands(stack: Stack) -> None:
    _, found = told(stack)
    assert [scene.command for scene in found] == [
        "docker pull postgres:15",
        "docker pull busybox",
        'docker build --tag shop-api "${PWD}/api"',
        "docker network create --internal shop_back",
        "docker network create shop_front",
        "docker volume create shop_pgdata",
        (
            'docker run --detach --name shop-db-1 --network shop_back \\\n  --network-alias db --env POSTGRES_PASSWORD="${SECRET}" \\\n'
            "  --env 'TOKEN=•••' \\\n"
            "  --mount type=volume,source=shop_pgdata,target=/var/lib/postgresql/data \\\n  --init postgres:15"
        ),
        "until docker exec shop-db-1 pg_isready -h 127.0.0.1 -p 5432 -U \\\n  postgres -d postgres\ndo sleep 0.5; done",
        (
            "docker run --detach --name shop-migrate-1 --network shop_back \\\n  --network-alias migrate --init busybox sh -c "
            '"echo it\'s done"'
        ),
        '[ "$(docker wait shop-migrate-1)" = 0 ]',
        (
            "docker create --name shop-api-1 --network shop_back \\\n  --network-alias api --publish 127.0.0.1:8000:80 --init \\\n  shop-api\n"
            "docker network connect --alias api shop_front shop-api-1\ndocker start shop-api-1"
        ),
        (
            "until docker run --rm --network shop_back busybox \\\n  wget -q -O /dev/null http://shop-api-1:80/health\n"
            "do sleep 0.5; done"
        ),
    ]


def test_a_scene_names_the_lines_it_comes_from(stack: Stack) -> None:
    _, found = told(stack)
    by_title = {scene.title: scene for scene in found}
    run = by_title["Run db, a service"]
    assert [(source.where, source.path[2:]) for source in run.sources] == [
        ("stack.toml:3", ()),
        ("stack.toml:4", ("image",)),
        ("stack.toml:5", ("environment",)),
        ("stack.toml:6", ("volumes",)),
        ("stack.toml:7", ("networks",)),
    ]
    assert run.mistakes == (1, 2, 3, 5)
    waits = by_title["Wait until db is ready"]
    assert [source.where for source in waits.sources] == ["stack.toml:12"]


def test_every_mistake_is_prevented_somewhere(stack: Stack) -> None:
    _, found = told(stack)
    assert {number for scene in found for number in scene.mistakes} == {each.number for each in MISTAKES}


def test_the_text_fits_80_columns_and_holds_no_secret(stack: Stack) -> None:
    _, found = told(stack)
    text = lesson_text(stack, found)
    assert not [line for line in text.splitlines() if len(line) > 80 and not line.startswith("    ")]
    for shown in (text, lesson_markdown(stack, found)):
        assert "hunter22" not in shown
        assert "${SECRET}" in shown
    assert text.count("\n\n\n") == len(found) + 1
    assert "bash: 25 lines" in text
    assert "stack.toml: 21 lines" in text


def test_markdown_has_a_section_for_each_scene(stack: Stack) -> None:
    _, found = told(stack)
    text = lesson_markdown(stack, found)
    assert text.count("\n## ") == len(found) + 1
    assert text.count("```") % 2 == 0
    assert (
        """\
## 6. Create volume shop_pgdata

```bash
docker volume create shop_pgdata
```

```toml
# stack.toml:27
[volumes.pgdata]
```

* **What the engine does:** It makes an empty directory that belongs to no container, so that it stays when containers go. (`POST /volumes/create`)
"""
        in text
    )


def test_code_cannot_end_its_fence(tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text(
        '[services.web]\nimage = "busybox"\ncommand = ["echo", "```\\n# not a heading"]\n'
    )
    stack = read(StackRequest(files=[Path("stack.toml")], directory=tmp_path, environ={}, name="shop"))
    text = lesson_markdown(stack, told(stack)[1])
    assert "````bash\n" in text


def test_every_check_is_a_loop(tmp_path: Path) -> None:
    checks = {
        "a": '{ test = "curl -f localhost" }',
        "b": '{ test = ["CMD", "is-ready", "it\'s"] }',
        "c": "{ tcp = 80 }",
        "d": '{ log = "ready [a-z]+" }',
        "e": '{ log = "up \\\\d+" }',
    }
    text = "".join(
        f'[services.{name}]\nimage = "busybox"\nhealthcheck = {check}\n' for name, check in checks.items()
    )
    (tmp_path / "stack.toml").write_text(text)
    stack = read(StackRequest(files=[Path("stack.toml")], directory=tmp_path, environ={}, name="shop"))
    waits = [
        scene.command.removesuffix("\ndo sleep 0.5; done")
        for scene in told(stack)[1]
        if "Wait" in scene.title
    ]
    assert waits == [
        "until docker exec shop-a-1 /bin/sh -c 'curl -f localhost'",
        'until docker exec shop-b-1 is-ready "it\'s"',
        "until docker run --rm --network shop_default busybox nc -z -w 2 shop-c-1 80",
        "until docker logs shop-d-1 2>&1 | grep -E -e 'ready [a-z]+' >/dev/null",
        "until docker logs shop-e-1 2>&1 | grep -P -e 'up \\d+' >/dev/null",
    ]


def test_a_volume_without_a_name_keeps_no_data_for_the_next_container(tmp_path: Path) -> None:
    text = '[services.a]\nimage = "busybox"\nvolumes = ["/cache"]\n[services.b]\nimage = "busybox"\nvolumes = ["v:/data"]\n[volumes.v]\n'
    (tmp_path / "stack.toml").write_text(text)
    stack = read(StackRequest(files=[Path("stack.toml")], directory=tmp_path, environ={}, name="shop"))
    found = {scene.title: scene.mistakes for scene in told(stack)[1] if scene.title.startswith("Run")}
    assert found == {"Run a, a service": (1, 2), "Run b, a service": (1, 2, 5)}


COMPOSE = """\
services:
  web:
    image: busybox
    secrets: [tok]
    pre_start:
      - command: seed
    post_start: [{command: warm}]
  db:
    image: busybox
secrets:
  tok: {file: tok}
"""


def test_hooks_and_secrets_of_a_compose_file_are_scenes(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    (tmp_path / "tok").write_text("t0k")
    request = StackRequest(files=[Path("compose.yaml")], directory=tmp_path, environ={}, name="shop")
    stack = read(request)
    found = {scene.title: scene for scene in told(stack)[1]}
    hook = found["Run pre_start of web"]
    assert [(source.where, source.text) for source in hook.sources] == [
        ("compose.yaml:5", "pre_start: [{command: seed}]")
    ]
    start = found["Start container shop-web-1"]
    assert start.command == 'docker cp "${PWD}/tok" shop-web-1:/run/secrets/tok\ndocker start shop-web-1'
    assert [source.text for source in start.sources] == ["secrets: [tok]"]
    after = found["Run post_start of container shop-web-1"]
    assert [source.text for source in after.sources] == ["post_start: [{command: warm}]"]
    text = lesson_text(stack, list(found.values()))
    assert "stack.toml" not in text
    assert "compose.yaml: 11 lines, in any order." in text
    assert "```yaml\n# compose.yaml:3\nimage: busybox" in lesson_markdown(stack, list(found.values()))
