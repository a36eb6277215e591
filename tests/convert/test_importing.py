"""A script becomes a stack.toml: what belongs together, what comes first, what is noted, and the mistakes of the script."""

import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from stackctl.convert.importing import import_script
from stackctl.errors import UsageError

SHOP = """\
#!/bin/bash
PASSWORD='s3cret!'
docker network create shop
docker volume create pgdata
docker run -d --name api --network shop -p 8000:80 \\
  -e DATABASE_URL="postgres://postgres:$PASSWORD@db/shop" -e MODE=$MODE api:1
docker run -d --name db --network shop -v pgdata:/var/lib/postgresql/data -e POSTGRES_PASSWORD="$PASSWORD" -e POSTGRES_DB=shop postgres:15
sleep 10
docker exec -it db psql
"""


def tree(script: str, **options: Any) -> dict[str, Any]:
    return tomllib.loads(import_script("run.sh", script, **options).text)


def told(script: str) -> tuple[list[str], list[str]]:
    """The notes and the mistakes, each with its place."""
    made = import_script("run.sh", script)
    return (
        [f"{note.line}: {note.message}" for note in made.notes],
        [f"{each.place.line if each.place else ''}: {each.rule} {each.message}" for each in made.problems],
    )


def test_a_script_becomes_a_stack() -> None:
    made = import_script("run.sh", SHOP, env=True)
    assert (
        made.text
        == """\
# Made by `stackctl import` from run.sh. `stackctl up` starts it in order and waits until each part is ready.
# Volumes get names of this project. To keep the data of a volume that the script has made, add to its table:
#   name = "NAME-OF-THE-VOLUME"
#   external = true
# .env holds MODE, POSTGRES_PASSWORD: git must not track it.

# run.sh:5
[services.api]
image = "api:1"
ports = ["0.0.0.0:8000:80"]
networks = ["shop"]
depends_on = ["db"]  # DATABASE_URL names it

[services.api.environment]  # ${…}: from the shell or .env
DATABASE_URL = "postgres://postgres:${POSTGRES_PASSWORD}@db/shop"
MODE = "${MODE}"

# run.sh:7
[services.db]
image = "postgres:15"
volumes = ["pgdata:/var/lib/postgresql/data"]
networks = ["shop"]

[services.db.environment]  # ${…}: from the shell or .env
POSTGRES_PASSWORD = "${POSTGRES_PASSWORD}"
POSTGRES_DB = "shop"

[networks.shop]

[volumes.pgdata]

# Not taken over, or not as it was:
#   run.sh:8:1: sleep 10 is dropped: stackctl waits until a service is ready
#   run.sh:9:1: docker exec is not imported: after `up`, `stackctl exec db psql` does the same

# Mistakes in the script (stackctl explain RULE says more):
#   run.sh:5:1: warning SC201: api is started before db, which it uses (DATABASE_URL)
#     the stack waits: depends_on
"""
    )
    assert made.variables == {"POSTGRES_PASSWORD": "s3cret!", "MODE": ""}


def test_without_a_file_of_variables_the_values_stand_in_the_text() -> None:
    environment = tree(SHOP)["services"]["api"]["environment"]
    assert environment == {"DATABASE_URL": "postgres://postgres:s3cret!@db/shop", "MODE": "${MODE:-}"}


@pytest.mark.parametrize(
    ("script", "services"),
    [
        (
            "docker run -d --name a x; docker run -d --link a:db --name b y",
            {"a": {"image": "x", "networks": {"default": {"aliases": ["db"]}}}, "b": {"image": "y", "depends_on": ["a"]}},
        ),
        (
            "docker run -d --name a x; docker run -d --net container:a --name b y",
            {"a": {"image": "x"}, "b": {"image": "y", "network_mode": "service:a"}},
        ),
        ("docker run -d nginx:1; docker run -d nginx:1", {"nginx": {"image": "nginx:1"}, "nginx-2": {"image": "nginx:1"}}),
        ("docker run -d --network host --name a x", {"a": {"image": "x", "network_mode": "host"}}),
        (
            "cd app; docker build -t me -f D --build-arg V=1 . ; docker run -d --name a me",
            {"a": {"image": "me", "build": {"context": "./app", "dockerfile": "D", "args": {"V": "1"}}}},
        ),
        (
            "cd app/../..; docker run -d --name a -v $PWD/x:/x -v $(pwd)/../y:/y -v ./z:/z -v .:/w x; cd /srv; cd ..; docker run -d --name b -v ./q:/q x",
            {
                "a": {"image": "x", "volumes": ["../x:/x", "../../y:/y", "../z:/z", "..:/w"]},
                "b": {"image": "x", "volumes": ["/q:/q"]},
            },
        ),
        (
            "docker create --name a x; docker network create n; docker network connect --alias q n a; docker start a",
            {"a": {"image": "x", "networks": {"default": {}, "n": {"aliases": ["q"]}}}},
        ),
        (
            "docker run -it --rm --name a busybox sh",
            {"a": {"image": "busybox", "command": ["sh"], "profiles": ["by-hand"], "tty": True, "stdin_open": True}},
        ),
        ("docker run -d --name a -v $(pwd)/x:/x -v ~/y:/y -v $D/z:/z x", {"a": {"image": "x", "volumes": ["./x:/x", "~/y:/y", "${D:-}/z:/z"]}}),
        (
            "docker run -d --name a -v $PWD/pg:/var/lib/postgresql/data/:ro -v ./x:/x postgres:15",
            {
                "a": {
                    "image": "postgres:15",
                    "volumes": [
                        {
                            "type": "bind", "source": "./pg", "target": "/var/lib/postgresql/data/", "read_only": True,
                            "bind": {"create_host_path": True},
                        },
                        "./x:/x",
                    ],
                }
            },
        ),
        ("docker run -d --name a -e 'P=$HOME' x 'a$$b'", {"a": {"image": "x", "command": ["a$$$$b"], "environment": {"P": "$$HOME"}}}),
        ("docker run -d --name a -p $PORT:80 -p 81:$IN x", {"a": {"image": "x", "ports": ["0.0.0.0:${PORT:-}:80", "0.0.0.0:81:${IN:-8080}"]}}),
    ],
)  # fmt: skip
def test_what_belongs_together(script: str, services: dict[str, Any]) -> None:
    assert tree(script)["services"] == services


def test_an_image_that_no_registry_has_is_built() -> None:
    made = tree("docker pull -q me:1 || docker build -t me:1 ./app\ndocker run -d --name a me:1")
    assert made["services"]["a"] == {"image": "me:1", "build": "./app", "pull_policy": "missing"}


def test_what_a_script_only_looks_for_is_external() -> None:
    made = tree(
        "docker network inspect n || exit 1\ndocker volume inspect v || exit 1\ndocker volume inspect w || docker volume create w\n"
        "docker run -d --name a --network n -v v:/v -v w:/w x"
    )
    assert made["networks"] == {"n": {"external": True}}
    assert made["volumes"] == {"v": {"external": True}, "w": {}}


def test_a_run_to_the_end_is_a_job() -> None:
    jobs = tree(
        "docker run -d --name db postgres:15; docker run --rm --name migrate -e DB_HOST=db api:1 migrate up"
    )["jobs"]
    assert jobs == {
        "migrate": {"image": "api:1", "command": ["migrate", "up"], "depends_on": ["db"], "environment": {"DB_HOST": "db"}}
    }  # fmt: skip


def test_a_directory_that_is_not_there_is_made_as_docker_makes_it(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    binds = ["./logs:/logs", "./there:/t", "./nginx.conf:/n", "./Caddyfile:/c", "/no/where:/w"]
    script = f"docker run -d --name a {' '.join(f'-v {bind}' for bind in binds)} x:1"
    script += "\nmkdir -p data; docker run -d -v ./data:/data y:1"
    made = import_script("run.sh", script, directory=tmp_path)
    logs = {"type": "bind", "source": "./logs", "target": "/logs", "bind": {"create_host_path": True}}
    assert tomllib.loads(made.text)["services"]["a"]["volumes"] == [logs, *binds[1:]]
    told = "./logs is not there: `up` makes an empty directory, as docker does"
    assert [note.message for note in made.notes] == [told]


def test_a_path_of_the_container_alone_is_no_directory_of_the_host(tmp_path: Path) -> None:
    script = (
        "docker run -d --name a -v /var/lib/postgresql/data postgres:15; docker run -d --name b -v /x：/y z"
    )
    made = import_script("run.sh", script, directory=tmp_path)
    services = tomllib.loads(made.text)["services"]
    assert services["a"]["volumes"] == ["/var/lib/postgresql/data"]
    assert services["b"]["volumes"] == ["/x：/y"]


def test_the_user_of_this_machine_is_a_variable() -> None:
    script = "docker run -d --user $(id -u):$(id -g) --name a x:1"
    made = import_script("run.sh", script, env=True, environ={"UID": "7", "GID": "8", "MORE": "9"})
    assert tomllib.loads(made.text)["services"]["a"]["user"] == "${UID}:${GID}"
    assert (made.variables, made.unknown, made.notes) == ({"UID": "7", "GID": "8"}, (), ())


def test_a_secret_within_another_text_is_a_variable_too() -> None:
    script = (
        "docker run -d -e POSTGRES_PASSWORD=pw -e U=postgres://pw:pw@db/pw -e 'PG=user=pw password=pw dbname=pw' "
        "-e 'A=x;Pwd=pw;y' -e B=password=pwd postgres:15"
    )
    made = import_script("run.sh", script, env=True)
    assert tomllib.loads(made.text)["services"]["postgres"]["environment"] == {
        "POSTGRES_PASSWORD": "${POSTGRES_PASSWORD}",
        "U": "postgres://pw:${POSTGRES_PASSWORD}@db/pw",
        "PG": "user=pw password=${POSTGRES_PASSWORD} dbname=pw",
        "A": "x;Pwd=${POSTGRES_PASSWORD};y",
        "B": "password=pwd",
    }


def test_a_job_comes_after_the_servers_that_the_script_starts_before_it() -> None:
    script = (
        "docker run -d --name cache --net other redis:7; docker run -d --name db --net n postgres:15; "
        "docker run --rm --net n --name psql postgres:15 psql -h db; docker run -d --name late --net n redis:7"
    )
    assert tree(script)["jobs"]["psql"]["depends_on"] == ["db"]


def test_networks_and_volumes_keep_their_settings() -> None:
    script = "docker network create --internal --label a=b n; docker volume create -o type=nfs v; docker run -d --net n -v v:/v x"
    made = tree(script)
    assert made["networks"] == {"n": {"internal": True, "labels": {"a": "b"}}}
    assert made["volumes"] == {"v": {"driver_opts": {"type": "nfs"}}}


@pytest.mark.parametrize(
    ("script", "note"),
    [
        ("docker run -d x\ndocker run -d --io-maxiops 9 --name a y", "2: --io-maxiops 9 is not imported: this version of stackctl does not have it"),
        ("docker run --rm -d --name a x", "1: --rm of a is dropped: `stackctl down` removes containers"),
        ("docker run -d --name a -v 'x：/y' x", "1: x：/y is not imported: 'x：/y' is not an absolute path of the container"),
        ("docker run -d --name a -p 99999:1 -p 1:2 x", "1: 0.0.0.0:99999:1 is not imported: ports go from 1 to 65535, found '99999'"),
        ("docker run -d --name a x\ndocker restart b", "2: the script does not make the container 'b': it belongs to something else"),
        ("docker run -d --link q:r --name a x", "1: --link q:r: the script does not make q before this line"),
        ("docker -H tcp://h:1 run -d --name a x", "1: this runs on the engine tcp://h:1: give it to stackctl as --host or --context"),
        ("docker run --name a x\ndocker run -d --name b y", "1: without -d the script stops here until a ends; stackctl starts it in the background"),
        ("docker run -d x\ndocker-compose up", "2: docker compose is not imported: a compose file is no script: `stackctl` reads only a stack.toml"),
        ("docker run -d --name a x\ndocker exec -it a psql -c 'a b'", "2: docker exec is not imported: after `up`, `stackctl exec a psql -c 'a b'` does the same"),
        ("docker run -d x\ncat > a.sql <<E\nq\nE", "2: the script writes a.sql, `up` does not: keep the file"),
        ("docker run -d x\necho hello >> b", "2: the script writes b, `up` does not: keep the file"),
        ("docker run -d x\ndocker compose up", "2: docker compose is not imported: a compose file is no script: `stackctl` reads only a stack.toml"),
        ("docker run -d x\ndocker run -d", "2: docker run has no image here: nothing is imported"),
        ("docker run -d --name a x\ndocker run -d --name a x", "2: the same container as in line 1"),
        ("docker network create --scope swarm n\ndocker run -d --net n x", "1: --scope swarm of the network is not imported"),
    ],
)  # fmt: skip
def test_nothing_is_dropped_silently(script: str, note: str) -> None:
    assert note in told(script)[0]


@pytest.mark.parametrize("to", [">&2", ">& 2", "2>&1 >&3", ">/dev/null", "1>&-"])
def test_what_a_script_says_is_no_file(to: str) -> None:
    assert told(f"docker run -d x\necho hello {to}")[0] == told("docker run -d x")[0]


@pytest.mark.parametrize(
    ("script", "mistake"),
    [
        (
            "X=1\ndocker run -d --net n --name a x",
            "2: SC101 a joins the network 'n', which the script never creates",
        ),
        (
            "docker run -d --name db postgres:15",
            "1: SC301 postgres refuses to start without POSTGRES_PASSWORD",
        ),
        ("docker run -d -p 80:80 x\ndocker run -d \\\n -p 80:81 y", "3: SC501"),
        ("docker run -d x\ndocker run -d –-name y z", "2: SC309 '–-name' is not the name of an image"),
        ("docker run -d -e \"A='b'\" x", "1: SC309 the quotes belong to the value of A"),
        ("docker run -d --name a x\ndocker run -d --name a y", "2: SC109 a second container called 'a'"),
        (
            "docker run -d x\ndocker run -d --network net\\\n-e A=b",
            "3: SC309 'A=b' is not the name of an image",
        ),
        ("docker run -d -e POSTGRES_PASSWORD=x postgres:15", "1: SC401 postgres writes to"),
        (
            "docker run -d --name a me\ndocker build -t me .",
            "1:  a runs the image me before the script builds it",
        ),
        (
            "docker run -d --name db -e POSTGRES_PASSWORD=x postgres:15\ndocker run -d -e DB_HOST=dv y",
            "2: SC102",
        ),
    ],
)
def test_the_mistakes_of_a_script_are_told_with_their_lines(script: str, mistake: str) -> None:
    assert any(each.startswith(mistake) for each in told(script)[1]), told(script)[1]


def test_two_machines_may_publish_the_same_port() -> None:
    lines = ["docker -H h:1 run -d -p 80:80 x", "docker -H h:2 run -d -p 80:80 y"]
    assert told("\n".join(lines))[1] == []
    assert len(told("\n".join(lines[:1] * 2))[1]) == 1


WAITS = """\
docker run -d --name db -v d:/var/lib/postgresql/data -e POSTGRES_PASSWORD=x postgres:15
{wait}
docker run -d --name api -e DB_HOST=db y
"""


def test_who_waits_makes_no_mistake() -> None:
    assert told(WAITS.format(wait="sleep 5"))[1] == [
        "3: SC201 api uses db (DB_HOST), and the script does not wait until db answers"
    ]
    loop = "for i in {1..9}; do docker exec db pg_isready && break; sleep 1; done"
    assert told(WAITS.format(wait=loop))[1] == []
    assert told(WAITS.format(wait="until nc -z 127.0.0.1 5432; do sleep 1; done"))[1] == []


def test_a_secret_is_not_shown_with_its_line() -> None:
    (problem,) = import_script("run.sh", "docker run -d -e POSTGRES_PASSWORD=hunter2 postgres:15").problems
    assert problem.place is not None
    assert "hunter2" not in problem.place.text
    assert problem.place.text.startswith("docker run")


def test_one_command() -> None:
    words = [
        "docker",
        "run",
        "-dp",
        "3000:3000",
        "--name",
        "a",
        "-e",
        "A=b c",
        "nginx:1",
        "sh",
        "-c",
        "echo $X",
    ]
    assert tree(shlex.join(words))["services"] == {
        "a": {
            "image": "nginx:1",
            "ports": ["0.0.0.0:3000:3000"],
            "environment": {"A": "b c"},
            "command": ["sh", "-c", "echo $$X"],
        }
    }


@pytest.mark.parametrize("script", ["", "echo hi", "docker ps", "docker run -d"])
def test_a_script_that_starts_nothing_is_refused(script: str) -> None:
    with pytest.raises(UsageError, match=r"run\.sh starts no container"):
        import_script("run.sh", script)


def test_what_keeps_a_script_from_starting_a_container_is_told() -> None:
    with pytest.raises(UsageError, match="starts no container") as raised:
        import_script("run.sh", "docker compose up\ndocker run -d -p 80:80 \\ \n  x")
    assert "run.sh:2:24: a space stands after the backslash" in str(raised.value)


@pytest.mark.parametrize(
    "write", ["cat > .env <<EOF\nA=b\nEOF\n", "cat <<'EOF' > .env\nX=1\nA=b\nEOF\n", 'echo "A=b" >> ./.env\n']
)
def test_the_variables_that_a_script_writes_into_a_file_are_known(write: str) -> None:
    script = f"{write}source .env\ndocker run -d --name a -e A=$A x"
    assert tree(script)["services"]["a"]["environment"] == {"A": "b"}
    assert import_script("run.sh", script).notes == ()


@pytest.mark.parametrize(
    "before", ["sudo -u me", "env -u A B=c", "timeout -k 5 60", "timeout 9", "exec", "sudo -E nohup"]
)
def test_words_before_docker(before: str) -> None:
    assert tree(f"{before} docker run -d --name a x")["services"] == {"a": {"image": "x"}}


def test_whether_up_would_start_the_stack() -> None:
    assert import_script("run.sh", "docker run -d --net n x").runs  # the network is made
    assert not import_script("run.sh", "docker run -d mysql:8").runs
