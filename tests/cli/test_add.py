"""stackctl add"""

from __future__ import annotations

import shlex
from pathlib import Path

import pages
import pytest
from commandline import Run

from stackctl.cli.whole_file import beside
from stackctl.errors import UsageError
from stackctl.spec.known_images import names_of_tables

pytest_plugins = ["commandline_fixtures"]

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "daily-loop.md"
SHOP = '[services.api]\nimage = "busybox:1"\ncommand = "sleep infinity"\n'


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "stack.toml"
    path.write_text(SHOP)
    path.chmod(0o640)
    return path


def test_a_service_is_written_with_its_password_and_told_to_others(run: Run, shop: Path) -> None:
    shown = run("add", "postgres", "--to", "api", "--dry-run")
    assert (shown.code, shown.err) == (0, "")
    assert '+environment = { DATABASE_URL = "${services.postgres.url}" }\n' in shown.out
    assert (shop.read_text(), [*shop.parent.iterdir()]) == (SHOP, [shop])
    ran = run("add", "postgres", "--to", "api")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "wrote stack.toml         has the service postgres",
        "wrote .env.example       what a .env needs, for others",
        "wrote .env               generated passwords",
        "wrote .gitignore         keeps .env out of git",
        "api gets DATABASE_URL, and waits for postgres",
        "next: stackctl up",
    ]
    assert shop.stat().st_mode & 0o777 == 0o640
    assert (shop.parent / ".env").read_text().startswith("POSTGRES_PASSWORD=")
    text = shop.read_text()
    again = run("add", "postgres")
    assert (again.code, again.out) == (2, "")
    assert "there is a service postgres already" in again.err
    assert "--name OTHER" in again.err
    assert shop.read_text() == text


def test_every_known_image_passes_the_check(run: Run, shop: Path) -> None:
    for name in names_of_tables():
        ran = run("add", name, "--to", "api")
        assert (ran.code, ran.err) == (0, ""), name
    checked = run("check", "--offline", "--strict")
    assert checked.code == 0, checked.out


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        (SHOP + "[services.b]\nimge = 1\n", ["redis"], "stack.toml:5:1: error SC112: services.b.imge"),
        (SHOP + "a = \n", ["redis"], "stack.toml:4"),
        (SHOP, ["redis", "--name", "a b"], "'a b' is not a name"),
        (SHOP, ["redis", "--to", "apo"], "did you mean 'api'?"),
        (SHOP, ["postgress"], "did you mean 'postgres'?"),
        (SHOP.replace("command", 'ports = ["8080:1"]\ncommand'), ["nginx"], "error SC501: services.nginx.ports[0]"),
    ],
)  # fmt: skip
def test_a_mistake_changes_nothing(
    run: Run, shop: Path, text: str, arguments: list[str], message: str
) -> None:
    shop.write_text(text)
    ran = run("add", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert (shop.read_text(), [*shop.parent.iterdir()]) == (text, [shop])


def test_a_variable_of_another_file_and_a_file_with_windows_line_ends(run: Run, shop: Path) -> None:
    shop.write_bytes(b"\xef\xbb\xbf" + SHOP.replace("\n", "\r\n").encode())
    (shop.parent / "local.env").write_text("A=1\n")
    assert run("--env-file", "local.env", "add", "mysql").code == 0
    assert shop.read_bytes().startswith(b'\xef\xbb\xbf[services.api]\r\nimage = "busybox:1"\r\n')
    assert (shop.parent / "local.env").read_text().startswith("A=1\nMYSQL_ROOT_PASSWORD=")
    assert not (shop.parent / ".env").exists()


@pytest.mark.parametrize("text", ["", 'name = "shop"\n', "# nothing yet\n[services]\n"])
def test_a_file_may_get_its_first_service(run: Run, shop: Path, text: str) -> None:
    shop.write_text(text)
    ran = run("add", "redis")
    assert (ran.code, ran.err) == (0, "")
    assert shop.read_text().startswith(text)
    assert run("check", "--offline").code == 0


def test_a_mistake_in_a_file_without_services_is_told(run: Run, shop: Path) -> None:
    shop.write_text('nmae = "shop"\n')
    ran = run("add", "redis")
    assert (ran.code, ran.out) == (2, "")
    assert "stack.toml:1:1: error SC112: nmae: unknown key 'nmae'" in ran.err
    assert shop.read_text() == 'nmae = "shop"\n'


def test_a_name_that_no_service_can_have_is_not_looked_for_in_the_file(run: Run, shop: Path) -> None:
    ran = run("add", "redis", "--name", "my cache")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: 'my cache' is not a name: use letters")
    assert shop.read_text() == SHOP


def test_a_directory_that_takes_no_file_is_told_by_the_name_of_the_file() -> None:
    path = Path("/proc/stack.toml")  # nobody may write there, root neither
    told = "/proc/stack.toml cannot be written: "
    with pytest.raises(UsageError, match=told), beside(path, b""):
        pass


def test_a_compose_file_is_not_written(run: Run, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services: {api: {image: a}}\n")
    ran = run("add", "redis")
    assert (ran.code, ran.out) == (2, "")
    assert "compose.yaml is a compose file: add writes into a stack.toml" in ran.err
    assert "stackctl import compose.yaml -o stack.toml writes one" in ran.err


def test_the_guide_shows_what_it_does(run: Run, shop: Path) -> None:
    shop.write_text(SHOP.replace("api", "web"))
    blocks = pages.section(GUIDE, "Add a service; take a stack along")
    commands = [c for each in blocks if isinstance(each, pages.Block) for c in pages.commands(each)]
    adding = [command for command in commands if command.text.startswith("stackctl add ")]
    for command in adding:
        ran = run(*shlex.split(command.text)[1:])
        assert (ran.code, ran.err) == (0, "")
        assert pages.is_as_shown(command.shown, ran.out.splitlines()), ran.out
    assert len(adding) == 2
