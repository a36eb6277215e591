"""For each action the `docker` command that does the same, and the key of stack.toml that each argument comes from."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from stackctl.planner.steps import actions
from stackctl.planner.world.desire import desire
from stackctl.planner.world.desired import Attachment, Desired
from stackctl.planner.world.observed import ImageConfig
from stackctl.spec import flags, plain_keys
from stackctl.spec.model import Condition, Stack
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest
from stackctl.spec.text.parts import written
from stackctl.teach.commands import CommandLine, Docker

SHOP = """
name = "shop"
[services.postgres]
image = "postgres:15"
environment = { POSTGRES_PASSWORD = "${DB_PASSWORD}" }
volumes = ["pgdata:/var/lib/postgresql/data"]
[services.api]
build = "./api"
depends_on = ["postgres"]
ports = ["8000:80"]
environment = { URL = "${services.postgres.url}", REMOVED = { from_env = true } }
networks = ["front", "back"]
[networks.back]
internal = true
[volumes.pgdata]
"""


class Given:
    """A stack from text, and what it asks for."""

    def __init__(self, text: str, directory: Path, **environ: str) -> None:
        (directory / "stack.toml").write_text(text)
        request = StackRequest(
            files=[directory / "stack.toml"], directory=directory, environ=environ, name="shop"
        )
        self.stack: Stack = read(request)
        self.desired: Desired = desire(self.stack, instance="i")
        self.docker = Docker(self.stack)

    def container(self, name: str, *, start: bool = False) -> CommandLine:
        (spec,) = (each for each in self.desired.containers if each.service == name)
        return self.docker.container(spec, start=start)


def web(keys: str, directory: Path) -> str:
    """The command for a container with these keys, without what every command has."""
    argv = Given(f'[services.web]\nimage = "busybox"\n{keys}', directory).container("web").argv
    usual = "docker create --name shop-web-1 --network shop_default --network-alias web "
    text = shlex.join(argv)
    assert text.startswith(usual)
    return text.removeprefix(usual)


def test_a_stack_as_commands(tmp_path: Path) -> None:
    shop = Given(SHOP, tmp_path, DB_PASSWORD="secret")
    docker, wanted = shop.docker, shop.desired
    lines = [docker.network(network) for network in wanted.networks]
    lines += [docker.volume(volume) for volume in wanted.volumes]
    lines += [docker.build(image) for image in wanted.images if image.build]
    lines.append(shop.container("postgres", start=True))
    lines.append(shop.container("api"))
    lines += docker.connect(wanted.containers[1])
    texts = [" ".join(written(word) for word in line.argv) for line in lines]
    assert texts == [
        "docker network create --internal shop_back",
        "docker network create shop_default",
        "docker network create shop_front",
        "docker volume create shop_pgdata",
        "docker build --tag shop-api ${STACK_DIR}/api",
        (
            "docker run --detach --name shop-postgres-1 --network shop_default --network-alias postgres "
            "--env POSTGRES_PASSWORD=${DB_PASSWORD} "
            "--mount type=volume,source=shop_pgdata,target=/var/lib/postgresql/data --init postgres:15"
        ),
        (
            "docker create --name shop-api-1 --network shop_front --network-alias api "
            "--env URL=${services.postgres.url} --env REMOVED --publish 127.0.0.1:8000:80 --init shop-api"
        ),
        "docker network connect --alias api shop_back shop-api-1",
    ]
    assert lines[-2].unset == ("REMOVED",)


def test_each_argument_knows_its_key(tmp_path: Path) -> None:
    shop = Given(SHOP, tmp_path, DB_PASSWORD="secret")
    keys = {argument.words[0]: argument.key for argument in shop.container("api").arguments}
    assert keys == {
        "--name": ("services", "api"),
        "--network": ("services", "api", "networks", "front"),
        "--network-alias": ("services", "api"),
        "--env": ("services", "api", "environment", "REMOVED"),
        "--publish": ("services", "api", "ports", 0),
        "--init": ("services", "api"),
        "shop-api": ("services", "api", "build"),
    }
    assert shop.docker.volume(shop.desired.volumes[0]).arguments[0].key == ("volumes", "pgdata")


def test_each_plain_key_has_an_option() -> None:
    plain = {flag.key for flag in flags.by_key().values() if flag.plain}
    assert plain == {key.path for key in plain_keys._plain_keys() if key.body}


@pytest.mark.parametrize(
    ("keys", "command"),
    [
        ("", "--init busybox"),
        ("init = false", "--init=false busybox"),
        ('command = "tini -- sh"', "busybox tini -- sh"),
        ('command = ["-c", ""]', "--init busybox -c ''"),
        ('entrypoint = ["sh", "-c"]\ncommand = ["echo $$HOME"]', "--init --entrypoint sh busybox -c 'echo $HOME'"),
        ('entrypoint = ""\ncommand = "sh"', "--init --entrypoint '' busybox sh"),
        ('ports = ["[::1]:8000-8001:80-81/udp", 80]', "--publish '[::1]:8000:80/udp' --publish '[::1]:8001:81/udp' --publish 127.0.0.1::80 --init busybox"),
        ('expose = [8000, "53/udp"]', "--expose 8000 --expose 53/udp --init busybox"),
        ('volumes = ["/cache"]', "--mount type=volume,target=/cache --init busybox"),
        ('volumes = ["/etc/a,\\"b:/x:ro"]', "--mount 'type=bind,\"source=/etc/a,\"\"b\",target=/x,readonly' --init busybox"),
        ('volumes = ["/etc:/x:z"]', "--volume /etc:/x:rw,z --init busybox"),
        ('tmpfs = ["/run", "/tmp:size=1m,mode=1777"]', "--mount type=tmpfs,target=/run --tmpfs /tmp:size=1048576,mode=1777 --init busybox"),
        ('volumes = [{ type = "tmpfs", target = "/t", tmpfs = { size = "1k", mode = 0o700 } }]', "--mount type=tmpfs,target=/t,tmpfs-size=1024,tmpfs-mode=700 --init busybox"),
        ('healthcheck = { test = ["CMD", "test", "-f", "/a b"], interval = "1m30s", retries = 2 }', "--health-cmd 'test -f '\"'\"'/a b'\"'\"'' --health-interval 90s --health-retries 2 --init busybox"),
        ('healthcheck = { test = "exit 0", start_period = "1s", start_interval = "500ms" }', "--health-cmd 'exit 0' --health-start-period 1s --init busybox"),
        ("healthcheck = { disable = true }", "--no-healthcheck --init busybox"),
        ("healthcheck = { tcp = 80 }", "--init busybox"),
        ('restart = "on-failure:3"\nstop_grace_period = "1500ms"', "--restart on-failure:3 --stop-timeout 2 --init busybox"),
        ('labels = { "a.b" = "x y" }', "--init --label 'a.b=x y' busybox"),
        ('pull_policy = "never"', "--init --pull never busybox"),
        ('extra_hosts = { api = "10.0.0.1" }\ndns = ["1.1.1.1"]\nuser = "1:2"\ntty = true\nshm_size = "64m"\ncap_drop = ["ALL"]\npids_limit = -1', "--add-host api:10.0.0.1 --user 1:2 --tty --cap-drop ALL --dns 1.1.1.1 --shm-size 64m --pids-limit -1 --init busybox"),
        ('environment = { "-A" = "-b\\nc", E = "" }', "--env '-A=-b\nc' --env E= --init busybox"),
    ],
)  # fmt: skip
def test_keys_of_a_container(keys: str, command: str, tmp_path: Path) -> None:
    assert web(keys, tmp_path) == command


def test_a_word_that_begins_like_an_option_is_no_option(tmp_path: Path) -> None:
    given = Given('[services.web]\nimage = "--privileged"\nnetwork_mode = "none"\n', tmp_path)
    assert given.container("web").argv[-3:] == ("--init", "--", "--privileged")


def test_what_the_image_brings_is_respected_where_it_is_known(tmp_path: Path) -> None:
    given = Given('[services.web]\nimage = "busybox"\ncommand = []\n', tmp_path)
    (spec,) = given.desired.containers
    known = Docker(
        given.stack, {"busybox": ImageConfig(entrypoint=("/sbin/tini", "--", "app"), command=("x",))}
    )
    assert known.container(spec).argv[-5:] == ("--entrypoint", "/sbin/tini", "busybox", "--", "app")
    assert "--init" not in known.container(spec).argv
    assert given.container("web").notes == ("an empty command cannot be said here: the image's command runs",)


def test_a_network_name_with_an_equals_sign_is_a_name(tmp_path: Path) -> None:
    text = '[services.web]\nimage = "busybox"\nnetworks = ["n"]\n[networks.n]\nname = "a=b,c"\nlabels = { x = "1" }\n'
    given = Given(text, tmp_path)
    assert given.container("web").argv[4:6] == ("--network", '"name=a=b,c"')
    assert given.docker.network(given.desired.networks[0]).argv[3:] == ("--label", "x=1", "a=b,c")


def test_a_secret_in_a_check_keeps_its_variable(tmp_path: Path) -> None:
    text = '[services.web]\nimage = "busybox"\nhealthcheck = { test = ["CMD", "login", "${PASSWORD}"] }\n'
    given = Given(text, tmp_path, PASSWORD="a'b")
    (word,) = (a.words[1] for a in given.container("web").arguments if a.words[0] == "--health-cmd")
    assert word == "login 'a'\\''b'"
    assert written(word) == "login '${PASSWORD}'"


def test_every_action_has_a_command(tmp_path: Path) -> None:
    shop = Given(SHOP, tmp_path, DB_PASSWORD="secret")
    wanted, postgres = shop.desired, shop.desired.containers[0]
    cases: list[tuple[actions.Action, str]] = [
        (actions.PullImage(wanted.images[0]), "pull postgres:15"),
        (actions.BuildImage(wanted.images[1]), f"build --tag shop-api {tmp_path.resolve()}/api"),
        (actions.CreateNetwork(wanted.networks[1]), "network create shop_default"),
        (actions.CreateVolume(wanted.volumes[0]), "volume create shop_pgdata"),
        (actions.ConnectNetwork("id", Attachment("net", ("a",)), "c"), "network connect --alias a net id"),
        (actions.DisconnectNetwork("id", "netid", "net", "c"), "network disconnect --force net id"),
        (actions.StartContainer("id", "c"), "start id"),
        (actions.StopContainer("id", "c", 5), "stop -t 5 id"),
        (actions.PauseContainer("id", "c"), "pause id"),
        (actions.UnpauseContainer("id", "c"), "unpause id"),
        (actions.KillContainer("id", "c", "SIGHUP"), "kill --signal SIGHUP id"),
        (actions.SetRestart("id", "c", "on-failure", 3), "update --restart on-failure:3 id"),
        (actions.RenameContainer("id", "c", "d"), "rename id d"),
        (actions.RemoveContainer("id", "c", volumes=True), "rm --force --volumes id"),
        (actions.RemoveNetwork("netid", "net"), "network rm net"),
        (actions.RemoveVolume("v"), "volume rm v"),
        (actions.RemoveImage("sha256:1", "i"), "image rm sha256:1"),
    ]
    for action, expected in cases:
        line = shop.docker.command(action)
        assert line is not None
        assert shlex.join(line.argv) == f"docker {expected}"
    created = shop.docker.command(actions.CreateContainer(postgres, "shop-postgres-1.new"))
    assert created is not None
    assert created.argv[:6] == (
        "docker",
        "create",
        "--name",
        "shop-postgres-1.new",
        "--network",
        "shop_default",
    )
    assert shop.docker.command(actions.WaitFor("id", "c", Condition.ready)) is None
