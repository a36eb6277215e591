"""`config --format json` and `yaml` print what Docker Compose prints, byte for byte in JSON, for files that use every key."""

import json
import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from commandline import Ran
from compose_options import COMPOSE

pytest_plugins = ["commandline_fixtures"]

VARIABLES = {"SET": "value", "EMPTY": "", "PORT": "8080", "YES": "true", "COUNT": "3"}

SERVICES = r"""
name: Some-Project
x-top: {b: 1, a: [1, 1.5, true, null, "s", {d: 1, c: 2}]}
services:
  nothing: {image: a}
  words: {image: a, command: "echo 'a b' $$X \"c\"", entrypoint: [/e, "x y"]}
  empty: {image: a, command: [], entrypoint: "", environment: [], ports: [], labels: {}, volumes: [], networks: []}
  numbers:
    image: a
    environment: {A: 1.0, B: true, C: 1.50, D: 0x10, E: 1_000, F: 10000000, G: null, H: ~, J: .5, K: 0o17, P: yes, Q: 22:22}
    labels: {a: null, b: 1.0, c: true, d: 5}
    annotations: {n: 5, f: 1.50}
    sysctls: {net.core.somaxconn: 1024}
  lists:
    image: a
    environment: [A=1, B, C=, D=a=b, "E=$$2a$$SET"]
    volumes: ["./a$$SET:/a"]
    labels: [a=b, c, "d="]
    sysctls: [net.a=1]
    extra_hosts: ["h:1.2.3.4", "g=::1", "i=[::2]"]
    dns: 8.8.8.8
    dns_search: example.com
    tmpfs: /run
    expose: [80, "81-82/tcp"]
    group_add: [mail, 5]
  tables:
    image: a
    extra_hosts: {h: 1.2.3.4, g: "::1"}
    dns: [8.8.8.8, 9.9.9.9]
    tmpfs: ["/a:size=64m", /b]
    logging: {driver: json-file, options: {max-size: 10m, max-file: 3}}
    ulimits: {nproc: 5, nofile: {soft: 1, hard: 2}, core: 0, cpu: {soft: 0, hard: 5}}
  ports:
    image: a
    ports: ["80", 81, "8000:82", "127.0.0.1:9000-9001:90-91/udp", "6005-6015:83", "[::1]:7000:70", "127.0.0.1::71", "10-11:10-11",
            {target: 84}, {target: 85, published: 8085, host_ip: 1.1.1.1, protocol: udp}, {target: 86, published: "86-88"}]
  mounts:
    image: a
    volumes: [/anon, "data:/v1:ro", "./b:/b:ro,z", "~/h:/h", "/abs/:/abs/", "data:/v3:nocopy", "data:/v4:z", "./c:/c:rshared", "./d:/d:cached",
              {type: bind, source: x, target: /bx}, {type: bind, source: ./y, target: /by, bind: {create_host_path: false, selinux: Z}},
              {type: volume, source: data, target: /v2/, volume: {nocopy: true}, read_only: true}, {type: volume, target: /v5}, "here:/v6",
              {type: tmpfs, target: /t, tmpfs: {size: 10m, mode: 0o1777}}, {type: tmpfs, target: /u}]
  health: {image: a, healthcheck: {test: "curl a", interval: 1m30s, timeout: 1.5h, retries: 3, start_period: 1d, start_interval: 500ms}}
  checks: {image: a, healthcheck: {test: [CMD, a, "b c"], interval: 90000ms, retries: "3"}}
  unchecked: {image: a, healthcheck: {disable: true}}
  times: {image: a, stop_grace_period: 1m30s, stop_signal: SIGINT}
  instant: {image: a, stop_grace_period: 0s}
  limits:
    image: a
    cpus: 1.5
    cpu_shares: 10
    cpuset: "0,1"
    mem_limit: 50M
    mem_reservation: 20m
    memswap_limit: 2g
    pids_limit: 100
    shm_size: 64m
    oom_score_adj: -500
  deployed: {image: a, deploy: {replicas: 2, labels: [a=b], resources: {limits: {cpus: '0.30', memory: 50M, pids: 1}, reservations: {memory: 20M}}}}
  restarted: {image: a, deploy: {restart_policy: {condition: on-failure, max_attempts: 3}}}
  swarmed: {image: a, deploy: {mode: replicated, endpoint_mode: vip, placement: {constraints: [a==b]}, update_config: {parallelism: 2, delay: 10s}}}
  scaled: {image: a, scale: 3}
  flags: {image: a, init: true, tty: true, stdin_open: true, privileged: true, read_only: true}
  odd: {image: a, deploy: {restart_policy: {condition: always}}, pull_policy: if_not_present}
  unflagged: {image: a, init: false, tty: false, privileged: false}
  texts: {image: a, hostname: h, domainname: d, user: "1", working_dir: /w, restart: "on-failure:3", container_name: cn, cap_add: [ALL], cap_drop: [A]}
  needs: {image: a, depends_on: {flags: {condition: service_healthy, restart: true, required: false}, texts: {condition: service_completed_successfully}}}
  needy: {image: a, depends_on: [flags, texts], network_mode: "service:nothing"}
  hosted: {image: a, network_mode: host}
  netted:
    image: a
    networks:
      back: {aliases: [x, y]}
      default:
      outer: {}
  listed: {image: a, networks: [back, outer]}
  built: {build: .}
  built_more: {image: b, build: {context: ./x, dockerfile: ./D, target: t, args: {A: 1, B: , SET: }}}
  built_far: {build: {context: "https://github.com/a/b.git#main:x"}}
  built_here: {build: {dockerfile_inline: "FROM a"}}
  filed: {image: a, env_file: one.env, environment: {OWN: own, SHARED: "${SET}"}}
  filed_more: {image: a, env_file: [one.env, {path: two.env, format: raw}, {path: none.env, required: false}]}
  extended: {image: a, x-mine: {z: 1, k: "5"}}
  secret: {image: a, secrets: [s1, {source: s2, target: tt}], configs: [c1, {source: c2, target: /x}]}
  watched: {image: a, develop: {watch: [{path: ./src, action: sync, target: /a, ignore: [x/]}, {path: p, action: rebuild}]}}
  weird: {image: a, labels: {"<a>&": "é ü \u2028 $$x"}, environment: {MULTI: "a\nb\t\"c\""}}
networks:
  back: {driver: bridge, driver_opts: {a: 1}, internal: true, attachable: true, labels: [a=b]}
  outer: {external: true, name: elsewhere}
  unused: {}
volumes:
  data: {labels: {a: 1}, driver: local, driver_opts: {type: none, o: bind, device: ./dev}}
  here: {driver: local, driver_opts: {o: bind, device: "${UNSET}"}}
  unused: {}
secrets: {s1: {file: ./s}, s2: {environment: SET}, unused: {file: ./u}}
configs: {c1: {file: ./c}, c2: {content: "a $$b"}}
"""
REFUSED = r"""
services:
  limited: {image: a, blkio_config: {weight: 300, weight_device: [{path: /dev/sda, weight: 400}], device_read_bps: [{path: /dev/sdb, rate: 12mb}]}}
  windows: {image: a, credential_spec: {file: my.json}, isolation: default, storage_opt: {size: 1G}}
  devices: {image: a, devices: ["/dev/a", "/dev/b:/dev/c:r"], device_cgroup_rules: ['c 1:3 mr'], gpus: [{driver: n, count: 2}]}
  cdi: {image: a, devices: [vendor.com/class=n], gpus: all}
  sharing: {image: a, ipc: host, pid: host, uts: host, userns_mode: host, cgroup_parent: m, runtime: runc, platform: linux/amd64}
  hooks: {image: a, post_start: [{command: "echo x", user: u}], pre_stop: [{command: [a, b]}]}
  before: {image: a, environment: {A: 1}, labels: {l: m}, pre_start: [{command: c, environment: {B: 2}, image: x}, {command: [d]}]}
  links: {image: a, links: [hooks, "sharing:s"], external_links: [redis], volumes_from: [hooks, "container:x:rw"]}
  fixed: {image: a, networks: {n: {ipv4_address: 1.2.3.4, priority: 5, mac_address: "02:42:ac:11:65:43"}}, mac_address: 02:42:ac:11:65:44}
  provided: {provider: {type: x, options: {a: b, c: [1, 2]}}}
  models: {image: a, models: {m: {endpoint_var: E}}, use_api_socket: true, attach: false}
  built: {build: {context: ., labels: [a=b], cache_from: [x:y], no_cache: true, network: host, shm_size: 1gb, tags: [a:b], platforms: [linux/amd64]}}
networks: {n: {ipam: {driver: default, config: [{subnet: 1.2.3.0/24, gateway: 1.2.3.1, aux_addresses: {h: 1.2.3.5}}]}, enable_ipv6: false}}
models: {m: {model: ai/x, context_size: 5}}
"""
ANCHORS = r"""
x-base: &base {image: a, environment: &env {A: 1, B: 2}, restart: always}
x-more: &more {labels: {x: y}, image: b}
services:
  one: {<<: *base}
  two: {<<: [*more, *base], environment: {<<: *env, B: 3}}
  three: {<<: *base, profiles: [debug]}
"""
VARIABLE = r"""
services:
  a:
    image: "i:${TAG:-1}"
    command: ["$SET", "${SET}", "${EMPTY:-d}", "${EMPTY-d}", "${UNSET-d}", "${UNSET:-${SET}}", "${SET:+yes}", "${EMPTY+yes}", "${EMPTY:+yes}", "$$SET", "$1", "${UNSET}"]
    ports: ["${PORT}:80", {target: "${COUNT}", published: "${PORT}"}]
    tty: ${YES}
    scale: ${COUNT}
    labels: ["a=${SET}", "p=${COMPOSE_PROJECT_NAME}"]
    healthcheck: {test: x, retries: "${COUNT}"}
"""
BASE = r"""
services:
  web:
    image: a
    command: one two
    environment: {A: 1, B: 2}
    ports: ["80:80", "81:81"]
    volumes: [data:/data, ./x:/x]
    labels: [a=1]
    depends_on: [db]
    networks: [front]
    dns: 1.1.1.1
    healthcheck: {test: a, interval: 5s}
    logging: {driver: json-file, options: {max-size: 1m}}
  db: {image: d, env_file: one.env}
volumes: {data: }
networks: {front: }
"""
OVER = r"""
services:
  web:
    command: [three]
    environment: [B=3, C]
    ports: ["82:82", "80:80"]
    volumes: [./y:/x, other:/data:ro]
    labels: {b: 2}
    depends_on: {db: {condition: service_healthy}, cache: {condition: service_started}}
    networks: {front: {aliases: [w]}, back: }
    dns: [2.2.2.2]
    healthcheck: {timeout: 1s}
    logging: {options: {max-file: "3"}}
    build: ./web
  db: {env_file: [two.env], image: !reset null, build: .}
  cache: {image: c, ports: !override ["1:1"]}
volumes: {other: {external: true}}
networks: {back: {internal: true}}
"""
PROFILES = r"""
services:
  always: {image: a, depends_on: {debug: {condition: service_started, required: false}}, volumes: [data:/d]}
  debug: {image: a, profiles: [debug, all], networks: [n]}
  other: {image: a, profiles: [other], volumes: [more:/m]}
networks: {n: }
volumes: {data: , more: }
"""
EXTENDS = r"""
services:
  base: {image: a, environment: {A: 1, B: 2}, ports: ["80:80"], labels: [x=y]}
  one: {extends: base, environment: {B: 3}, command: run}
  two: {extends: {service: one}, ports: ["81:81"]}
  three: {extends: {file: sub/other.yaml, service: far}, environment: [C=4]}
"""
OTHER = "services: {far: {image: f, build: ./ctx, volumes: ['./v:/v'], env_file: far.env}}\n"
INCLUDE = r"""
include: [sub/included.yaml, {path: [sub2/a.yaml], project_directory: ., env_file: one.env}]
services: {main: {image: a, depends_on: [inner]}}
"""
INCLUDED = "services: {inner: {image: '${INNER:-none}', volumes: ['./data:/data', named:/n], networks: [inn]}}\nvolumes: {named: }\nnetworks: {inn: }\n"
FILES = {
    "one.env": "FROM=1\nSHARED=file\nQUOTED=\"a $SET\"  # said\nexport EXPORTED='$SET'\nBARE\n",
    "two.env": 'FROM=2\nQUOTED="x y"\nR=$SET\n',
    "sub/far.env": "FAR=1\n",
    "sub/other.yaml": OTHER,
    "sub/.env": "INNER=inner\n",
    "sub/included.yaml": INCLUDED,
    "sub2/a.yaml": "services: {second: {image: '${FROM:-none}', build: ./b}}\n",
    ".env": "DOT=1\nSET=lost\n",
}
CASES: dict[str, tuple[dict[str, str], list[str]]] = {
    "every key": ({"compose.yaml": SERVICES}, []),
    "keys that are refused elsewhere": ({"compose.yaml": REFUSED}, []),
    "no service": ({"compose.yaml": "name: none\nvolumes: {a: }\n"}, []),
    "anchors": ({"compose.yaml": ANCHORS}, ["--profile", "debug"]),
    "variables": ({"compose.yaml": VARIABLE}, []),
    "an override": ({"compose.yaml": BASE, "compose.override.yaml": OVER}, []),
    "files that are named": ({"a.yaml": BASE, "b.yaml": OVER, "c.yaml": ANCHORS}, ["-f", "a.yaml", "-f", "b.yaml", "-f", "c.yaml"]),
    "no profile": ({"docker-compose.yml": PROFILES}, []),
    "a profile": ({"docker-compose.yml": PROFILES}, ["--profile", "debug"]),
    "every profile": ({"docker-compose.yml": PROFILES}, ["--profile", "*"]),
    "extends": ({"compose.yml": EXTENDS}, []),
    "include": ({"compose.yml": INCLUDE}, []),
    "another name": ({"compose.yml": VARIABLE}, ["-p", "given"]),
    "another directory": ({"below/compose.yml": BASE}, ["-f", "below/compose.yml", "--project-directory", "."]),
    "other variables": ({"compose.yml": VARIABLE}, ["--env-file", "two.env"]),
}  # fmt: skip


def compose(directory: Path, *arguments: str) -> str:
    environ = {"PATH": os.environ["PATH"], "HOME": str(directory), **VARIABLES}
    done = subprocess.run(
        [COMPOSE, *arguments], cwd=directory, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A directory for each case."""
    found = {}
    for number, (name, (files, _)) in enumerate(CASES.items()):
        found[name] = tmp_path_factory.mktemp(f"case{number}") / "project"
        for file, text in {**FILES, **files}.items():
            (found[name] / file).parent.mkdir(parents=True, exist_ok=True)
            (found[name] / file).write_text(text)
    return found


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_documents_are_those_of_compose(
    run_in: Callable[..., Ran], places: dict[str, Path], form: str
) -> None:
    names = list(CASES) if form == "json" else list(CASES)[:3]
    arguments = {name: [*CASES[name][1], "config", "--format", form] for name in names}
    with ThreadPoolExecutor(4) as pool:
        wanted = {name: pool.submit(compose, places[name], *arguments[name]) for name in names}
    read = json.loads if form == "json" else yaml.safe_load
    differ = {}
    for name, want in wanted.items():
        ran = run_in(places[name], *arguments[name], **VARIABLES)
        if ran.code or read(ran.out) != read(want.result()):
            differ[name] = (ran.err or ran.out, want.result())
        elif form == "json":
            assert ran.out.strip() == want.result().strip(), f"{name}: only the text differs"
    assert differ == {}
