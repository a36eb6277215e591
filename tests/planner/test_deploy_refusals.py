"""What `deploy` refuses before anything is done: all at once, by key, with the way out."""

import pytest
from msgspec.structs import replace
from plan_world import stack
from swarm_world import ALONE, EMPTY, NODES, observed, problems, wanted

from stackctl.planner.swarm.planning import DeployOptions
from stackctl.planner.swarm.refusals import Asked, refusals
from stackctl.planner.world import labels
from stackctl.planner.world.observed import ObservedContainer, ObservedNetwork
from stackctl.planner.world.swarm_observed import ObservedService, ObservedSwarmFile

PLAIN = '[services.web]\nimage = "app:1"\n'


def test_everything_that_a_swarm_does_not_have_is_told_at_once() -> None:
    text = """
[services.web]
build = "."
container_name = "web"
privileged = true
ports = ["127.0.0.1:8000:80", "8001:81"]
volumes = ["./code:/code", "data:/data"]
devices = ["/dev/fuse"]
mac_address = "02:42:ac:11:00:02"
network_mode = "bridge"
post_start = [{ command = ["true"] }]
[services.db]
image = "db:1"
cpuset = "0"
networks.default.ipv4_address = "172.28.0.9"
healthcheck = { log = "ready" }
[networks.default]
ipam = { config = [{ subnet = "172.28.0.0/16" }] }
[volumes.data]
"""
    assert problems(text) == [
        "services.web.privileged: a Swarm gives no container all rights of its host (leave it out, or --lenient)",
        "services.web.mac_address: a Swarm gives containers their hardware addresses (leave it out, or --lenient)",
        "services.web.devices: a Swarm gives no container a device (name it on the nodes, and write deploy.resources.reservations.generic_resources)",
        "services.web.post_start: a Swarm starts and stops tasks without stackctl (do it in the command of the container; leave it out, or --lenient)",
        "services.web.ports[0]: every node publishes a port of a Swarm, at every address and not at 127.0.0.1 (leave the address out in a file for the Swarm (-f stack.toml -f deploy.toml), or remove the port: services reach each other without)",
        "services.web.container_name: a task has the name that the Swarm gives it (others reach it as web; leave it out, or --lenient)",
        "services.web.network_mode: a Swarm has no network_mode bridge (write networks, or host)",
        "services.db.cpuset: a Swarm limits processors by their number alone (write deploy.resources.limits, or --lenient to leave it out)",
        "services.db.networks.default.ipv4_address: a Swarm gives each task its own address (others reach it as db; leave it out, or --lenient)",
        "services.db.healthcheck.log: an engine does not read the log to know whether a task is ready (write test, tcp or http; with --lenient the task counts as ready once it runs)",
        "services.web.volumes[0]: " + problems(text)[10].partition(": ")[2],
        "services.web.volumes[1]: each of 3 nodes would have a volume data of its own: the data stays behind when the task moves (write sticky = true in [volumes.data], a driver that reaches every node, or deploy.placement.constraints with node.hostname of one node)",
        'services.web.build: the other nodes cannot get an image that is built here (write image = "REGISTRY/NAME:TAG": it is built and pushed there; --no-build if the nodes have it)',
    ]  # fmt: skip
    assert "is a path of one node, and 3 nodes may run the task" in problems(text)[10]


def test_a_swarm_has_the_network_of_the_host_and_no_network_none() -> None:
    text = '[services.web]\nimage = "web:1"\nnetwork_mode = "{}"\n'
    assert problems(text.format("host"), ALONE) == []
    assert problems(text.format("none"), ALONE) == [
        "services.web.network_mode: a Swarm has no network_mode none (write networks, or host)"
    ]


def test_on_one_node_data_and_images_are_where_they_are_looked_for() -> None:
    text = '[services.web]\nbuild = "."\nvolumes = ["./code:/code", "data:/data"]\n[volumes.data]\n'
    assert problems(text, ALONE) == []


def test_data_that_stays_on_its_node_is_accepted() -> None:
    text = '[services.web]\nimage = "app:1"\nvolumes = ["data:/data", "./x:/x"]\n'
    pinned = text + '[services.web.deploy.placement]\nconstraints = ["node.hostname == node-2"]\n'
    assert problems(pinned + "[volumes.data]\n") == []
    sticky = text.replace(', "./x:/x"', "") + "[volumes.data]\nsticky = true\n"
    assert problems(sticky) == []


def test_lenient_leaves_out_what_it_can() -> None:
    text = PLAIN + 'privileged = true\ncontainer_name = "xy"\nvolumes_from = ["container:y"]\n'
    found = problems(text, lenient=True)
    assert [line.partition(":")[0] for line in found] == ["warning", "services.web.volumes_from", "warning"]
    assert found[0].endswith("(it is left out (--lenient))")


@pytest.mark.parametrize(
    ("swarm", "message"),
    [
        (
            {"state": "inactive", "manager": False},
            "this engine is in no Swarm (docker swarm init makes a Swarm of this machine alone; docker swarm join takes it into another one)",
        ),
        (
            {"manager": False, "managers": ("10.0.0.1:2377",)},
            "this engine is a worker of its Swarm (ask a manager: 10.0.0.1:2377 (--host ssh://MANAGER))",
        ),
        ({"state": "locked", "manager": False}, "the Swarm is locked (docker swarm unlock, on this machine)"),
        (
            {"reason": "The swarm does not have a leader."},
            (
                "the Swarm does not answer: The swarm does not have a leader. (more than half of its managers must run: start them, or"
                " docker swarm init --force-new-cluster on one)"
            ),
        ),
    ],
)
def test_an_engine_that_manages_no_swarm_says_what_to_do_and_the_file_is_checked_all_the_same(
    swarm: dict[str, object], message: str
) -> None:
    there = replace(EMPTY, nodes=(), **swarm)
    assert problems(PLAIN + "privileged = true\n", there) == [
        message,
        "services.web.privileged: a Swarm gives no container all rights of its host (leave it out, or --lenient)",
    ]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            'deploy.placement.constraints = ["node.labels.disk == ssd"]',
            "services.web.deploy.placement.constraints[0]: no node has node.labels.disk (docker node update --label-add disk=ssd NODE)",
        ),
        (
            'deploy.placement.constraints = ["node.hostname == node-9"]',
            "services.web.deploy.placement.constraints[0]: no node has node.hostname == node-9 (nodes have: node-1, node-2, node-3)",
        ),
        (
            'deploy.placement.constraints = ["node.role == manager", "node.hostname == node-2"]',
            "services.web.deploy.placement: no node may run it: it asks for node.role==manager and node.hostname==node-2 (change the constraints, or the nodes: docker node ls)",
        ),
        (
            "deploy = { replicas = 4, placement = { max_replicas_per_node = 1 } }",
            "services.web.deploy.placement.max_replicas_per_node: 3 nodes with 1 each run 3 tasks, not 4 (raise it, or ask for fewer replicas)",
        ),
        (
            'ports = [{ target = 80, published = 8080, mode = "host" }]\ndeploy.replicas = 4',
            'services.web.ports[0]: 4 tasks want port 8080 of a node each, and 3 nodes may run them (ask for fewer replicas, leave the port of the host out, or write mode = "ingress")',
        ),
        (
            'ports = ["8080:80"]\ndeploy.endpoint_mode = "dnsrr"',
            'services.web.ports[0]: with endpoint_mode dnsrr there is no address for all tasks to which every node could pass on (write mode = "host", or endpoint_mode = "vip")',
        ),
        (
            'ports = ["8080-8090:80"]',
            "services.web.ports[0].published: a Swarm chooses no port of a range (write one port, or none for a free one)",
        ),
        (
            "deploy.replicas = 300",
            'networks.default: its services need 305 addresses, and its subnet has 253: tasks would wait without an error (give it a larger subnet: ipam = { config = [{ subnet = "10.20.0.0/16" }] })',
        ),
    ],
)  # fmt: skip
def test_what_the_nodes_cannot_do(keys: str, message: str) -> None:
    assert problems(PLAIN + keys + "\n") == [message]


def test_a_platform_and_nodes_that_take_no_tasks_are_told() -> None:
    nodes = (replace(NODES[0], availability="drain"), replace(NODES[1], state="down"))
    found = problems(PLAIN + 'platform = "linux/arm64"\n', replace(EMPTY, nodes=nodes))
    assert found == [
        (
            "services.web.deploy.placement: no node may run it: 1 of 2 nodes is drain; 1 of 2 nodes is down; it asks for linux/arm64"
            " (change the constraints, or the nodes: docker node ls)"
        )
    ]


def test_what_is_in_the_way() -> None:
    read = stack(PLAIN + 'networks = ["out", "default"]\n[networks.out]\nexternal = true\n')
    desired = wanted(read)
    theirs = ObservedService(id="x", name="shop_web", version=1, labels={labels.STACK: "shop"})
    bridge = ObservedNetwork(id="b", name="shop_default", driver="bridge")
    there = replace(EMPTY, services=(theirs,), networks=(bridge,))
    runs = ObservedContainer(id="c", name="shop-web-1", state="running", labels={labels.PROJECT: "shop"})
    asked = Asked(stack=read, desired=desired, observed=there, containers=[runs])
    assert [str(each) for each in refusals(asked)] == [
        ("name: the project runs on this machine without the Swarm: shop-web-1"
        " (stackctl down removes these and keeps their volumes, which deploy then uses on this node)"),
        "name: there is a service shop_web that stackctl has not made (docker stack rm shop removes it; -p OTHER is another project beside it)",
        "networks.default: network shop_default is there with the driver bridge, not overlay (stackctl down removes it if up has made it)",
        "networks.out: there is no network out in the Swarm (docker network create --driver overlay --attachable out)",
    ]  # fmt: skip


def test_a_network_with_other_settings_is_not_changed() -> None:
    before, after = (PLAIN + f"[networks.default]\ninternal = {value}\n" for value in ("false", "true"))
    found = problems(after, observed(wanted(before)))
    assert found == [
        (
            "networks.default: network shop_default is there with other settings, and a Swarm changes none"
            " (stackctl deploy down, then deploy; or give it another name)"
        )
    ]


def test_contents_have_a_limit() -> None:
    text = PLAIN + 'secrets = ["big"]\n[secrets.big]\nenvironment = "BIG"\n'
    read = stack(text, environ={"BIG": "x" * 512_000})
    asked = Asked(stack=read, desired=wanted(read), observed=ALONE, options=DeployOptions())
    assert [str(each) for each in refusals(asked)] == [
        "secrets.big: it has 512,000 bytes, and a Swarm takes less than 512,000 (put it into the image or a volume)"
    ]


def test_what_is_external_must_be_in_the_swarm() -> None:
    text = PLAIN + 'secrets = ["pw"]\nconfigs = ["c"]\n[secrets.pw]\nexternal = true\nname = "shop-pw"\n'
    text += "[configs.c]\nexternal = true\n[secrets.of-nobody]\nexternal = true\n"
    read = stack(text)
    asked = Asked(stack=read, desired=wanted(read), observed=ALONE, options=DeployOptions())
    assert [str(each) for each in refusals(asked)] == [
        "secrets.pw: there is no secret shop-pw in the Swarm, and external says that there is one (docker secret create shop-pw FILE)",
        "configs.c: there is no config c in the Swarm, and external says that there is one (docker config create c FILE)",
    ]
    there = replace(
        ALONE,
        secrets=(ObservedSwarmFile(id="1", name="shop-pw"),),
        configs=(ObservedSwarmFile(id="2", name="c"),),
    )
    assert refusals(replace(asked, observed=there)) == ()
