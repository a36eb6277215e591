from stackctl.planner.world.inspected import (
    Inspected,
    InspectedMount,
    InspectedNetwork,
    Limit,
    Namespace,
    Process,
)
from stackctl.planner.world.observed import ObservedEngine
from stackctl.show.text.style import Style
from stackctl.teach.explain.inside import Inside, inside_json, inside_text

ID = "ab12" * 16
HERE = ObservedEngine(id="e", endpoint="unix:///var/run/docker.sock")
CONTAINER = Inspected(
    id=ID,
    name="shop-db-1",
    pid=4711,
    command=("serve", "--password", "hunter22"),
    user="999",
    memory=64_000_000,
    pids=50,
    mounts=(
        InspectedMount(
            type="volume",
            name="shop_data",
            source="/var/lib/docker/volumes/shop_data/_data",
            target="/data",
            read_only=True,
        ),
        InspectedMount(type="tmpfs", target="/run"),
    ),
    networks=(
        InspectedNetwork(
            network="shop_default",
            address="172.18.0.2",
            prefix=16,
            gateway="172.18.0.1",
            names=("shop-db-1", "db"),
        ),
    ),
)
PROCESS = Process(
    pid=4711,
    inner_pid=1,
    arguments=("serve", "--password", "hunter22"),
    uid=999,
    gid=999,
    namespaces=(Namespace("pid", "pid:[4026532486]", True), Namespace("user", "user:[4026531837]", False)),
    cgroups={"memory": f"/docker/{ID}", "pids": f"/docker/{ID}", "cpu": "/"},
    limits=(Limit(f"/sys/fs/cgroup/memory/docker/{ID}/memory.limit_in_bytes", "64000000"),),
)


def test_a_container_on_this_machine() -> None:
    inside = Inside(service="db", engine=HERE, container=CONTAINER, process=PROCESS)
    assert inside_text(inside) == (
        """\
db is container shop-db-1. A container is a process: this one runs on this
machine, with a view of its own.

process     PID 4711 for this machine, PID 1 for itself.
            It runs: serve --password •••
            $ docker inspect -f '{{.State.Pid}}' shop-db-1
            $ ps -o pid,user,args -p 4711
            $ docker top shop-db-1

user        Started as user "999".
            The kernel knows it as uid 999, gid 999.
            The processes that it starts may be of another user: `docker top`
            shows them.
            $ grep -E '^(Uid|Gid):' /proc/4711/status

namespaces  What it sees of the machine. `shared`: the same as this shell.
            pid    4026532486  own    processes: those that it started
            user   4026531837  shared users: who its root is outside
            $ sudo ls -l /proc/4711/ns
            $ ls -l /proc/self/ns

cgroup      The group in which the kernel counts and limits what it uses.
            /docker/ab12ab12ab12…
            $ cat /proc/4711/cgroup

limits      memory 64 MB; processors without limit; processes 50.
            memory.limit_in_bytes says 64000000.
            $ docker inspect shop-db-1 | grep -E 'Memory"|NanoCpus|PidsLimit'
            $ cat /sys/fs/cgroup/memory/docker/ab12ab12ab12*/memory.limit_in_bytes

mounts      /data: volume shop_data, read-only
              outside: /var/lib/docker/volumes/shop_data/_data
            /run: tmpfs
            $ docker inspect -f '{{json .Mounts}}' shop-db-1

network     shop_default: address 172.18.0.2/16, gateway 172.18.0.1.
            Others in it reach it as shop-db-1, db.
            $ docker inspect -f '{{json .NetworkSettings.Networks}}' shop-db-1
            $ sudo nsenter -t 4711 -n ip addr

DNS         It asks the DNS server of the engine, which knows the names of the
            containers beside it.
            $ docker exec shop-db-1 cat /etc/resolv.conf /etc/hosts"""
    )


def test_an_engine_on_another_machine_is_said_to_be_there() -> None:
    far = ObservedEngine(id="e", endpoint="ssh://me@build.example")
    text = inside_text(Inside(service="db", engine=far, container=CONTAINER, process=None))
    told = " ".join(text.split())
    assert "The engine runs on build.example, so PIDs and paths are those of build.example." in told
    assert "PID 4711 for the engine's machine." in text
    assert "this machine" not in text
    assert "/proc" not in text


def test_a_process_that_this_machine_does_not_show_is_in_a_virtual_machine() -> None:
    text = inside_text(Inside(service="db", engine=HERE, container=CONTAINER, process=None))
    assert "This machine does not show the process: the engine runs in a virtual machine" in " ".join(
        text.split()
    )


def test_who_may_not_see_namespaces_is_told_how() -> None:
    process = Process(pid=4711, inner_pid=1, uid=0, gid=0, cgroups={"": f"/docker-{ID}.scope"})
    text = inside_text(Inside(service="db", engine=HERE, container=CONTAINER, process=process))
    assert "Only root may see them.\n            $ sudo ls -l /proc/4711/ns" in text
    assert "root of this machine" not in text


def test_lines_fit_a_narrow_terminal() -> None:
    inside = Inside(service="db", engine=HERE, container=CONTAINER, process=PROCESS)
    lines = inside_text(inside, Style(width=60)).splitlines()
    assert not [
        line for line in lines if len(line) > 60 and not line.strip().startswith(("$", "outside:", "/"))
    ]


def test_no_secret_is_in_the_json() -> None:
    found = inside_json(Inside(service="db", engine=HERE, container=CONTAINER, process=PROCESS))
    assert found["container"]["command"] == found["process"]["arguments"] == ["serve", "--password", "•••"]
    assert (found["version"], found["engine"]["here"], found["process"]["inner_pid"]) == (1, True, 1)
