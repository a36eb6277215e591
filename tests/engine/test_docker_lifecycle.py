"""Networks, volumes and containers on a real engine."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from lab import Lab

from stackctl.engine.docker import bodies, lifecycle
from stackctl.errors import EngineError
from stackctl.planner.steps.actions import (
    ConnectNetwork,
    CreateContainer,
    CreateNetwork,
    CreateVolume,
    DisconnectNetwork,
    RemoveContainer,
    RemoveNetwork,
    RemoveVolume,
    RenameContainer,
    SetRestart,
    StartContainer,
    StopContainer,
    WaitFor,
)
from stackctl.planner.world import labels as names
from stackctl.planner.world.desired import (
    Attachment,
    DesiredContainer,
    DesiredHealthcheck,
    DesiredMount,
    DesiredNetwork,
    DesiredPort,
    DesiredVolume,
)
from stackctl.planner.world.probes import CommandProbe, LogProbe, TcpProbe
from stackctl.spec.model import Condition

pytest_plugins = ["lab_fixtures"]
pytestmark = pytest.mark.docker


def network(lab: Lab, key: str = "default") -> DesiredNetwork:
    return DesiredNetwork(key=key, name=f"{lab.name}_{key}", labels=lab.labels)


def ids(lab: Lab, name: str) -> list[str]:
    return [n.id for n in lab.engine.observe().networks if n.name == name]


def test_a_snapshot_takes_the_same_number_of_calls_whatever_is_there(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    request = lab.engine.client._request

    def count(method: str, path: tuple[str, ...], *args: object, **kwargs: object) -> object:
        calls.append("/".join(path))
        return request(method, path, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(lab.engine.client, "_request", count)
    monkeypatch.setattr(lab.engine, "_engine", None)
    lab.engine.observe()
    assert sorted(calls) == ["containers/json", "images/json", "info", "networks", "volumes"]
    for service in "abc":
        lab.create(service)
    calls.clear()
    lab.engine.observe()
    assert len(calls) == 4


def test_what_was_created_is_seen_as_it_was_asked_for(lab: Lab) -> None:
    lab.do(CreateNetwork(network(lab)))
    lab.do(CreateVolume(DesiredVolume(key="data", name=f"{lab.name}_data", labels=lab.labels)))
    name = lab.create(
        networks=(Attachment(f"{lab.name}_default", ("a", "alias")),),
        mounts=(
            DesiredMount(type="volume", source=f"{lab.name}_data", target="/data"),
            DesiredMount(type="volume", target="/cache", labels=lab.labels),
        ),
        ports=(DesiredPort(target=80),),
    )
    created = lab.seen(name)
    assert (created.state, created.ports, created.instance) == ("created", (), lab.name)
    assert [(j.network, j.network_id) for j in created.networks] == [
        (f"{lab.name}_default", ids(lab, f"{lab.name}_default")[0])
    ]
    lab.do(StartContainer(name, name))
    running = lab.seen(name)
    assert (running.state, running.running) == ("running", True)
    assert [(p.target, p.host_ip) for p in running.ports] == [(80, "127.0.0.1")]
    assert running.networks[0].address
    assert {(m.target, m.name == f"{lab.name}_data") for m in running.mounts} == {
        ("/data", True),
        ("/cache", False),
    }
    anonymous = next(m.name for m in running.mounts if m.target == "/cache")
    assert next(v for v in lab.engine.observe().volumes if v.name == anonymous).project == lab.name


def test_containers_find_each_other_by_every_alias_in_every_network(lab: Lab) -> None:
    for key in ("front", "back"):
        lab.do(CreateNetwork(network(lab, key)))
    server = lab.run("db", networks=(Attachment(f"{lab.name}_front", ("db",)),))
    lab.do(ConnectNetwork(server, Attachment(f"{lab.name}_back", ("db", "store")), server))
    client = lab.run("web", networks=(Attachment(f"{lab.name}_back", ("web",)),))
    for alias in ("db", "store"):
        assert lab.engine.client.get("containers", client, "json")["State"]["Running"]
        assert lookup(lab, client, alias)
    back = ids(lab, f"{lab.name}_back")[0]
    lab.do(DisconnectNetwork(server, back, f"{lab.name}_back", server))
    assert not lookup(lab, client, "db")
    lab.do(DisconnectNetwork(server, back, f"{lab.name}_back", server))  # once more is no error


def lookup(lab: Lab, container: str, host: str) -> bool:
    from stackctl.engine.protocol import Exec

    return lab.engine.exec(Exec(container=container, argv=("ping", "-c1", "-W1", host))).exit_code == 0


def test_runs_that_make_a_network_at_once_use_the_same(lab: Lab) -> None:
    """An engine before API 1.44 gives one name to several networks."""
    for key in ("a", "b"):
        body = bodies.network(network(lab, key))
        elsewhere = {**body, "Labels": {**body["Labels"], names.PLACE: "another machine"}}
        with ThreadPoolExecutor() as pool:
            asked = [body, elsewhere, body, body]
            used = {*pool.map(lambda each: lifecycle.create_network(lab.engine.link.changing, each), asked)}
        assert [*used] == ids(lab, f"{lab.name}_{key}")


def test_of_two_networks_with_one_name_the_own_is_joined(lab: Lab) -> None:
    name = f"{lab.name}_default"
    theirs = {"Name": name, "Labels": {names.PROJECT: lab.name, names.INSTANCE: "other"}}
    own = lab.engine.link.changing.post("networks", "create", body={"Name": name, "Labels": lab.labels})["Id"]
    if lab.engine.engine.api >= (1, 44):  # such an engine refuses a second one
        with pytest.raises(EngineError, match=name):
            lab.engine.link.changing.post("networks", "create", body=theirs)
        return
    strangers = lab.engine.link.changing.post("networks", "create", body=theirs)["Id"]
    lab.engine.observe()
    container = lab.run(networks=(Attachment(name, ("a",)),))
    assert [j.network_id for j in lab.seen(container).networks] == [own]
    with pytest.raises(EngineError, match=f"2 networks are named {name}"):
        lab.create(
            "b", networks=(Attachment(name),), labels={names.PROJECT: lab.name, names.INSTANCE: "third"}
        )
    assert strangers != own


def test_a_network_that_is_not_there_is_named(lab: Lab) -> None:
    with pytest.raises(EngineError, match=f"there is no network {lab.name}_gone"):
        lab.create(networks=(Attachment(f"{lab.name}_gone"),))


def test_a_variable_of_the_image_can_be_taken_away(lab: Lab) -> None:
    """Every container has a PATH, the engine's if not the image's."""
    said = []
    for service, environment in ("a", {"A": "b"}), ("b", {"A": "b", "PATH": None}):
        script = r"tr '\0' '\n' < /proc/1/environ; true"  # what the engine gave: the shell adds a PATH
        name = lab.run(service, "/bin/sh", "-c", script, environment=environment, init=False)
        lab.do(WaitFor(name, name, Condition.completed))
        said.append({line.text.partition("=")[0] for line in lab.engine.logs([name])})
    assert said[0] - said[1] == {"PATH"}
    assert "A" in said[1]


def test_a_container_that_obeys_is_stopped_without_a_word(lab: Lab) -> None:
    name = lab.run("a", "sleep", "600", init=True)
    assert lab.do(StopContainer(name, name, 5)) == ""
    assert lab.seen(name).exit_code == 143


def test_a_container_that_had_to_be_killed_is_reported_with_the_cure(lab: Lab) -> None:
    name = lab.run("a", "sleep", "600", init=False)
    note = lab.do(StopContainer(name, name, 1))
    assert note.startswith("killed after 1 s: it ignored SIGTERM (set init = true")
    assert lab.do(StopContainer(name, name, 1)) == ""  # it is stopped already


def test_what_is_gone_is_stopped_and_removed(lab: Lab) -> None:
    assert lab.do(StopContainer(f"{lab.name}-gone", "gone", 1)) == ""
    lab.do(RemoveContainer(f"{lab.name}-gone", "gone"))
    lab.do(RemoveNetwork("0" * 64, "gone"))
    lab.do(RemoveVolume(f"{lab.name}-gone"))


def test_two_who_remove_one_container_both_succeed(lab: Lab) -> None:
    name = lab.run()
    errors: list[Exception] = []

    def remove() -> None:
        try:
            lab.do(RemoveContainer(name, name))
        except EngineError as error:
            errors.append(error)

    threads = [threading.Thread(target=remove) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert name not in {c.name for c in lab.engine.observe().containers}


def test_anonymous_volumes_go_with_their_container_only_when_asked(lab: Lab) -> None:
    mounts = (DesiredMount(type="volume", target="/cache", labels=lab.labels),)
    for service in "ab":
        lab.create(service, mounts=mounts)
    lab.do(RemoveContainer(f"{lab.name}-a-1", "a", volumes=True))
    lab.do(RemoveContainer(f"{lab.name}-b-1", "b"))
    assert len([v for v in lab.engine.observe().volumes if v.project == lab.name]) == 1


def test_a_busy_network_is_tried_again(lab: Lab) -> None:
    lab.do(CreateNetwork(network(lab)))
    name = lab.run(networks=(Attachment(f"{lab.name}_default"),))
    network_id = ids(lab, f"{lab.name}_default")[0]
    remover = threading.Timer(0.3, lambda: lab.do(RemoveContainer(name, name)))
    remover.start()
    lab.do(RemoveNetwork(network_id, f"{lab.name}_default"))
    remover.join()
    assert ids(lab, f"{lab.name}_default") == []


def test_what_stays_busy_is_told_with_who_uses_it(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "_BUSY", (0.05, 0.2))
    lab.do(CreateNetwork(network(lab)))
    volume = f"{lab.name}_data"
    lab.do(CreateVolume(DesiredVolume(key="data", name=volume, labels=lab.labels)))
    name = lab.run(
        mounts=(DesiredMount(type="volume", source=volume, target="/d"),),
        networks=(Attachment(f"{lab.name}_default"),),
    )
    with pytest.raises(EngineError, match=f"{lab.name}_default is still in use by {name}"):
        lab.do(RemoveNetwork(ids(lab, f"{lab.name}_default")[0], f"{lab.name}_default"))
    with pytest.raises(EngineError, match=f"the volume {volume} is still in use by {name}"):
        lab.do(RemoveVolume(volume))


def test_a_port_that_is_taken_is_named(lab: Lab) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        name = lab.create(ports=(DesiredPort(target=80, published=str(port)),))
        with pytest.raises(
            EngineError, match=f"{name} cannot start: port {port} of 127.0.0.1 is taken"
        ) as caught:
            lab.do(StartContainer(name, name))
    assert f"sport = :{port}" in caught.value.hint
    first = lab.run("b", ports=(DesiredPort(target=80, published=str(port)),))
    second = lab.create("c", ports=(DesiredPort(target=80, published=str(port)),))
    with pytest.raises(EngineError, match=f"{second} cannot start: port {port} .* is taken"):
        lab.do(StartContainer(second, second))
    assert lab.seen(first).running


def test_a_program_that_is_not_in_the_image_is_named(lab: Lab) -> None:
    name = lab.create("a", "no-such-program", init=False)
    with pytest.raises(EngineError, match="its image cannot run 'no-such-program'") as caught:
        lab.do(StartContainer(name, name))
    assert "command" in caught.value.hint


def test_a_name_that_is_taken_is_an_error_with_the_engines_reason(lab: Lab) -> None:
    lab.create()
    with pytest.raises(EngineError, match=f"cannot create {lab.name}-a-1: .*already in use"):
        lab.create(labels={names.PROJECT: lab.name, names.DIGEST: "another"})
    lab.do(StartContainer(f"{lab.name}-a-1", "a"))
    with pytest.raises(EngineError, match="already in use"):
        lab.create()


def test_what_a_killed_run_asked_for_and_the_engine_made_late_is_taken(lab: Lab) -> None:
    lab.do(CreateNetwork(network(lab)))
    name = lab.create(networks=(Attachment(f"{lab.name}_default"),))
    first = lab.seen(name).id
    lab.do(CreateNetwork(network(lab)))
    lab.create(networks=(Attachment(f"{lab.name}_default"),))
    lab.do(StartContainer(name, name))
    assert lab.seen(name).id == first
    assert len(ids(lab, f"{lab.name}_default")) == 1
    assert lab.seen(name).networks[0].network_id == ids(lab, f"{lab.name}_default")[0]


def test_rename_and_restart_policy(lab: Lab) -> None:
    name = lab.create(restart="always")
    lab.do(SetRestart(name, name, "on-failure", 2))
    lab.do(RenameContainer(name, name, f"{lab.name}-b-1"))
    policy = lab.inspect(f"{lab.name}-b-1")["HostConfig"]["RestartPolicy"]
    assert policy == {"Name": "on-failure", "MaximumRetryCount": 2}


def test_the_replaced_container_is_remembered_in_a_label(lab: Lab) -> None:
    spec = DesiredContainer(name=f"{lab.name}-a-1", service="a", image="busybox", labels=lab.labels)
    lab.do(CreateContainer(spec, f"{lab.name}-a-1.new", replaces="0ld"))
    assert lab.seen(f"{lab.name}-a-1.new").replaces == "0ld"


def test_missing_host_paths_are_created_only_when_asked(lab: Lab, tmp_path: Path) -> None:
    missing = tmp_path / "a/b"
    with pytest.raises(EngineError, match="bind source path does not exist"):
        lab.create("a", mounts=(DesiredMount(type="bind", source=str(missing), target="/x"),))
    lab.create(
        "b", mounts=(DesiredMount(type="bind", source=str(missing), target="/x", create_host_path=True),)
    )
    assert missing.is_dir()


def test_health_is_seen(lab: Lab) -> None:
    check = DesiredHealthcheck(test=("CMD", "true"), interval=0.1)
    name = lab.run(healthcheck=check)
    lab.do(WaitFor(name, name, Condition.healthy, timeout=20))
    assert lab.seen(name).health == "healthy"


def test_no_thread_lives_on_after_a_wait(lab: Lab) -> None:
    """Since Python 3.12, a fork beside another thread is warned of. The check hangs while the engine's check passes."""
    others = set(threading.enumerate())
    check = DesiredHealthcheck(test=("CMD", "true"), interval=0.1)
    name = lab.run(healthcheck=check)
    lab.do(WaitFor(name, name, Condition.healthy, probes=(CommandProbe(("CMD", "sleep", "30")),), timeout=20))
    assert set(threading.enumerate()) <= others


def test_a_wait_ends_when_the_engine_reports_the_end(lab: Lab) -> None:
    name = lab.run("a", "sh", "-c", "sleep 0.5; exit 0")
    lab.do(WaitFor(name, name, Condition.completed))
    assert lab.seen(name).completed


def test_tcp_and_log_probes_ask_the_container(lab: Lab) -> None:
    lab.do(CreateNetwork(network(lab)))
    name = lab.run(
        "a",
        "sh",
        "-c",
        "sleep 0.3; echo serving; exec httpd -f -p 8000",
        networks=(Attachment(f"{lab.name}_default"),),
        ports=(DesiredPort(target=8000),),
    )
    probes = (TcpProbe(8000), LogProbe("^serving$"))
    lab.do(WaitFor(name, name, Condition.ready, probes=probes, timeout=20))


def test_the_log_of_a_wait_is_that_of_the_present_run(lab: Lab) -> None:
    from stackctl.engine.docker.container_events import Events
    from stackctl.engine.ready.watched import Watched

    name = lab.run("a", "sh", "-c", "echo run $(cat /n 2>/dev/null); echo again > /n; exec sleep 600")
    watched = Watched(lab.engine.client, Events(lab.engine.client), name, lab.engine.engine)
    for text in ("run\n", "run again\n"):
        for _ in range(50):
            assert watched.inspect()
            if said := watched.log():
                break
            time.sleep(0.05)
        assert said.replace(" \n", "\n") == text
        lab.do(StopContainer(name, name, 1))
        lab.do(StartContainer(name, name))


def test_a_service_in_anothers_network_is_asked_at_the_others_address(lab: Lab) -> None:
    from stackctl.engine.docker.container_events import Events
    from stackctl.engine.ready.watched import Watched

    lab.do(CreateNetwork(network(lab)))
    place = lab.run("a", networks=(Attachment(f"{lab.name}_default"),), ports=(DesiredPort(target=80),))
    guest = lab.run("b", network_mode=f"container:{place}")
    running = [
        Watched(lab.engine.client, Events(lab.engine.client), c, lab.engine.engine).inspect()
        for c in (place, guest)
    ]
    assert running[0] is not None
    assert running[1] is not None
    assert running[0].addresses == running[1].addresses != ()
    assert running[0].published == running[1].published != {}
