"""`export k8s`: values in, manifests out. `test_k8s_valid.py` says that Kubernetes takes them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from test_k8s_valid import exported, problems

from stackctl.spec.known_images import BUILT_IN, starters
from stackctl.teach.k8s.manifests import Manifests
from stackctl.teach.k8s.names import LONGEST, dns_name
from stackctl.teach.k8s.values import literal

ROOT = Path(__file__).parents[2]


class Given:
    """A stack, and what becomes of it in Kubernetes."""

    def __init__(self, text: str, directory: Path) -> None:
        (directory / "stack.toml").write_text(text)
        self.made: Manifests = exported(directory / "stack.toml")
        assert not problems(self.made)

    def one(self, kind: str, name: str = "web") -> dict[str, Any]:
        (found,) = self.all(kind, name)
        return found

    def all(self, kind: str, name: str | None = None) -> list[dict[str, Any]]:
        manifests = yaml.safe_load_all(self.made.text("stack.toml"))
        return [
            each for each in manifests if each["kind"] == kind and name in (None, each["metadata"]["name"])
        ]

    def pod(self, kind: str = "Deployment", name: str = "web") -> dict[str, Any]:
        found: dict[str, Any] = self.one(kind, name)["spec"]["template"]["spec"]
        return found

    def container(self, kind: str = "Deployment", name: str = "web") -> dict[str, Any]:
        (found,) = self.pod(kind, name)["containers"]
        return dict(found)

    @property
    def lost(self) -> dict[str, str]:
        return {each.where: each.message for each in self.made.lost}


def web(keys: str, directory: Path) -> Given:
    return Given(f'[services.web]\nimage = "busybox"\nbuiltin_check = false\n{keys}', directory)


def test_the_lesson() -> None:
    made = exported(ROOT / "stack.toml")
    assert made.text("stack.toml") == Path(__file__).with_name("lesson.k8s.yaml").read_text()


@pytest.mark.parametrize(
    ("key", "where", "value"),
    [
        ('entrypoint = ["a"]', "command", ["a"]),
        ('entrypoint = ["a"]\ncommand = ["b", "$(HOME) $$$$x"]', "args", ["b", "$$(HOME) $$$x"]),
        ('entrypoint = []\ncommand = ["b"]', "command", ["b"]),
        ('working_dir = "/w"', "workingDir", "/w"),
        ("tty = true", "tty", True),
        ("stdin_open = true", "stdin", True),
        ('pull_policy = "always"', "imagePullPolicy", "Always"),
        ('pull_policy = "never"', "imagePullPolicy", "Never"),
        ('pull_policy = "daily"', "imagePullPolicy", "Always"),
        ("", "imagePullPolicy", "IfNotPresent"),
        ('user = "1:2"', "securityContext", {"runAsUser": 1, "runAsGroup": 2}),
        ("read_only = true", "securityContext", {"readOnlyRootFilesystem": True}),
        ("privileged = true", "securityContext", {"privileged": True}),
        ('cap_add = ["CAP_NET_ADMIN"]\ncap_drop = ["all"]', "securityContext", {"capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]}}),
        ('security_opt = ["no-new-privileges"]', "securityContext", {"allowPrivilegeEscalation": False}),
        ('security_opt = ["seccomp=unconfined"]', "securityContext", {"seccompProfile": {"type": "Unconfined"}}),
        ('security_opt = ["apparmor=mine"]', "securityContext", {"appArmorProfile": {"type": "Localhost", "localhostProfile": "mine"}}),
        ('security_opt = ["label=type:mine_t"]', "securityContext", {"seLinuxOptions": {"type": "mine_t"}}),
        ('mem_limit = "64m"\nmem_reservation = "1000"', "resources", {"requests": {"memory": "1000"}, "limits": {"memory": "64Mi"}}),
        ("cpus = 1.5", "resources", {"limits": {"cpu": "1500m"}}),
        ("cpu_quota = 50000", "resources", {"limits": {"cpu": "500m"}}),
        ('deploy.resources = { limits = { cpus = 2 }, reservations = { cpus = "0.1" } }', "resources", {"requests": {"cpu": "100m"}, "limits": {"cpu": "2"}}),
        ("gpus = [{ count = 2 }]", "resources", {"limits": {"nvidia.com/gpu": "2"}}),
        ("expose = [80]", "ports", [{"containerPort": 80}]),
        ('environment = { A = "$(B) $$C" }', "env", [{"name": "A", "value": "$$(B) $C"}]),
        ('post_start = [{ command = "warm up" }]', "lifecycle", {"postStart": {"exec": {"command": ["warm", "up"]}}}),
        ('pre_stop = [{ command = "a b", working_dir = "/w", environment = { X = "1 2" } }, { command = "c" }]', "lifecycle", {"preStop": {"exec": {"command": ["/bin/sh", "-c", "(cd /w && env 'X=1 2' a b) && c"]}}}),
    ],
)  # fmt: skip
def test_a_key_of_a_container(key: str, where: str, value: Any, tmp_path: Path) -> None:
    assert web(key, tmp_path).container()[where] == value


@pytest.mark.parametrize(
    ("key", "where", "value"),
    [
        ("", "automountServiceAccountToken", False),
        ("", "enableServiceLinks", False),
        ("", "securityContext", {"seccompProfile": {"type": "RuntimeDefault"}}),
        ('hostname = "here"', "hostname", "here"),
        ('extra_hosts = { a = "10.0.0.1", b = "10.0.0.1,[fd00::1]" }', "hostAliases", [{"ip": "10.0.0.1", "hostnames": ["a", "b"]}, {"ip": "fd00::1", "hostnames": ["b"]}]),
        ('dns = "1.1.1.1"\ndns_search = "x.org"\ndns_opt = ["ndots:1", "rotate"]', "dnsConfig", {"nameservers": ["1.1.1.1"], "searches": ["x.org"], "options": [{"name": "ndots", "value": "1"}, {"name": "rotate"}]}),
        ('stop_grace_period = "90s"', "terminationGracePeriodSeconds", 90),
        ('platform = "linux/arm64"', "nodeSelector", {"kubernetes.io/os": "linux", "kubernetes.io/arch": "arm64"}),
        ("group_add = [7]", "securityContext", {"supplementalGroups": [7], "seccompProfile": {"type": "RuntimeDefault"}}),
        ('sysctls = { "net.ipv4.tcp_syncookies" = 1 }', "securityContext", {"seccompProfile": {"type": "RuntimeDefault"}, "sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "1"}]}),
        ('network_mode = "host"', "hostNetwork", True),
        ('network_mode = "host"', "dnsPolicy", "ClusterFirstWithHostNet"),
        ('ipc = "host"', "hostIPC", True),
        ('pid = "host"', "hostPID", True),
        ('runtime = "gvisor"', "runtimeClassName", "gvisor"),
        ('shm_size = "1g"', "volumes", [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}}]),
        ('tmpfs = "/t:size=1m"', "volumes", [{"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}]),
        ('volumes = ["/cache"]', "volumes", [{"name": "data", "emptyDir": {}}]),
        ('volumes = ["/dev/log:/dev/log"]', "volumes", [{"name": "log", "hostPath": {"path": "/dev/log"}}]),
        ('volumes = [{ type = "image", source = "x:1", target = "/x" }]', "volumes", [{"name": "image", "image": {"reference": "x:1", "pullPolicy": "IfNotPresent"}}]),
    ],
)  # fmt: skip
def test_a_key_of_a_pod(key: str, where: str, value: Any, tmp_path: Path) -> None:
    assert web(key, tmp_path).pod()[where] == value


@pytest.mark.parametrize(
    ("key", "where", "message"),
    [
        ('devices = ["/dev/fuse"]', "services.web.devices", "a Pod gets no device of a node by its path"),
        ('user = "nobody"', "services.web.user", "numbers of users alone, not nobody"),
        ('group_add = ["mail"]', "services.web.group_add[0]", "numbers of groups alone"),
        ('sysctls = { "net.core.somaxconn" = 1 }', "services.web.sysctls", "a node refuses net.core.somaxconn"),
        ('security_opt = ["label=disable"]', "services.web.security_opt[0]", "nothing for label=disable"),
        ('privileged = true\nsecurity_opt = ["no-new-privileges"]', "services.web.security_opt[0]", "nothing for no-new-privileges"),
        ('extra_hosts = { h = "host-gateway" }', "services.web.extra_hosts.h", "does not know its node"),
        ('hostname = "a.b"', "services.web.hostname", "is no host name of a Pod"),
        ('network_mode = "none"', "services.web.network_mode", "every Pod has a network"),
        ("init = true", "services.web.init", "adds no init process"),
        ('restart = "on-failure:3"', "services.web.restart", "after any end"),
        ('gpus = "all"', "services.web.gpus[0].count", "asks for one"),
        ("environment = { UNSET = { from_env = true } }", "services.web.environment.UNSET", "cannot be taken away"),
        ("environment = { GIVEN = { from_env = true } }", "services.web.environment.GIVEN", "the value that it had here"),
        ('environment = { "a b" = "c" }', 'services.web.environment."a b"', "refuse its name"),
        ('healthcheck = { log = "ready" }', "services.web.healthcheck.log", "no probe reads a log"),
        ("", "services.web.healthcheck", "there is no check"),
        ('labels = { "no name" = "1" }', 'services.web.labels."no name"', "takes no such name"),
        ('labels = { token = "hunter22" }', "services.web.labels.token", "holds a secret"),
        ('volumes = ["/cache"]', "services.web.volumes[0]", "an emptyDir, which is gone with its Pod"),
        ('tmpfs = "/t:uid=3"', "services.web.tmpfs[0]", "has no option uid"),
        ('ports = ["8080:80"]', "services.web.ports[0]", "not on port 8080 of a machine"),
        ('container_name = "My_web"', "services.web.container_name", "My_web is no name of a Service"),
        ('logging.driver = "local"', "services.web.logging", "the cluster keeps the output"),
        ('networks.default.ipv4_address = "10.9.0.9"\n[networks.default]\nipam.config = [{ subnet = "10.9.0.0/24" }]', "networks.default.ipam", "one network for all Pods"),
    ],
)  # fmt: skip
def test_what_is_lost(key: str, where: str, message: str, tmp_path: Path) -> None:
    assert message in web(key, tmp_path).lost[where]


def test_labels_and_annotations(tmp_path: Path) -> None:
    given = web(
        'labels = { tier = "front", note = "two words" }\nannotations = { "a.b/c" = "d e" }', tmp_path
    )
    metadata = given.one("Deployment")["spec"]["template"]["metadata"]
    assert metadata["labels"]["tier"] == "front"
    assert metadata["annotations"] == {"note": "two words", "a.b/c": "d e"}


def test_what_deploy_says_for_a_swarm(tmp_path: Path) -> None:
    deploy = """
[services.web.deploy]
labels = { team = "a", note = "b c" }
endpoint_mode = "dnsrr"
replicas = 4
update_config = { parallelism = 2, order = "stop-first", monitor = "20s", delay = "1s", failure_action = "rollback" }
rollback_config = { parallelism = 1 }
[services.web.deploy.placement]
constraints = ["node.labels.disk == ssd", "node.hostname != a", "node.role == worker"]
preferences = [{ spread = "node.labels.zone" }]
max_replicas_per_node = 1
"""
    given = web("expose = [80]" + deploy, tmp_path)
    made, pod = given.one("Deployment"), given.pod()
    assert made["metadata"]["labels"]["team"] == "a"
    assert made["metadata"]["annotations"] == {"note": "b c"}
    assert (made["spec"]["replicas"], made["spec"]["minReadySeconds"]) == (4, 20)
    assert made["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 2}
    assert given.one("Service")["spec"]["clusterIP"] == "None"
    (term,) = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
        "nodeSelectorTerms"
    ]
    assert term["matchExpressions"] == [
        {"key": "disk", "operator": "In", "values": ["ssd"]},
        {"key": "kubernetes.io/hostname", "operator": "NotIn", "values": ["a"]},
    ]
    assert "podAntiAffinity" in pod["affinity"]
    assert [each["topologyKey"] for each in pod["topologySpreadConstraints"]] == ["zone"]
    assert "no label of a node tells node.role" in given.lost["services.web.deploy.placement.constraints[2]"]
    assert "no pause" in given.lost["services.web.deploy.update_config.delay"]
    assert "stays where it is" in given.lost["services.web.deploy.update_config.failure_action"]
    assert "only if it is told to" in given.lost["services.web.deploy.rollback_config"]


def test_one_on_each_node(tmp_path: Path) -> None:
    given = web('deploy = { mode = "global", update_config = { parallelism = 0 } }', tmp_path)
    made = given.one("DaemonSet")
    assert "replicas" not in made["spec"]
    assert made["spec"]["updateStrategy"]["rollingUpdate"] == {"maxSurge": "100%", "maxUnavailable": 0}
    given = web('deploy = { mode = "replicated-job" }', tmp_path)
    assert given.lost["services.web.deploy.mode"] == "it becomes a Deployment, which starts it again"


def test_probes(tmp_path: Path) -> None:
    check = 'healthcheck = { http = ":80/up", interval = "7s", timeout = "500ms", retries = 4, start_period = "5m" }'
    container = web(check, tmp_path).container()
    asked, often = (
        {"httpGet": {"path": "/up", "port": 80}},
        {"periodSeconds": 7, "timeoutSeconds": 1, "failureThreshold": 4},
    )
    assert container["readinessProbe"] == asked | often
    assert container["livenessProbe"] == {"tcpSocket": {"port": 80}, **often}
    assert container["startupProbe"] == {
        **asked,
        "periodSeconds": 2,
        "timeoutSeconds": 1,
        "failureThreshold": 164,
    }
    container = web('healthcheck = { test = "test -e /x" }', tmp_path).container()
    assert container["readinessProbe"] == {
        "exec": {"command": ["/bin/sh", "-c", "test -e /x"]},
        "timeoutSeconds": 5,
    }
    assert "livenessProbe" not in container
    container = web('healthcheck = { test = ["CMD", "ask", "--password", "hunter22"] }', tmp_path).container()
    assert container["readinessProbe"]["exec"]["command"] == [
        "/bin/sh",
        "-c",
        'exec ask --password "${PASSWORD}"',
    ]
    assert [each["name"] for each in container["env"]] == ["PASSWORD"]
    assert "startupProbe" not in web("healthcheck = { disable = true }", tmp_path).container()


def test_a_published_port_is_asked_where_there_is_no_check(tmp_path: Path) -> None:
    given = Given('[services.web]\nimage = "own"\nports = [80]', tmp_path)
    assert given.container()["readinessProbe"]["tcpSocket"] == {"port": 80}


def test_a_known_server_that_is_set_up_first(tmp_path: Path) -> None:
    """The startup probe asks the server, and readiness what the file says."""
    given = Given(
        '[services.db]\nimage = "postgres:15"\nenvironment.POSTGRES_PASSWORD = "x"\nhealthcheck.test = "true"\n'
        'volumes = ["rows:/var/lib/postgresql/data"]\n[volumes.rows]',
        tmp_path,
    )
    container = given.container("StatefulSet", "db")
    assert container["startupProbe"]["exec"]["command"][0] == "pg_isready"
    assert container["readinessProbe"]["exec"]["command"] == ["/bin/sh", "-c", "true"]
    assert container["livenessProbe"]["tcpSocket"] == {"port": 5432}
    assert container["volumeMounts"] == [
        {"name": "rows", "mountPath": "/var/lib/postgresql/data", "subPath": "data"}
    ]
    assert given.one("StatefulSet", "db")["spec"]["volumeClaimTemplates"][0]["metadata"] == {"name": "rows"}
    assert given.one("Service", "db")["spec"]["clusterIP"] == "None"
    assert not given.all("PersistentVolumeClaim")


def test_every_known_image(tmp_path: Path) -> None:
    """What keeps data is a StatefulSet; its Service has the port of the server."""
    kept = 0
    for name, starter in starters().items():
        known = BUILT_IN.of(starter["image"])
        assert known
        lines = [f"[services.it]\nimage = {starter['image']!r}"]
        lines += [f"environment.{key} = 'x'" for group in known.required for key in group[:1]]
        given = Given("\n".join(lines), tmp_path)
        (workload,) = [*given.all("StatefulSet", "it"), *given.all("Deployment", "it")]
        kept += workload["kind"] == "StatefulSet"
        assert known.port in [port["port"] for port in given.one("Service", "it")["spec"]["ports"]], name
    assert 3 < kept < len(starters())


def test_services(tmp_path: Path) -> None:
    given = Given(
        """
[services.my_api]
image = "api:1"
expose = ["53/udp", 9000]
container_name = "first"
networks.default.aliases = ["back-end", "db"]
[services.db]
image = "db:1"
[services.web]
image = "web:1"
environment = { API = "http://my_api:8000/x", DB = "redis://db" }
""",
        tmp_path,
    )
    ports = [
        {"name": "udp-53", "port": 53, "protocol": "UDP"},
        {"name": "tcp-9000", "port": 9000},
        {"name": "tcp-8000", "port": 8000},
        {"name": "tcp-6379", "port": 6379},
    ]
    for name in ("my-api", "first", "back-end"):
        assert given.one("Service", name)["spec"] == {
            "selector": {"app.kubernetes.io/name": "my-api"},
            "ports": ports,
        }
    assert given.one("Service", "db")["spec"]["ports"] == [{"port": 6379}]
    assert given.one("Service", "web")["spec"] == {
        "clusterIP": "None",
        "selector": {"app.kubernetes.io/name": "web"},
    }
    assert given.lost["services.my_api"] == "its host name is my-api in Kubernetes, not my_api"
    assert (
        given.lost["services.my_api.networks"]
        == "db is a name of db, too, and a Service leads to one of them"
    )


def test_waiting(tmp_path: Path) -> None:
    given = Given(
        """
[services.db]
image = "redis:7"
[services.quiet]
image = "quiet:1"
[jobs.migrate]
image = "api:1"
depends_on = ["db"]
[services.web]
image = "api:1"
depends_on = { db = { condition = "service_started" }, quiet = {}, migrate = {}, maybe = { required = false } }
[services.maybe]
image = "maybe:1"
""",
        tmp_path,
    )
    wait = {
        "name": "wait-for-db",
        "image": "busybox:1.36",
        "command": ["sh", "-c", "until nc -w 2 db 6379 -e true; do sleep 1; done"],
    }
    job = given.pod("Job", "migrate")
    assert (job["initContainers"], job["restartPolicy"]) == ([wait], "Never")
    assert [each["name"] for each in given.pod()["initContainers"]] == ["wait-for-db", "wait-for-migrate"]
    assert given.pod()["initContainers"][1]["args"] == [
        "wait",
        "--for=condition=Complete",
        "--timeout=-1s",
        "job/migrate",
    ]
    assert given.pod()["serviceAccountName"] == "shop-waits"
    assert "automountServiceAccountToken" not in given.pod()
    assert given.one("Role", "shop-waits")["rules"][0]["resourceNames"] == ["migrate"]
    lost = given.lost
    assert "no port of quiet is known" in lost["services.web.depends_on.quiet"]
    assert "waits until db is ready" in lost["services.web.depends_on.db.condition"]
    assert "needs the right to" in lost["services.web.depends_on.migrate"]
    assert "kubectl apply refuses another one" in lost["jobs.migrate"]
    assert "what may be missing" in lost["services.web.depends_on.maybe"]


def test_named_volumes(tmp_path: Path) -> None:
    given = Given(
        """
[services.web]
image = "web:1"
volumes = ["up_loads:/up", "theirs:/theirs:ro", { type = "volume", source = "up_loads", target = "/part", volume = { subpath = "p" } }]
user = "7"
scale = 2
[volumes.up_loads]
protect = true
[volumes.theirs]
external = true
""",
        tmp_path,
    )
    (claim,) = given.all("PersistentVolumeClaim")
    assert claim["metadata"]["name"] == "up-loads"
    assert given.pod()["volumes"] == [
        {"name": "up-loads", "persistentVolumeClaim": {"claimName": "up-loads"}},
        {"name": "theirs", "persistentVolumeClaim": {"claimName": "theirs"}},
    ]
    assert given.container()["volumeMounts"] == [
        {"name": "up-loads", "mountPath": "/up"},
        {"name": "theirs", "mountPath": "/theirs", "readOnly": True},
        {"name": "up-loads", "mountPath": "/part", "subPath": "p"},
    ]
    assert given.pod()["securityContext"]["fsGroup"] == 7
    assert given.one("Deployment")["spec"]["strategy"] == {"type": "Recreate"}
    assert given.one("Deployment")["spec"]["replicas"] == 2
    assert "must be there already" in given.lost["volumes.theirs.external"]
    assert "removes a claim with its data" in given.lost["volumes.up_loads.protect"]
    assert "is empty" in given.lost["services.web.volumes[0]"]


def test_paths_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("pass\n")
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "a b.conf").write_text("x = 1\n")
    (tmp_path / "conf" / "logo.png").write_bytes(b"\x89PNG\xff")
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "run.sh").chmod(0o755)
    (tmp_path / "uploads").mkdir()
    given = web(
        'build = "./src"\nvolumes = ["./src:/app", "./conf:/conf:ro", "./run.sh:/run.sh", "./uploads:/up"]',
        tmp_path,
    )
    volumes = given.pod()["volumes"]
    assert volumes == [
        {
            "name": "web-conf",
            "configMap": {
                "name": "web-conf",
                "items": [{"key": "a-b.conf", "path": "a b.conf"}, {"key": "logo.png", "path": "logo.png"}],
            },
        },
        {"name": "web-run-sh", "configMap": {"name": "web-run-sh", "defaultMode": 0o755}},
        {"name": "web-uploads", "persistentVolumeClaim": {"claimName": "web-uploads"}},
    ]
    assert given.one("ConfigMap", "web-conf")["data"] == {"a-b.conf": "x = 1\n"}
    assert given.one("ConfigMap", "web-conf")["binaryData"] == {"logo.png": "iVBOR/8="}
    assert given.container()["volumeMounts"][1] == {
        "name": "web-run-sh",
        "mountPath": "/run.sh",
        "subPath": "run.sh",
        "readOnly": True,
    }
    assert "is left out" in given.lost["services.web.volumes[0]"]
    assert "can only read" in given.lost["services.web.volumes[2]"]
    assert "empty at first" in given.lost["services.web.volumes[3]"]


def test_made_names_keep_apart(tmp_path: Path) -> None:
    """What the file names keeps its name; what comes from a path is made once, and gets a free name."""
    for name in ("conf", "other/conf"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "a b").write_text(name)
        (tmp_path / name / "a-b").write_text("second")
    given = Given(
        """
[services.web]
image = "web:1"
configs = ["web-conf", "hidden"]
secrets = ["hidden", "shop-env"]
environment = { TOKEN = "hunter22" }
volumes = ["./conf:/one:ro", "./other/conf:/two:ro", "./data:/data"]
[services.two]
image = "two:1"
volumes = ["./conf:/one:ro", "./data:/data"]
[services.db]
image = "postgres:15"
environment = { POSTGRES_PASSWORD = "hunter22" }
volumes = ["./pg:/var/lib/postgresql/data"]
[configs.web-conf]
content = "own"
[configs.hidden]
content = "password=hunter22"
[secrets.hidden]
environment = "TOKEN"
[secrets.shop-env]
environment = "TOKEN"
[volumes.web-data]
""",
        tmp_path,
    )
    volumes = {each["name"]: each for each in given.pod()["volumes"]}
    assert [*volumes] == [
        "web-conf-2",
        "web-conf-3",
        "web-data-2",
        "hidden",
        "shop-env",
        "web-conf",
        "hidden-2",
    ]
    assert volumes["web-conf-2"]["configMap"]["items"] == [
        {"key": "a-b", "path": "a b"},
        {"key": "a-b-2", "path": "a-b"},
    ]
    assert given.one("ConfigMap", "web-conf")["data"] == {"web-conf": "own"}
    assert given.one("ConfigMap", "web-conf-3")["data"] == {"a-b": "other/conf", "a-b-2": "second"}
    assert sorted(given.made.secrets) == ["hidden", "hidden-2", "shop-env", "shop-env-2"]
    assert given.made.secrets["hidden-2"] == {"hidden": b"password=hunter22"}
    shared = {each["name"]: each for each in given.pod("Deployment", "two")["volumes"]}
    assert shared["web-conf-2"]["configMap"]["name"] == "web-conf-2"
    assert shared["web-data-2"]["persistentVolumeClaim"]["claimName"] == "web-data-2"
    assert given.container("StatefulSet", "db")["volumeMounts"][0]["subPath"] == "data"


def test_what_a_swarm_keeps_must_be_in_the_cluster(tmp_path: Path) -> None:
    given = web(
        """secrets = ["pw", "vault"]
configs = ["c"]
[secrets.pw]
external = true
name = "shop_pw"
[secrets.vault]
driver = "vault"
driver_opts = { path = "x" }
[configs.c]
external = true
""",
        tmp_path,
    )
    assert given.all("ConfigMap") == []
    assert given.made.secrets == {}
    kept = {each["name"]: each for each in given.pod()["volumes"]}
    assert kept["shop-pw"]["secret"]["secretName"] == "shop-pw"
    assert kept["vault"]["secret"]["secretName"] == "vault"
    assert kept["c"]["configMap"]["name"] == "c"
    assert given.lost["secrets.pw.external"] == (
        "the content is not on this machine: the Secret shop-pw must be there"
    )
    hints = {each.where: each.hint for each in given.made.lost}
    assert hints["configs.c.external"] == "kubectl create configmap c --from-file=c=FILE"
    assert given.lost["secrets.vault.driver_opts"] == "the driver is a plugin of a Swarm"


def test_secrets_and_configs(tmp_path: Path) -> None:
    (tmp_path / "licence").write_bytes(b"\xff\x00")
    given = web(
        """
secrets = [{ source = "lic_ence", mode = 0o400, uid = 5 }]
configs = [{ source = "rules", target = "/etc/rules" }]
[secrets.lic_ence]
file = "licence"
[configs.rules]
content = "a = 1"
""",
        tmp_path,
    )
    assert given.pod()["volumes"] == [
        {
            "name": "lic-ence",
            "secret": {
                "secretName": "lic-ence",
                "items": [{"key": "lic_ence", "path": "lic_ence", "mode": 0o400}],
            },
        },
        {
            "name": "rules",
            "configMap": {"name": "rules", "items": [{"key": "rules", "path": "rules", "mode": 0o444}]},
        },
    ]
    assert given.container()["volumeMounts"] == [
        {"name": "lic-ence", "mountPath": "/run/secrets/lic_ence", "subPath": "lic_ence", "readOnly": True},
        {"name": "rules", "mountPath": "/etc/rules", "subPath": "rules", "readOnly": True},
    ]
    assert yaml.safe_load(given.made.secrets_text())["data"] == {"lic_ence": "/wA="}
    assert "belong to root" in given.lost["services.web.secrets[0].uid"]


def test_hooks_before_the_start(tmp_path: Path) -> None:
    given = web(
        'pre_start = [{ image = "tool:1", command = "set up", user = "3", environment = { A = "1" } }]\n'
        'environment = { B = "2" }\nvolumes = ["/d"]',
        tmp_path,
    )
    assert given.pod()["initContainers"] == [
        {
            "name": "pre-start-1",
            "image": "tool:1",
            "args": ["set", "up"],
            "env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}],
            "volumeMounts": [{"name": "data", "mountPath": "/d"}],
            "securityContext": {"runAsUser": 3},
        }
    ]
    assert "before each start of each Pod" in given.lost["services.web.pre_start[0]"]


def test_a_text_with_two_values_has_two_keys(tmp_path: Path) -> None:
    given = Given(
        '[services.a]\nimage = "a:1"\nenvironment.DB_PASSWORD = "first1"\n'
        '[services.b]\nimage = "b:1"\nenvironment.DB_PASSWORD = "second2"',
        tmp_path,
    )
    assert dict(given.made.secrets["shop-env"]) == {"DB_PASSWORD": b"first1", "b.DB_PASSWORD": b"second2"}
    assert "first1" not in given.made.text("stack.toml")


def test_names() -> None:
    assert [*map(dns_name, ("web", "My_App.v2", "7up", "--"))] == ["web", "my-app-v2", "x-7up", "x"]
    long = dns_name("a" * 300)
    assert len(long) == LONGEST
    assert long != dns_name("a" * 301)


@pytest.mark.parametrize(
    "text", ["$", "$$", "$(A)", "$$(A)", "a$$b$", "$($)", "x $HOME ${HOME}", "$$$(A)$$$"]
)
def test_kubernetes_reads_a_text_as_it_is(text: str) -> None:
    assert "".join(_expanded(literal(text))) == text


def _expanded(text: str) -> Iterator[str]:
    """What Kubernetes makes of a text: `$$` is a dollar, `$(NAME)` a variable, which is set here."""
    at = 0
    while at < len(text):
        if text.startswith("$$", at):
            yield "$"
            at += 2
        elif text.startswith("$(", at) and ")" in text[at:]:
            yield "<variable>"
            at = text.index(")", at) + 1
        else:
            yield text[at]
            at += 1


def test_a_job_and_a_scaled_service_of_the_same_stack(tmp_path: Path) -> None:
    given = web("scale = 0", tmp_path)
    assert given.one("Deployment")["spec"]["replicas"] == 0


def test_the_top_of_the_file(tmp_path: Path) -> None:
    text = web("environment.TOKEN = 'hunter22'", tmp_path).made.text("stack.toml")
    assert text.startswith(
        textwrap.dedent(
            """\
            # The stack shop, written by `stackctl export k8s` from stack.toml.
            #
            #   kubectl create namespace shop                                a namespace of its own: names are short
            #   stackctl export k8s --secrets | kubectl -n shop apply -f -   the Secrets
            #   kubectl -n shop apply -f FILE                                bring it up, or change it
            #   kubectl delete namespace shop                                take it away, with its data
            #
            # These Secrets do not stand here:
            #   shop-env: TOKEN
            #
            # What Kubernetes does not say, or says in another way:
            """
        )
    )
