"""Each rule beside what it must say nothing about: a stack.toml in, the rules that speak out."""

import tomllib
from functools import partial
from pathlib import Path

import pytest
import tomli_w

from stackctl.errors import SpecError
from stackctl.spec.lint.rules import lint
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest
from stackctl.teach.lab.mutations import KINDS as MISTAKES

DB = """[services.db]
image = "postgres:15"
volumes = ["data:/var/lib/postgresql/data"]
environment = { POSTGRES_USER = "app", POSTGRES_PASSWORD = "${DB_PASSWORD}", POSTGRES_DB = "shop" }
[volumes.data]
"""
API = """[services.api]
image = "api:1"
depends_on = ["db"]
"""
QUIET = {"SC201", "SC304", "SC601", "SC606"}
"""Rules that speak about many stacks here. They count only where a row names them: `SC304` alone must say nothing."""


def problems(directory: Path, text: str, *, info: bool = True) -> list[str]:
    """What the rules say: `SC103 error services.api.environment.DB_HOST: …`."""
    (directory / "stack.toml").write_text(text)
    request = StackRequest(directory=directory, environ={"DB_PASSWORD": "geheim", "HARD_PASSWORD": "ge@heim"})
    try:
        found = read(request, [partial(lint, info=info)]).problems
    except SpecError as error:
        found = error.problems
    return [f"{each.rule} {each.severity} {each.where}: {each.message} ({each.hint})" for each in found]


def spoken(directory: Path, text: str, wanted: str = "") -> list[str]:
    """The rules that speak, with the severity."""
    lines = problems(directory, text)
    return [" ".join(line.split()[:2]) for line in lines if line[:5] not in QUIET - {wanted[:5]}]


def api(*lines: str) -> str:
    return DB + API + "\n".join(lines)


def redis(*lines: str) -> str:
    return '[services.cache]\nimage = "redis:7"\n' + "\n".join(lines)


WIRING = [
    # localhost
    ("SC103 error", api('environment.DATABASE_URL = "postgresql://app:geheim@localhost:5432/shop"')),
    ("SC103 error", api('environment.DATABASE_URL = "postgresql+asyncpg://app:geheim@127.0.0.1/shop"')),
    ("SC103 error", api('environment.DB_HOST = "localhost"')),
    ("SC103 error", api('environment = { PG_HOST = "0.0.0.0", PG_PORT = "5432" }')),
    ("SC103 info", api('environment.UI_URL = "http://localhost:3000"', '[services.ui]\nimage = "ui:1"\nports = ["3000:3000"]')),
    ("", api('environment.DATABASE_URL = "postgresql://app:geheim@localhost:5433/shop"')),
    ("", api('environment.REDIS_HOST = "localhost"')),
    ("", api('environment.DATABASE_URL = "postgresql://app:geheim@localhost/shop"', 'network_mode = "host"')),
    ("", api('environment.OWN_URL = "http://localhost:8000"', 'ports = ["8000:8000"]')),
    ("", api('command = "tunnel --to postgresql://localhost:5432"')),
    ("", DB.replace("POSTGRES_DB", "PGHOST = 'localhost', POSTGRES_DB")),
    # the port of the host
    ("SC104 error", api('environment.DATABASE_URL = "postgresql://app:geheim@db:5433/shop"').replace("volumes =", 'ports = ["5433:5432"]\nvolumes =')),
    ("SC104 error", api('environment = { DB_HOST = "db", DB_PORT = "5433" }').replace("volumes =", 'ports = ["5433:5432"]\nvolumes =')),
    ("SC104 warning", api('environment.UI_URL = "http://ui:8080"', '[services.ui]\nimage = "ui:1"\nports = ["8080:80"]')),
    ("", api('environment.DATABASE_URL = "postgresql://app:geheim@db:5432/shop"').replace("volumes =", 'ports = ["5433:5432"]\nvolumes =')),
    ("", api('environment.UI_URL = "http://ui:8080"', '[services.ui]\nimage = "ui:1"\nports = ["8080:80"]\nexpose = [8080]')),
    ("", api('environment.UI_URL = "http://ui:8080"', '[services.ui]\nimage = "ui:1"\nports = ["8081:8080", "8080:80"]')),
    # a port of nobody
    ("SC105 error", redis(API.replace('["db"]', '["cache"]'), 'environment.REDIS_URL = "redis://cache:6380"')),
    ("SC105 error", api('environment.DATABASE_URL = "postgresql://app:geheim@db:5431/shop"')),
    ("", redis('command = ["redis-server", "--port", "6380"]', API.replace('["db"]', '["cache"]'), 'environment.REDIS_URL = "redis://cache:6380"')),
    ("", redis('command = "redis-server /redis.conf"', API.replace('["db"]', '["cache"]'), 'environment.REDIS_URL = "redis://cache:6380"')),
    ("", redis('volumes = ["./redis.conf:/usr/local/etc/redis.conf"]', API.replace('["db"]', '["cache"]'), 'environment.REDIS_URL = "redis://cache:6380"')),
    ("", redis(API.replace('["db"]', '["cache"]'), 'environment.METRICS_URL = "http://cache:9121"')),
    # networks
    ("SC108 warning", api('environment.DB_HOST = "db"', 'networks = ["back"]', "[networks.back]")),
    ("SC108 warning", api('environment.DB_HOST = "db"').replace("volumes =", 'network_mode = "host"\nvolumes =')),
    ("", api('environment.DB_HOST = "db"', 'networks = ["back", "default"]', "[networks.back]")),
    ("", api('environment.DB_NAME = "db"', 'networks = ["back"]', "[networks.back]")),
    ("", api('environment.DB_HOST = "db"').replace("volumes =", 'network_mode = "service:api"\nvolumes =').replace('depends_on = ["db"]\n', "")),
    # names
    ("SC111 warning", api('environment.UI_URL = "http://my_ui:80"', '[services.my_ui]\nimage = "ui:1"')),
    ("", api('environment.UI_URL = "http://my-ui:80"', '[services.my-ui]\nimage = "ui:1"')),
    ("", api('environment.DATABASE_URL = "postgresql://my_db/x"', '[services.my_db]\nimage = "ui:1"')),
    ("SC114 warning", api('environment.DB_HOST = "db"', 'network_mode = "host"')),
    ("SC114 warning", api('environment.DB_HOST = "db"', 'network_mode = "bridge"')),
    ("", api('environment.DB_HOST = "127.0.0.1"', 'network_mode = "host"')),
    ("", api('environment.DB_HOST = "db"', 'network_mode = "service:db"')),
    # Kafka
    ("SC116 warning", '[services.kafka]\nimage = "apache/kafka:4.0.0"\nhealthcheck.tcp = 9092\nenvironment.KAFKA_ADVERTISED_LISTENERS = "PLAINTEXT://localhost:9092"\n' + API.replace('["db"]', '["kafka"]') + 'environment.KAFKA_BROKERS = "kafka:9092"'),
    ("", '[services.kafka]\nimage = "apache/kafka:4.0.0"\nhealthcheck.tcp = 9092\nenvironment.KAFKA_ADVERTISED_LISTENERS = "I://kafka:29092,H://localhost:9092"\n' + API.replace('["db"]', '["kafka"]') + 'environment.KAFKA_BROKERS = "kafka:29092"'),
    ("", '[services.kafka]\nimage = "apache/kafka:4.0.0"\nhealthcheck.tcp = 9092\nenvironment.KAFKA_ADVERTISED_LISTENERS = "PLAINTEXT://localhost:9092"\n'),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "text"), WIRING)
def test_how_services_reach_each_other(tmp_path: Path, wanted: str, text: str) -> None:
    assert spoken(tmp_path, text, wanted) == [wanted] * (" " in wanted)


def test_an_info_is_told_only_if_asked_for(tmp_path: Path) -> None:
    text = api(
        'environment.UI_URL = "http://localhost:3000"', '[services.ui]\nimage = "ui:1"\nports = ["3000:3000"]'
    )
    assert problems(tmp_path, text, info=False) == []


MYSQL = """[services.db]
image = "mysql:8"
volumes = ["data:/var/lib/mysql"]
environment = { MYSQL_ROOT_PASSWORD = "root", MYSQL_USER = "app", MYSQL_PASSWORD = "geheim", MYSQL_DATABASE = "shop" }
[volumes.data]
"""

LOGINS = [
    ("SC106 error", api('environment.DATABASE_URL = "postgresql://app:falsch@db/shop"')),
    ("SC106 error", api('environment = { DB_HOST = "db", DB_USER = "app", DB_PASSWORD = "falsch" }')),
    ("SC106 warning", api('environment.DATABASE_URL = "postgresql://ap:geheim@db/shop"')),
    ("SC106 warning", api('environment.DATABASE_URL = "postgresql://app:geheim@db/shp"')),
    ("SC106 warning", api('environment.DATABASE_URL = "postgresql://ap@db/shop"')),
    ("", api('environment.DATABASE_URL = "postgresql://app:geheim@db/shop"')),
    ("", api('environment.DATABASE_URL = "postgresql://app:${DB_PASSWORD}@db/shop?sslmode=disable"')),
    ("", api('environment.DATABASE_URL = "postgresql://app:%67eheim@db/postgres"')),
    ("", api('environment.DATABASE_URL = "postgresql://app:$${PASSWORD}@db/shop"')),
    ("", api('environment.DATABASE_URL = "${services.db.url}"')),
    ("", api('environment = { DB_HOST = "db", DB_USER = "app", DB_PASSWORD = "geheim" }')),
    ("", api('environment = { DB_HOST = "db", DB_PASSWORD = "falsch" }')),
    ("SC106 warning", api('environment.DATABASE_URL = "postgresql://app:falsch@db/shop"').replace('["data:', '["./init.sql:/docker-entrypoint-initdb.d/init.sql", "data:')),
    ("", api('environment.DATABASE_URL = "postgresql://other:falsch@db/other"').replace('["data:', '["./init.sql:/docker-entrypoint-initdb.d/init.sql", "data:')),
    ("SC106 error", api('environment.CELERY_BACKEND = "db+postgresql://app:falsch@db/shop"')),
    ("", api('environment.DATABASE_URL = "postgresql://app:falsch@db/shop"').replace("[volumes.data]", "[volumes.data]\nexternal = true")),
    ("", api('environment.DATABASE_URL = "postgresql://app:falsch@db/shop"').replace("POSTGRES_DB", 'POSTGRES_HOST_AUTH_METHOD = "trust", POSTGRES_DB')),
    ("", MYSQL + API + 'environment.A_URL = "mysql://root:root@db/shop"'),
    ("", MYSQL + API + 'environment.A_URL = "mysql+pymysql://app:geheim@db/shop"'),
    ("SC106 error", MYSQL + API + 'environment.A_URL = "mysql://root:geheim@db/shop"'),
    ("SC106 error", redis('command = "redis-server --requirepass geheim"', API.replace('["db"]', '["cache"]'), 'environment.A_URL = "redis://cache:6379"')),
    ("SC106 error", redis('command = "redis-server --requirepass geheim"', API.replace('["db"]', '["cache"]'), 'environment.A_URL = "redis://:falsch@cache:6379"')),
    ("", redis('command = "redis-server --requirepass geheim"', API.replace('["db"]', '["cache"]'), 'environment.A_URL = "redis://:geheim@cache:6379/0"')),
    ("", redis(API.replace('["db"]', '["cache"]'), 'environment.A_URL = "redis://cache:6379"')),
    # characters of their own meaning
    ("SC107 warning", api('environment.DATABASE_URL = "postgresql://app:${HARD_PASSWORD}@db/shop"').replace("DB_PASSWORD", "HARD_PASSWORD")),
    ("SC107 warning", api('environment.DATABASE_URL = "postgresql://app:ge/heim@db/shop"')),
    ("SC107 warning", api('environment.DATABASE_URL = "postgresql://app:ge#heim@db/shop"')),
    ("", api('environment.DATABASE_URL = "${services.db.url}"').replace("DB_PASSWORD", "HARD_PASSWORD")),
    ("", api('environment.DATABASE_URL = "postgresql://app:ge%40heim@db/shop"').replace("DB_PASSWORD", "HARD_PASSWORD")),
    ("", api('environment.A_URL = "https://example.com/?mail=${HARD_PASSWORD}"')),
    ("", redis(API.replace('["db"]', '["cache"]'), 'environment.A_URL = "redis://cache:6379/0?mail=a@cache"')),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "text"), LOGINS)
def test_logins(tmp_path: Path, wanted: str, text: str) -> None:
    assert spoken(tmp_path, text) == [wanted] * (" " in wanted)


@pytest.mark.parametrize("text", [text for wanted, text in LOGINS if wanted])
def test_no_message_holds_a_password(tmp_path: Path, text: str) -> None:
    told = "\n".join(problems(tmp_path, text))
    assert not any(secret in told for secret in ("geheim", "falsch", "ge@heim", "ge/heim", "ge#heim"))


ORDER = [
    ("SC202 warning", DB + API.replace('depends_on = ["db"]', 'depends_on.db.condition = "service_started"')),
    ("", DB + API.replace('depends_on = ["db"]', "depends_on.db.restart = true")),
    ("", DB + API.replace('depends_on = ["db"]', 'depends_on.db.condition = "service_healthy"')),
    ("", API.replace('depends_on = ["db"]', 'depends_on.ui.condition = "service_started"') + '[services.ui]\nimage = "ui:1"'),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "text"), ORDER)
def test_order(tmp_path: Path, wanted: str, text: str) -> None:
    assert spoken(tmp_path, text) == [wanted] * (" " in wanted)


def postgres(*lines: str, tag: str = "15", volume: str = "/var/lib/postgresql/data") -> str:
    text = DB.replace("postgres:15", f"postgres:{tag}").replace("/var/lib/postgresql/data", volume)
    return text.replace("[volumes", "\n".join([*lines, "[volumes"]))


def mysql(*lines: str) -> str:
    return MYSQL.replace("[volumes", "\n".join([*lines, "[volumes"]))


HEALTH = [
    ("SC204 info", '[services.web]\nimage = "nginx:1"\n' + API.replace('["db"]', '["web"]')),
    ("", '[services.web]\nimage = "nginx:1"\nhealthcheck = { http = ":80/" }\n' + API.replace('["db"]', '["web"]')),
    ("", '[services.web]\nimage = "nginx:1"'),
    ("SC205 warning", postgres('healthcheck.test = "pg_isready -U app -d shop"')),
    ("SC205 warning", postgres('healthcheck.test = ["CMD", "pg_isready"]')),
    ("SC205 warning", postgres('healthcheck.test = "pg_isready && psql -h 127.0.0.1"')),
    ("", postgres('healthcheck.test = "pg_isready -h 127.0.0.1"')),
    ("", postgres('healthcheck.test = "pg_isready --host=localhost -U app"')),
    ("", API.replace('depends_on = ["db"]', 'healthcheck.test = "pg_isready"')),
    ("SC206 warning", mysql('healthcheck = { test = "mysqladmin ping", start_period = "60s" }')),
    ("SC206 warning", mysql('healthcheck = { test = "mysqladmin ping -h localhost", start_period = "60s" }')),
    ("", mysql('healthcheck = { test = "mysqladmin ping -h 127.0.0.1", start_period = "60s" }')),
    ("", mysql('healthcheck = { test = "mysqladmin ping --protocol=tcp", start_period = "60s" }')),
    ("", mysql('healthcheck = { test = "mysqladmin status", start_period = "60s" }')),
    ("SC207 warning", '[services.web]\nimage = "web:1-alpine"\nhealthcheck.test = "wget -qO- http://localhost:80/"'),
    ("SC207 info", '[services.web]\nimage = "web:1"\nhealthcheck.test = "wget -qO- http://localhost:80/"'),
    ("", '[services.web]\nimage = "web:1-alpine"\nhealthcheck.test = "wget -qO- http://127.0.0.1/"'),
    ("", '[services.web]\nimage = "web:1-alpine"\nhealthcheck.test = "curl -f http://localhost/"'),
    ("SC209 info", redis('healthcheck.test = "redis-cli ping"')),
    ("SC209 warning", redis('healthcheck.test = "redis-cli ping"', 'command = "redis-server --appendonly yes"', 'volumes = ["data:/data"]', "[volumes.data]")),
    ("", redis('healthcheck.test = "redis-cli ping | grep -q PONG"')),
    ("", redis('healthcheck.test = "redis-cli --raw incr ready"')),
    ("SC211 warning", mysql('healthcheck = { test = "mysql -h127.0.0.1 -e 1", interval = "2s" }')),
    ("", mysql('healthcheck = { test = "mysql -h127.0.0.1 -e 1", interval = "2s", retries = 20 }')),
    ("", mysql('healthcheck = { test = "mysql -h127.0.0.1 -e 1", interval = "2s", start_period = "30s" }')),
    ("", redis('healthcheck = { test = "redis-cli get x", interval = "1s" }')),
]  # fmt: skip

LIFETIME = [
    ("SC212 warning", '[jobs.load]\nimage = "app:1"\nrestart = "always"'),
    ("SC212 warning", '[services.db-migrate]\nimage = "app:1"\nrestart = "unless-stopped"'),
    ("", '[jobs.load]\nimage = "app:1"\nrestart = "on-failure:3"'),
    ("", '[services.api]\nimage = "app:1"\nrestart = "unless-stopped"'),
    ("", '[services.initiator]\nimage = "app:1"\nrestart = "always"'),
    ("SC605 info", '[services.api]\nimage = "app:1"\ninit = false\ncommand = ["sh", "-c", "sleep 300; true"]'),
    ("", '[services.api]\nimage = "app:1"\ncommand = ["sh", "-c", "sleep 300; true"]'),
    ("", '[services.api]\nimage = "app:1"\ninit = false\ncommand = ["sh", "-c", "prepare; exec serve"]'),
    ("", '[services.api]\nimage = "app:1"\ninit = false\ncommand = ["serve", "-c", "x"]'),
    ("SC609 warning", postgres('stop_grace_period = "1s"')),
    ("SC609 warning", postgres('stop_signal = "SIGKILL"')),
    ("", postgres('stop_grace_period = "30s"\nstop_signal = "SIGINT"')),
    ("", redis('stop_grace_period = "1s"')),
    ("SC610 info", redis("tty = true\nstdin_open = true")),
    ("", '[services.shell]\nimage = "busybox:1"\ntty = true'),
]  # fmt: skip

WRITING = [
    ("SC304 info", '[services.api]\nimage = "app:1"\nenvironment.API_TOKEN = "geheim"'),
    ("SC304", '[services.api]\nimage = "app:1"\nenvironment.API_TOKEN = "${DB_PASSWORD}"'),
    ("SC304", '[services.api]\nimage = "app:1"\nenvironment.API_TOKEN_FILE = "/run/token"'),
    ("SC304", '[services.api]\nimage = "app:1"\nenvironment.USE_TOKEN = "true"'),
    ("SC308 info", '[services.api]\nimage = "app:1"\nenvironment = ["DISPLAY"]'),
    ("", '[services.api]\nimage = "app:1"\nenvironment = ["DB_PASSWORD", "EMPTY="]'),
    ("SC309 warning", '[services.api]\nimage = "app:1"\nenvironment = ["DB_PORT 5432"]'),
    ("SC309 warning", '[services.api]\nimage = "app:1"\nvolumes = ["./a：/b:/c"]'),
    ("SC309 warning", '[services.api]\nimage = "app:1"\ncommand = ["serve", "–name", "x"]'),
    ("", '[services.api]\nimage = "app:1"\nenvironment.TITLE = "a – b：c"\ncommand = ["serve", "a – b"]'),
    ("", '[services.api]\nimage = "registry.example.com:5000/app:1"'),
]  # fmt: skip

STORAGE = [
    ("SC402 error", postgres(volume="/var/lib/postgresql")),
    ("SC402 error", postgres(tag="18", volume="/var/lib/postgresql/data")),
    ("SC402 error", postgres(tag="18-alpine", volume="/var/lib/postgresql/data")),
    ("SC401 warning", postgres(volume="/backup")),
    ("", postgres(tag="18", volume="/var/lib/postgresql")),
    ("", postgres(tag="alpine", volume="/var/lib/postgresql/data")),
    ("", postgres(tag="alpine", volume="/var/lib/postgresql")),
    ("", postgres(volume="/var/lib/postgresql").replace("POSTGRES_DB", 'PGDATA = "/var/lib/postgresql/mine", POSTGRES_DB')),
    ("", postgres(tag="18", volume="/var/lib/postgresql/data").replace("POSTGRES_DB", 'PGDATA = "/var/lib/postgresql/data", POSTGRES_DB')),
    ("", postgres().replace("volumes = [", 'volumes = ["./init:/docker-entrypoint-initdb.d", ')),
    ("SC406 warning", postgres() + postgres().replace("services.db", "services.other").replace("[volumes.data]\n", "")),
    ("", postgres() + postgres().replace("services.db", "services.other").replace("data:", "more:").replace("volumes.data", "volumes.more")),
    ("", postgres('profiles = ["a"]') + postgres('profiles = ["b"]').replace("services.db", "services.other").replace("[volumes.data]\n", "")),
    ("", postgres() + '[services.backup]\nimage = "backup:1"\nvolumes = ["data:/data"]'),
    ("SC407 warning", postgres().replace('"data:/var', '"/var')),
    ("SC407 warning", '[services.mq]\nimage = "rabbitmq:4"\nvolumes = ["data:/var/lib/rabbitmq"]\n[volumes.data]'),
    ("", '[services.mq]\nimage = "rabbitmq:4"\nhostname = "mq"\nvolumes = ["data:/var/lib/rabbitmq"]\n[volumes.data]'),
    ("", '[services.web]\nimage = "web:1"\nvolumes = ["/app/node_modules"]'),
]  # fmt: skip

EXPOSURE = [
    ("SC503 info", '[services.web]\nimage = "web:1"\nports = ["80:80"]'),
    ("", '[services.web]\nimage = "web:1"\nports = ["8080:80", "80"]'),
    ("SC504 warning", postgres('ports = ["0.0.0.0:5432:5432"]')),
    ("SC504 warning", postgres('ports = ["[::]:5432:5432"]')),
    ("", postgres('ports = ["5432:5432", "10.0.0.7:5433:5432"]')),
    ("", '[services.web]\nimage = "nginx:1"\nports = ["0.0.0.0:8080:80"]'),
    ("SC601 info", '[services.web]\nimage = "web"'),
    ("SC601 info", '[services.web]\nimage = "web:latest"'),
    ("SC601", '[services.web]\nimage = "web@sha256:' + "a" * 64 + '"'),
    ("SC601", '[services.web]\nimage = "web"\nbuild = "."'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\nprivileged = true'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\nvolumes = ["/var/run/docker.sock:/var/run/docker.sock:ro"]'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\nvolumes = ["/:/host"]'),
    ("SC606 info", '[services.web]\nimage = "web:1"\nnetwork_mode = "host"'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\nvolumes = ["/run/docker.sock:/x"]'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\nvolumes = ["//var/run/../run/docker.sock:/x"]'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\nvolumes = ["/var/run/./docker.sock:/x"]'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\nvolumes = ["../../../../../../../../../../var/run/docker.sock:/x"]'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\nvolumes = ["/run/user/1000/docker.sock:/x"]'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\nvolumes = ["/run/podman/podman.sock:/x"]'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\nvolumes = ["/var/run/containerd/containerd.sock:/x"]'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\nvolumes = ["/var/run:/host"]'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\nvolumes = ["/run/:/host:ro"]'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\nvolumes = [{ type = "bind", source = "/var/run/docker.sock", target = "/x", read_only = true }]'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\nvolumes = ["sock:/x"]\n[volumes.sock]\ndriver_opts = { type = "none", o = "bind", device = "/var/run/docker.sock" }'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\nvolumes = ["/../:/host"]'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\nvolumes = ["//:/host"]'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\nvolumes = ["/etc:/host"]'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\nvolumes = ["/var/lib/docker/:/x"]'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\nvolumes = ["/proc:/x"]'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\ncap_add = ["ALL"]'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\ncap_add = ["sys_admin"]'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\ncap_add = ["CAP_SYS_MODULE"]'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\ncap_add = ["DAC_READ_SEARCH"]'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\ndevices = ["/dev/sda:/dev/xvda:r"]'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\ndevices = ["/dev/mem"]'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\ndevices = ["/dev//nvme0n1"]'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\ndevice_cgroup_rules = ["a *:* rwm"]'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\ndevice_cgroup_rules = ["b *:* r"]'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\npost_start = [{ command = "true", privileged = true }]'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\npre_stop = [{ command = "true", privileged = true }]'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\npre_start = [{ command = "true", privileged = true }]'),
    ("SC606 warning", '[services.web]\nimage = "web:1"\nbuild = { context = ".", privileged = true }'),
    ("SC606 info", '[services.web]\nimage = "web:1"\npid = "host"'),
    ("SC606 info", '[services.web]\nimage = "web:1"\nipc = "host"'),
    ("SC606 info", '[services.web]\nimage = "web:1"\nuserns_mode = "host"'),
    ("SC606 info", '[services.web]\nimage = "web:1"\nsecurity_opt = ["seccomp=unconfined"]'),
    ("SC606 info", '[services.web]\nimage = "web:1"\nsecurity_opt = ["apparmor:unconfined"]'),
    ("SC606 info", '[services.web]\nimage = "web:1"\nsecurity_opt = ["label=disable"]'),
    ("SC606 info", '[services.web]\nimage = "web:1"\nsecurity_opt = ["systempaths=unconfined"]'),
    ("SC606 info", '[services.web]\nimage = "web:1"\nvolumes = ["/:/host:ro"]'),
    ("SC606", '[services.web]\nimage = "web:1"\nvolumes = ["./docker.sock:/x"]'),
    ("SC606", '[services.web]\nimage = "web:1"\nvolumes = ["/etc/localtime:/etc/localtime:ro", "/etc/ssl:/x", "/proc:/host/proc:ro", "/run/other:/y"]'),
    ("SC606", '[services.web]\nimage = "web:1"\ncap_add = ["NET_ADMIN", "SYS_PTRACE"]'),
    ("SC606", '[services.web]\nimage = "web:1"\ndevices = ["/dev/ttyUSB0", "/dev/dri", "/dev/fuse"]'),
    ("SC606", '[services.web]\nimage = "web:1"\nsecurity_opt = ["no-new-privileges"]'),
    ("SC606", '[services.web]\nimage = "web:1"\nipc = "private"'),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "text"), [*HEALTH, *LIFETIME, *WRITING, *STORAGE, *EXPOSURE])
def test_one_service(tmp_path: Path, wanted: str, text: str) -> None:
    assert spoken(tmp_path, text, wanted) == [wanted] * (" " in wanted)


def test_the_right_path_is_named(tmp_path: Path) -> None:
    [old] = [each for each in problems(tmp_path, postgres(volume="/var/lib/postgresql")) if "SC402" in each]
    [new] = [each for each in problems(tmp_path, postgres(tag="18")) if "SC402" in each]
    assert old.endswith(
        "postgres 15 keeps its data in /var/lib/postgresql/data, not in /var/lib/postgresql: after down, the data are gone "
        "(mount it at /var/lib/postgresql/data)"
    )
    assert new.endswith(
        "postgres 18 refuses to start with a mount at /var/lib/postgresql/data (mount it at /var/lib/postgresql)"
    )


WHOLE = """[services.db]
image = "postgres:15"
networks = ["back"]
volumes = ["data:/var/lib/postgresql/data"]
environment = { POSTGRES_PASSWORD = "${DB_PASSWORD}", POSTGRES_DB = "shop" }

[services.cache]
image = "redis:7"
networks = ["back"]

[services.api]
build = "."
ports = ["8000:8000"]
networks = ["back"]
depends_on = ["db", "cache"]
environment.DATABASE_URL = "postgresql://postgres:${DB_PASSWORD}@db:5432/shop"
environment.REDIS_URL = "redis://cache:6379/0"

[networks.back]
[volumes.data]
"""


@pytest.mark.parametrize("kind", MISTAKES)
def test_one_mistake_at_a_time_is_caught(tmp_path: Path, kind: str) -> None:
    assert problems(tmp_path, WHOLE) == []
    changed = dict(MISTAKES[kind](tomllib.loads(WHOLE)))
    assert changed
    for what, tree in changed.items():
        assert problems(tmp_path, tomli_w.dumps(tree), info=False), what
