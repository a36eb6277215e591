"""What a look at a Swarm makes of the manager's answers."""

from __future__ import annotations

import json

from http_server import Script, asking, refuses

from stackctl.engine.docker.look import DockerLook
from stackctl.engine.docker.swarm import snapshot
from stackctl.engine.transport.endpoint import Endpoint
from stackctl.planner.world.swarm_observed import ObservedNode, ObservedServicePort, ObservedTask

INFO = {
    "ID": "E",
    "Swarm": {
        "NodeID": "n1",
        "LocalNodeState": "active",
        "ControlAvailable": True,
        "RemoteManagers": [{"NodeID": "n1", "Addr": "10.0.0.1:2377"}],
    },
}


def test_a_node() -> None:
    row = {
        "ID": "n1",
        "Spec": {"Role": "manager", "Availability": "drain", "Labels": {"zone": "a"}},
        "Description": {
            "Hostname": "one",
            "Platform": {"Architecture": "x86_64", "OS": "linux"},
            "Resources": {"NanoCPUs": 2000000000, "MemoryBytes": 1024},
            "Engine": {"Labels": {"disk": "fast"}},
        },
        "Status": {"State": "down", "Addr": "10.0.0.1"},
        "ManagerStatus": {"Leader": True, "Reachability": "unreachable"},
    }
    node = snapshot.node(row)
    assert node == ObservedNode(
        id="n1",
        name="one",
        role="manager",
        state="down",
        availability="drain",
        leader=True,
        reachability="unreachable",
        address="10.0.0.1",
        labels={"zone": "a"},
        engine_labels={"disk": "fast"},
        os="linux",
        arch="x86_64",
        nano_cpus=2000000000,
        memory=1024,
    )
    assert (node.down, node.takes_tasks) == (True, False)


def test_a_service_names_the_secrets_of_its_earlier_definition_too() -> None:
    def spec(secret: str, digest: str) -> dict[str, object]:
        container = {
            "Image": "web:1@sha256:a",
            "Secrets": [{"SecretID": secret}],
            "Configs": [{"ConfigID": "c"}],
            "Mounts": [
                {
                    "Type": "volume",
                    "Source": "shop_data",
                    "VolumeOptions": {"Labels": {"stackctl.project": "shop"}},
                },
                {"Type": "volume", "Source": "outside", "VolumeOptions": {"Labels": {}}},
                {"Type": "bind", "Source": "/srv", "Target": "/srv"},
            ],
        }
        return {
            "Name": "shop_web",
            "Labels": {
                "stackctl.digest": digest,
                "stackctl.project": "shop",
                "stackctl.service": "web",
                "stackctl.depends": '["db"]',
                "com.docker.stack.namespace": "shop",
            },
            "Mode": {"Replicated": {"Replicas": 3}},
            "TaskTemplate": {
                "ContainerSpec": container,
                "ForceUpdate": 4,
                "Networks": [{"Target": "net"}],
                "Placement": {"Constraints": ["node.role==worker"]},
            },
            "EndpointSpec": {"Mode": "dnsrr"},
        }  # fmt: skip

    found = snapshot.service(
        {
            "ID": "s1",
            "Version": {"Index": 42},
            "Spec": spec("new", "2"),
            "PreviousSpec": spec("old", "1"),
            "Endpoint": {"Ports": [{"TargetPort": 80, "PublishedPort": 30000, "PublishMode": "ingress"}]},
            "UpdateStatus": {"State": "paused", "Message": "update paused due to failure"},
            "ServiceStatus": {"RunningTasks": 2, "DesiredTasks": 3, "CompletedTasks": 0},
            "CreatedAt": "2030-01-01T00:00:00.123456789Z",
        }
    )
    assert (found.version, found.replicas, found.running, found.desired) == (42, 3, 2, 3)
    assert (found.digest, found.previous, found.previous_digest) == ("2", True, "1")
    assert (sorted(found.secrets), sorted(found.configs)) == (["new", "old"], ["c"])
    assert found.present_files == {"new", "c"}
    assert found.volumes == ("shop_data",)
    assert (found.update_state, found.update_message) == ("paused", "update paused due to failure")
    assert (found.force, found.networks, found.constraints) == (4, ("net",), ("node.role==worker",))
    assert found.ports == (ObservedServicePort(80, 30000, "tcp", "ingress"),)
    assert (found.stack, found.image_as_written, found.depends) == ("shop", "web:1", ("db",))
    assert found.created > 1.8e9


def test_a_job_and_its_task() -> None:
    job = snapshot.service(
        {
            "ID": "j",
            "Version": {"Index": 1},
            "Spec": {"Name": "j", "Mode": {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 5}}},
            "JobStatus": {"JobIteration": {"Index": 3}},
            "ServiceStatus": {"RunningTasks": 1, "DesiredTasks": 1, "CompletedTasks": 4},
        }
    )
    assert (job.mode, job.is_job, job.replicas) == ("replicated-job", True, 5)
    assert (job.completed, job.iteration, job.endpoint_mode) == (4, 3, "vip")
    row = {
        "ID": "t",
        "ServiceID": "j",
        "NodeID": "n",
        "Slot": 2,
        "Spec": {"ContainerSpec": {"Image": "web:1", "Labels": {"stackctl.digest": "d"}}},
        "Status": {
            "State": "failed",
            "Message": "started",
            "Err": "task: non-zero exit (3)",
            "Timestamp": "1970-01-01T00:00:05Z",
            "ContainerStatus": {"ContainerID": "c", "ExitCode": 3},
        },
        "DesiredState": "shutdown",
        "CreatedAt": "1970-01-01T00:00:01Z",
        "JobIteration": {"Index": 3},
    }
    assert snapshot.task(row) == ObservedTask(
        id="t",
        service_id="j",
        node_id="n",
        slot=2,
        state="failed",
        desired_state="shutdown",
        message="started",
        error="task: non-zero exit (3)",
        exit_code=3,
        container="c",
        image="web:1",
        digest="d",
        created=1.0,
        updated=5.0,
        iteration=3,
    )
    assert snapshot.task({**row, "Status": {"State": "running", "ContainerStatus": {}}}).exit_code is None


def answers(*bodies: object) -> Script:
    text = b"".join(
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said)
        for said in (json.dumps(body).encode() for body in bodies)
    )
    return lambda connection: connection.sendall(text)


def test_an_engine_outside_of_a_swarm_is_asked_once_and_says_who_manages() -> None:
    worker = {"ID": "E", "Swarm": {**INFO["Swarm"], "ControlAvailable": False}}  # type: ignore[dict-item]
    with asking(answers(worker)) as client:
        found = DockerLook(client, Endpoint("unix:///x")).observe_swarm("shop")
    assert (found.state, found.manager, found.managers) == ("active", False, ("10.0.0.1:2377",))


def test_a_swarm_without_a_leader_says_so() -> None:
    lost = refuses(500, "rpc error: code = Unknown desc = The swarm does not have a leader.")
    with asking(answers(INFO), *[lost] * 5) as client:
        found = DockerLook(client, Endpoint("unix:///x")).observe_swarm("shop")
    assert found.manager
    assert found.reason == "The swarm does not have a leader."


def test_an_image_that_no_registry_answers_for_has_no_digest() -> None:
    with asking(refuses(500, "Get https://registry-1.docker.io/v2/: network is unreachable")) as client:
        assert DockerLook(client, Endpoint("unix:///x")).image_digest("busybox") is None
