import io
import stat
import tomllib
from pathlib import Path

import pytest
from commandline import Ran, Run

pytest_plugins = ["commandline_fixtures"]

SCRIPT = """\
docker network create n
docker run -d --name db --network n -v d:/var/lib/postgresql/data -e 'POSTGRES_PASSWORD=it'"'"'s a $ecret' postgres:15
docker run -d --name api --network n --io-maxiops 9 -e DB_HOST=db -e MODE=$MODE api:1
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "run.sh"
    path.write_text(SCRIPT)
    return path


def test_the_stack_is_printed(run: Run, script: Path, tmp_path: Path) -> None:
    ran = run("import", "run.sh")
    assert (ran.code, ran.err) == (0, "")
    assert tomllib.loads(ran.out)["services"]["db"]["environment"] == {"POSTGRES_PASSWORD": "it's a $$ecret"}
    assert [path.name for path in tmp_path.iterdir()] == ["run.sh"]


def test_what_is_written_is_a_stack(run: Run, script: Path, tmp_path: Path) -> None:
    ran = run("import", "run.sh", "-o", "stack.toml")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[:3] == [
        "wrote stack.toml         2 services",
        "wrote .env               values of the variables: passwords of the script and 1 placeholder",
        "wrote .gitignore         keeps .env out of git",
    ]
    assert "run.sh:3:38: --io-maxiops 9 is not imported" in ran.out
    assert "$ecret" not in ran.out
    assert ran.out.endswith("\n\nnext: write the value of MODE into .env, then stackctl up\n")
    assert run("config", "-q") == Ran(0, "", "")
    shown = tomllib.loads(run("config", "--show-secrets").out)["services"]["db"]["environment"]
    assert shown == {"POSTGRES_PASSWORD": "it's a $$ecret"}
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert (tmp_path / ".gitignore").read_text() == ".env\n"


def test_nothing_is_overwritten(run: Run, script: Path, tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text("mine")
    (tmp_path / ".env").write_text("MODE=mine\n")
    ran = run("import", "run.sh", "-o", "stack.toml")
    assert (ran.code, ran.out) == (2, "")
    assert "stack.toml exists" in ran.err
    assert run("import", "run.sh", "-o", "other.toml").code == 0
    assert (tmp_path / "stack.toml").read_text() == "mine"
    assert (tmp_path / ".env").read_text().startswith("MODE=mine\nPOSTGRES_PASSWORD=")


def test_the_variables_go_where_they_should(run: Run, script: Path, tmp_path: Path) -> None:
    ran = run("import", "run.sh", "--env-out", "x.env")
    assert "${POSTGRES_PASSWORD}" in ran.out
    assert ran.err.startswith("wrote x.env")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.sh", "x.env"]


@pytest.mark.parametrize(
    "words",
    [
        ("docker", "run", "-dp", "80:80", "--name", "w", "nginx:1", "-x"),
        ("--", "docker", "run", "-dp", "80:80", "--name", "w", "nginx:1", "-x"),
        ("sudo", "docker", "run", "-dp", "80:80", "--name=w", "nginx:1", "-x"),
    ],
)
def test_one_command(run: Run, words: tuple[str, ...]) -> None:
    services = tomllib.loads(run("import", *words).out)["services"]
    assert services == {"w": {"image": "nginx:1", "ports": ["0.0.0.0:80:80"], "command": ["-x"]}}


def test_the_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"docker run -d --name $1 x")))
    assert tomllib.loads(run("import", "-", "a").out)["services"] == {"a": {"image": "x"}}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("no.sh",), "no.sh cannot be read: No such file or directory"),
        ((".",), ". cannot be read: Is a directory"),
        (("docker", "ps"), "the command line starts no container"),
    ],
)
def test_what_cannot_be_imported(run: Run, words: tuple[str, ...], said: str) -> None:
    ran = run("import", *words)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


def test_what_comes_next(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.sh").write_text("docker run -d mysql:8")
    (tmp_path / "good.sh").write_text("docker run -d x:1")
    ran = run("import", "bad.sh", "-o", "stack.toml")
    assert ran.out.endswith("\nnext: repair the errors in stack.toml, then stackctl up\n")
    assert run("import", "good.sh", "-o", "a b.toml").out.endswith("\nnext: stackctl -f 'a b.toml' up\n")


def test_a_container_that_cannot_be_read_is_no_stack_to_start(run: Run, tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text("docker run -d –name db postgres:15\ndocker run -d --name api x:1\n")
    then = "repair run.sh, remove stack.toml and import again: 1 container could not be read"
    assert run("import", "run.sh", "-o", "stack.toml").out.endswith(f"\nnext: {then}\n")


def test_the_values_that_the_script_does_not_tell_are_asked_for(run: Run, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MODE=there\n")
    (tmp_path / "run.sh").write_text(
        'PASS=$(openssl rand -hex 8)\ndocker run -d -e MODE=$MODE -e POSTGRES_PASSWORD="$PASS" -e TZ=$TZ postgres:15\n'
    )
    ran = run("import", "run.sh", "-o", "stack.toml")
    assert "wrote .env               values of the variables: 2 placeholders\n" in ran.out
    assert "error" not in ran.out
    assert ran.out.endswith("\nnext: write the values of PASS, TZ into .env, then stackctl up\n")
    assert (tmp_path / ".env").read_text() == "MODE=there\nPASS=change-me\nTZ=\n"


def test_a_compose_file_is_imported_with_notes_and_its_mistakes(run: Run, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(
        "services:\n  web: {image: nginx, ports: ['80:80'], depends_on: [db]}\n  db: {image: 'mysql:8', volumes: [data:/d]}\nvolumes: {data: }\n"
    )
    ran = run("import", "compose.yaml", "-o", "stack.toml")
    assert ran.code == 0
    assert "  compose.yaml:2:" in ran.out
    assert "Mistakes in the file:" in ran.out
    assert "compose.yaml:3:3: error SC301" in ran.out
    assert ran.out.endswith("\nnext: repair the errors in stack.toml, then stackctl up\n")
    assert run("import", "compose.yaml", "web").code == 2
