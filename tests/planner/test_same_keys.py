"""No key of the model is forgotten where two stacks are compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import pytest
from plan_world import stack

from stackctl.planner.same.compare import compare_stacks
from stackctl.spec.model import Job, Service, Stack
from stackctl.spec.structure import forms, is_table

NOT_COMPARED = {
    "extends.service": "what it brings is compared",
    "extends.file": "what it brings is compared",
    "env_file.*.path": "the variables are compared",
    "env_file.*.required": "the variables are compared",
    "env_file.*.format": "the variables are compared",
    "volumes.*.bind.create_host_path": "the same is mounted",
    "build.secrets.*.uid": "a build mounts it as its Dockerfile says",
    "build.secrets.*.gid": "a build mounts it as its Dockerfile says",
    "build.secrets.*.mode": "a build mounts it as its Dockerfile says",
    "deploy.resources.reservations.cpus": "nothing reads it",
    "label_file": "the labels are compared",
    "builtin_check": "what is started is the same, and who waits for it is compared",
    "networks.*.priority": "the networks are the same: only the order changes in which they are joined",
    "develop.watch": "`watch` alone uses it",
    **dict.fromkeys(
        (
            *(
                "deploy.mode",
                "deploy.endpoint_mode",
                "deploy.labels",
                "deploy.placement",
                "deploy.update_config",
            ),
            *("deploy.rollback_config", "deploy.restart_policy.delay", "deploy.restart_policy.window"),
            *("deploy.resources.reservations.generic_resources", "ports.*.mode"),
        ),
        "only a Swarm reads it",
    ),
}
"""The keys of a service whose values make no difference, and why."""
NOT_COMPARED_OF_TABLES = dict.fromkeys(
    (
        *(
            f"{section}.*.{key}"
            for section in ("secrets", "configs")
            for key in ("name", "external", "labels", "template_driver")
        ),
        *("secrets.*.driver", "secrets.*.driver_opts", "volumes.*.sticky"),
    ),
    "only a Swarm reads it",
)

BUILD = {
    "context": '"./a"', "dockerfile": '"D"', "dockerfile_inline": '"FROM a"', "target": '"t"', "args": '{ A = "1" }',
    "additional_contexts": '{ a = "./a" }', "cache_from": '["a"]', "cache_to": '["type=inline"]', "entitlements": '["network.host"]',
    "extra_hosts": '{ h = "1.2.3.4" }', "isolation": '"hyperv"', "labels": '{ a = "b" }', "network": '"host"', "no_cache": "true",
    "platforms": '["linux/arm64"]', "privileged": "true", "provenance": "false", "pull": "true", "sbom": "true", "shm_size": '"64m"',
    "ssh": '["default"]', "tags": '["b:1"]',
}  # fmt: skip
MOUNT = {
    "read_only": "read_only = true", "bind.selinux": 'bind.selinux = "z"', "bind.propagation": 'bind.propagation = "rshared"',
    "bind.recursive": 'bind.recursive = "disabled"', "volume.nocopy": "volume.nocopy = true", "volume.subpath": 'volume.subpath = "s"',
    "volume.labels": 'volume.labels.a = "b"', "tmpfs.size": 'tmpfs.size = "1m"', "tmpfs.mode": "tmpfs.mode = 0o700",
    "image.subpath": 'image.subpath = "s"',
}  # fmt: skip
HOOK = {"user": '"u"', "privileged": "true", "working_dir": '"/w"', "environment": '{ A = "1" }'}
PLACE = {
    "aliases": '["a"]', "ipv4_address": '"10.9.0.5"', "ipv6_address": '"fd00::5"', "link_local_ips": '["169.254.8.8"]',
    "mac_address": '"02:42:ac:11:00:09"', "driver_opts": '{ a = "b" }', "gw_priority": "5", "interface_name": '"eth9"',
}  # fmt: skip
DEVICE = {
    "driver": ("count = 1", 'count = 1, driver = "d"'), "count": ("count = 1", "count = 2"), "device_ids": ("count = 1", 'device_ids = ["0"]'),
    "capabilities": ('count = 1, capabilities = ["gpu"]', 'count = 1, capabilities = ["gpu", "utility"]'), "options": ("count = 1", 'count = 1, options = { a = "b" }'),
}  # fmt: skip
RATES = ("device_read_bps", "device_read_iops", "device_write_bps", "device_write_iops")


def _mount(key: str, setting: str) -> tuple[str, str]:
    kind, _, inner = key.partition(".")
    kind = kind if inner else "bind"
    source = {"bind": 'source = "/s", ', "volume": 'source = "data", ', "image": 'source = "i", '}.get(
        kind, ""
    )
    mount = f'volumes = [{{ type = "{kind}", {source}target = "/t" '
    return f"{mount}}}]", f"{mount}, {setting} }}]"


def _hooks() -> Iterator[tuple[str, tuple[str, str]]]:
    for moment in ("pre_start", "post_start", "pre_stop"):
        yield (
            f"{moment}.*.command",
            (f'{moment} = [{{ command = "a" }}]', f'{moment} = [{{ command = "b" }}]'),
        )
        for name, value in HOOK.items():
            pair = (
                f'{moment} = [{{ command = "a" }}]',
                f'{moment} = [{{ command = "a", {name} = {value} }}]',
            )
            yield f"{moment}.*.{name}", pair
    yield (
        "pre_start.*.image",
        ('pre_start = [{ command = "a" }]', 'pre_start = [{ command = "a", image = "i" }]'),
    )


def _uses() -> Iterator[tuple[str, tuple[str, str]]]:
    for section, name in (("secrets", "tok"), ("configs", "conf")):
        for key, value in (("target", '"/t"'), ("uid", "5"), ("gid", "5"), ("mode", "0o400")):
            use = f'{section} = [{{ source = "{name}"'
            yield f"{section}.*.{key}", (f"{use} }}]", f"{use}, {key} = {value} }}]")
        yield f"{section}.*.source", ("", f'{section} = ["{name}"]')


def _reserved() -> Iterator[tuple[str, tuple[str, str]]]:
    for key, pair in DEVICE.items():
        texts = [each if "capabilities" in each else f'{each}, capabilities = ["gpu"]' for each in pair]
        left, right = (f"deploy.resources.reservations.devices = [{{ {text} }}]" for text in texts)
        yield f"deploy.resources.reservations.devices.*.{key}", (left, right)


SERVICE: dict[str, str | tuple[str, str]] = {
    "image": ("", 'image = "other"'),
    **{f"build.{key}": ('build = "."', f"build.{key} = {value}") for key, value in BUILD.items()},
    "build.secrets.*.source": ('build.secrets = ["tok"]', 'build.secrets = ["tok", "two"]'),
    "build.secrets.*.target": ('build.secrets = ["tok"]', 'build.secrets = [{ source = "tok", target = "t" }]'),
    "build.ulimits.*.soft": ("build.ulimits.nofile = { soft = 1, hard = 9 }", "build.ulimits.nofile = { soft = 2, hard = 9 }"),
    "build.ulimits.*.hard": ("build.ulimits.nofile = { soft = 1, hard = 9 }", "build.ulimits.nofile = { soft = 1, hard = 8 }"),
    "pull_policy": 'pull_policy = "always"', "command": 'command = "a"', "entrypoint": 'entrypoint = "a"', "environment": 'environment = { A = "b" }',
    "ports.*.target": ('ports = ["1:2"]', 'ports = ["1:3"]'), "ports.*.published": ('ports = ["1:2"]', 'ports = ["2:2"]'),
    "ports.*.host_ip": ('ports = ["1:2"]', 'ports = ["0.0.0.0:1:2"]'), "ports.*.protocol": ('ports = ["1:2"]', 'ports = ["1:2/udp"]'),
    "expose": 'expose = ["8"]',
    "volumes.*.type": ('volumes = [{ type = "tmpfs", target = "/t" }]', 'volumes = [{ type = "volume", target = "/t" }]'),
    "volumes.*.source": ('volumes = ["/a:/t"]', 'volumes = ["/b:/t"]'), "volumes.*.target": ('volumes = ["/a:/t"]', 'volumes = ["/a:/u"]'),
    **{f"volumes.*.{key}": _mount(key, setting) for key, setting in MOUNT.items()},
    "tmpfs": 'tmpfs = ["/t"]', **dict(_uses()), **dict(_hooks()),
    "depends_on.*.condition": ('depends_on = ["db"]', 'depends_on.db.condition = "service_started"'),
    "depends_on.*.required": ('depends_on = ["db"]', "depends_on.db.required = false"),
    "depends_on.*.restart": ('depends_on = ["db"]', "depends_on.db.restart = true"),
    "healthcheck.test": 'healthcheck.test = "a"', "healthcheck.tcp": "healthcheck.tcp = 8", "healthcheck.http": 'healthcheck.http = ":8/"',
    "healthcheck.log": 'healthcheck.log = "a"', "healthcheck.disable": "healthcheck.disable = true",
    **{f"healthcheck.{key}": ('healthcheck.test = "a"', f'healthcheck = {{ test = "a", {key} = {value} }}') for key, value in {"interval": '"7s"', "timeout": '"7s"', "retries": "7", "start_period": '"7s"'}.items()},
    "healthcheck.start_interval": ('healthcheck = { test = "a", start_period = "9s" }', 'healthcheck = { test = "a", start_period = "9s", start_interval = "7s" }'),
    "restart": 'restart = "always"', "scale": "scale = 2", "container_name": ('container_name = "c1"', 'container_name = "c2"'),
    "init": ("init = false", "init = true"), "labels": 'labels.a = "b"',
    **{f"networks.*.{key}": ("networks.front = {}", f"networks.front.{key} = {value}") for key, value in PLACE.items()},
    "network_mode": 'network_mode = "host"', "hostname": 'hostname = "h"', "extra_hosts": 'extra_hosts.h = "1.2.3.4"', "user": 'user = "u"',
    "working_dir": 'working_dir = "/w"', "stop_signal": 'stop_signal = "SIGINT"', "stop_grace_period": 'stop_grace_period = "7s"',
    "profiles": 'profiles = ["p"]', "tty": "tty = true", "stdin_open": "stdin_open = true", "read_only": "read_only = true",
    "privileged": "privileged = true", "cap_add": 'cap_add = ["ALL"]', "cap_drop": 'cap_drop = ["ALL"]', "domainname": 'domainname = "d"',
    "dns": 'dns = ["1.1.1.1"]', "dns_search": 'dns_search = ["d"]', "dns_opt": 'dns_opt = ["a"]', "mac_address": 'mac_address = "02:42:ac:11:00:09"',
    "links": 'links = ["db:l"]', "external_links": 'external_links = ["e:l"]', "volumes_from": 'volumes_from = ["db"]',
    "platform": ('platform = "linux/amd64"', 'platform = "linux/arm64"'), "attach": "attach = false",
    "logging.driver": 'logging.driver = "local"', "logging.options": 'logging.options.max-size = "1m"', "shm_size": 'shm_size = "1m"',
    "security_opt": 'security_opt = ["label=disable"]',
    "devices.*.source": ('devices = ["/dev/a:/dev/x"]', 'devices = ["/dev/b:/dev/x"]'), "devices.*.target": ('devices = ["/dev/a:/dev/x"]', 'devices = ["/dev/a:/dev/y"]'),
    "devices.*.permissions": ('devices = ["/dev/a:/dev/x"]', 'devices = ["/dev/a:/dev/x:r"]'), "device_cgroup_rules": 'device_cgroup_rules = ["c 1:3 mr"]',
    **{f"gpus.*.{key}": (f"gpus = [{{ {one} }}]", f"gpus = [{{ {other} }}]") for key, (one, other) in DEVICE.items()},
    **dict(_reserved()),
    "sysctls": 'sysctls.a = "b"', "group_add": 'group_add = ["g"]', "ipc": 'ipc = "host"', "pid": 'pid = "host"', "uts": 'uts = "host"',
    "userns_mode": 'userns_mode = "host"', "cgroup": 'cgroup = "host"', "cgroup_parent": 'cgroup_parent = "/m"', "isolation": 'isolation = "hyperv"',
    "runtime": 'runtime = "runsc"', "storage_opt": 'storage_opt.size = "1G"', "annotations": 'annotations.a = "b"', "mem_limit": 'mem_limit = "64m"',
    "mem_reservation": 'mem_reservation = "64m"', "memswap_limit": "memswap_limit = -1", "mem_swappiness": "mem_swappiness = 5", "cpus": "cpus = 1.5",
    "cpu_shares": "cpu_shares = 5", "cpu_period": "cpu_period = 5000", "cpu_quota": "cpu_quota = 5000", "cpu_rt_period": "cpu_rt_period = 5000",
    "cpu_rt_runtime": "cpu_rt_runtime = 5000", "cpuset": 'cpuset = "0"', "cpu_count": "cpu_count = 1", "cpu_percent": "cpu_percent = 5",
    "pids_limit": "pids_limit = 5", "blkio_config.weight": "blkio_config.weight = 50",
    "blkio_config.weight_device.*.path": 'blkio_config.weight_device = [{ path = "/dev/a", weight = 20 }]',
    "blkio_config.weight_device.*.weight": ('blkio_config.weight_device = [{ path = "/dev/a", weight = 20 }]', 'blkio_config.weight_device = [{ path = "/dev/a", weight = 30 }]'),
    **{f"blkio_config.{name}.*.path": f'blkio_config.{name} = [{{ path = "/dev/a", rate = 20 }}]' for name in RATES},
    **{f"blkio_config.{name}.*.rate": (f'blkio_config.{name} = [{{ path = "/dev/a", rate = 20 }}]', f'blkio_config.{name} = [{{ path = "/dev/a", rate = 30 }}]') for name in RATES},
    "ulimits.*.soft": ("ulimits.nofile = { soft = 1, hard = 9 }", "ulimits.nofile = { soft = 2, hard = 9 }"),
    "ulimits.*.hard": ("ulimits.nofile = { soft = 1, hard = 9 }", "ulimits.nofile = { soft = 1, hard = 8 }"),
    "oom_kill_disable": "oom_kill_disable = true", "oom_score_adj": "oom_score_adj = 5", "deploy.replicas": "deploy.replicas = 2",
    "deploy.resources.limits.cpus": "deploy.resources.limits.cpus = 1", "deploy.resources.limits.memory": 'deploy.resources.limits.memory = "64m"',
    "deploy.resources.limits.pids": "deploy.resources.limits.pids = 5", "deploy.resources.reservations.memory": 'deploy.resources.reservations.memory = "64m"',
    "deploy.restart_policy.condition": 'deploy.restart_policy.condition = "any"',
    "deploy.restart_policy.max_attempts": ('deploy.restart_policy = { condition = "on-failure", max_attempts = 2 }', 'deploy.restart_policy = { condition = "on-failure", max_attempts = 3 }'),
}  # fmt: skip
"""For each key of a service two texts, or the text that stands in only one of the two stacks."""

SECTIONS: dict[str, tuple[str, str]] = {
    **{
        f"networks.*.{key}": ("[networks.front]", f"[networks.front]\n{line}")
        for key, line in {
            "external": "external = true", "internal": "internal = true", "attachable": "attachable = true",
            "driver": 'driver = "macvlan"', "driver_opts": 'driver_opts.a = "b"', "ipam.driver": 'ipam.driver = "d"', "ipam.options": 'ipam.options.a = "b"',
            "ipam.config.*.subnet": 'ipam.config = [{ subnet = "10.9.0.0/16" }]', "enable_ipv4": "enable_ipv4 = false", "enable_ipv6": "enable_ipv6 = true",
            "labels": 'labels.a = "b"',
        }.items()
    },
    **{
        f"networks.*.ipam.config.*.{key}": (
            '[networks.front]\nipam.config = [{ subnet = "10.9.0.0/16" }]',
            f'[networks.front]\nipam.config = [{{ subnet = "10.9.0.0/16", {line} }}]',
        )
        for key, line in {"ip_range": 'ip_range = "10.9.1.0/24"', "gateway": 'gateway = "10.9.0.1"', "aux_addresses": 'aux_addresses.a = "10.9.0.9"'}.items()
    },
    **{
        f"volumes.*.{key}": ("[volumes.data]", f"[volumes.data]\n{line}")
        for key, line in {
            "external": "external = true", "driver": 'driver = "d"', "driver_opts": 'driver_opts.a = "b"', "labels": 'labels.a = "b"',
            "protect": "protect = true",
        }.items()
    },
    "networks.*.name": ('[networks.front]\nname = "n"', '[networks.front]\nname = "m"'),
    "volumes.*.name": ('[volumes.data]\nname = "n"', '[volumes.data]\nname = "m"'),
    "secrets.*.environment": ("[secrets.tok]\nenvironment = 'TOK'", "[secrets.tok]\nenvironment = 'TWO'"),
    "secrets.*.file": ("[secrets.tok]\nenvironment = 'TOK'", "[secrets.tok]\nfile = '/etc/passwd'"),
    "configs.*.environment": ("[configs.conf]\nenvironment = 'TOK'", "[configs.conf]\nenvironment = 'TWO'"),
    "configs.*.file": ("[configs.conf]\nenvironment = 'TOK'", "[configs.conf]\nfile = '/etc/passwd'"),
    "configs.*.content": ("[configs.conf]\ncontent = 'a'", "[configs.conf]\ncontent = 'b'"),
}  # fmt: skip
"""For each key of another table the two texts of that table."""

TABLES = {"networks": '[networks.front]\nipam.config = [{ subnet = "10.9.0.0/16" }, { subnet = "fd00::/64" }]', "volumes": "[volumes.data]", "secrets": "[secrets.tok]\nenvironment = 'TOK'", "configs": "[configs.conf]\ncontent = 'a'"}  # fmt: skip
USES_ALL = "networks = ['front']\nvolumes = ['data:/d']\nsecrets = ['tok']\nconfigs = ['conf']"


def keys(table: type, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Every key below a table, also in arrays and tables of tables."""
    for form in forms(table).values():
        here = (*path, form.key)
        if ".".join(here) in NOT_COMPARED:
            yield ".".join(here)
            continue
        inner = [
            each for each in (form.type, *get_args(form.type)) if isinstance(each, type) and is_table(each)
        ]
        for each in inner:
            yield from keys(each, here if is_table(form.type) else (*here, "*"))
        if not inner:
            yield ".".join(here)


def written(line: str, tables: dict[str, str]) -> Stack:
    image = "" if line.startswith("image =") else 'image = "app"\n'
    rest = "\n".join(tables.values())
    text = f'[services.web]\n{image}{line}\n[services.db]\nimage = "db"\n[secrets.two]\nenvironment = "TWO"\n{rest}\n'
    return stack(text, environ={"TOK": "t0k", "TWO": "tw0"})


def differ(left: tuple[str, dict[str, str]], right: tuple[str, dict[str, str]]) -> None:
    one, other = written(*left), written(*right)
    assert compare_stacks(one, one).same
    assert compare_stacks(other, other).same
    assert compare_stacks(one, other).differences


@pytest.mark.parametrize("key", SERVICE)
def test_a_key_of_a_service_makes_a_difference(key: str) -> None:
    texts = SERVICE[key]
    left, right = ("", texts) if isinstance(texts, str) else texts
    differ((left, TABLES), (right, TABLES))


@pytest.mark.parametrize("key", SECTIONS)
def test_a_key_of_another_table_makes_a_difference(key: str) -> None:
    section = key.partition(".")[0]
    left, right = ((USES_ALL, {**TABLES, section: text}) for text in SECTIONS[key])
    differ(left, right)


def test_no_key_is_forgotten() -> None:
    assert {*keys(Service), *keys(Job)} == {*SERVICE, *NOT_COMPARED, "inputs"}
    tables = {key for key in keys(Stack) if key.partition(".")[0] in TABLES}
    assert tables == {*SECTIONS, *NOT_COMPARED_OF_TABLES}


def test_a_link_without_a_name_of_its_own_adds_nothing() -> None:
    one, other = (
        written(line, TABLES) for line in ('links = ["db"]', 'depends_on.db.condition = "service_started"')
    )
    assert compare_stacks(one, other).same


HOOKS = """
pre_start = [{ command = "seed --all" }]
post_start = [{ command = ["sh", "-c", "a b"], user = "root" }]
secrets = ["tok", { source = "two", target = "/t", mode = 0o400 }]
"""


def test_hooks_and_secrets_are_told_where_they_stand() -> None:
    changed = HOOKS.replace("--all", "--few").replace('"root"', '"me"').replace("0o400", "0o440")
    one, other = (
        written(HOOKS, TABLES),
        written(changed, {**TABLES, "secrets": "[secrets.tok]\nenvironment = 'TWO'"}),
    )
    found = compare_stacks(one, other).differences
    assert [str(each) for each in found] == [
        "container web post_start.0.user: root | me",
        "container web pre_start.0.command: seed --all | seed --few",
        "container web secrets./run/secrets/tok: ••• | ••• (another one)",
        "container web secrets./t.mode: 0400 | 0440",
    ]
    assert found[1].left_path == ("services", "web", "pre_start", 0, "command")
    assert found[3].left_path == ("services", "web", "secrets", 1, "mode")
