"""The rules, asked as `up` and `check` ask them: a stack.toml in, what is printed out."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from stackctl.errors import SpecError
from stackctl.planner.before.preflight import RULES as ENGINE
from stackctl.rules import RULES as ALL_RULES
from stackctl.spec.lint.files import RULES as FILES
from stackctl.spec.lint.rule import Rule
from stackctl.spec.lint.rules import READING, RULES, lint
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest
from stackctl.spelling import distance, misspelt, nearest

ROOT = Path(__file__).parents[2]

Check = Callable[..., list[str]]

LESSON = """\
name = "myapp"

[services.postgres]
image = "postgres:15"
volumes = ["pgdata:/var/lib/postgresql/data"]
environment = { POSTGRES_PASSWORD = "secret", POSTGRES_DB = "myapp" }

[services.redis]
image = "redis:7"

[services.api]
build = "examples/api"
ports = ["8000:8000"]
networks = ["back", "default"]
depends_on = ["postgres", "redis"]
environment.DATABASE_URL = "postgresql://postgres:secret@postgres:5432/myapp"
environment.REDIS_URL = "redis://redis:6379"

[services.adminer]
image = "adminer"
ports = ["8080:8080"]
environment.ADMINER_DEFAULT_SERVER = "postgres"
depends_on = ["postgres"]

[networks.back]

[volumes.pgdata]
"""


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Read a stack.toml and give back what the rules say of it: `SC101 error 3:14 path: message (hint)`."""

    def run(text: str, **files: str) -> list[str]:
        (tmp_path / "stack.toml").write_text(text)
        for name, content in files.items():
            (tmp_path / name.replace("_", ".")).write_text(content)
        try:
            problems = read(StackRequest(directory=tmp_path, environ={}), [lint]).problems
        except SpecError as error:
            problems = error.problems
        return [
            f"{problem.rule} {problem.severity} {problem.place and f'{problem.place.line}:{problem.place.column}'} "
            f"{problem.where}: {problem.message}" + (f" ({problem.hint})" if problem.hint else "")
            for problem in problems
        ]

    return run


def rules(lines: list[str]) -> list[str]:
    return [line.split()[0] for line in lines]


def test_the_lesson_is_flawless(check: Check) -> None:
    assert check(LESSON) == []


@pytest.mark.parametrize(
    "file", ["stack.toml", *(str(path.relative_to(ROOT)) for path in ROOT.glob("examples/*/*.toml"))]
)
def test_our_own_stacks_are_flawless(file: str) -> None:
    stack = read(
        StackRequest(files=[ROOT / file], directory=ROOT, environ={"POSTGRES_PASSWORD": "x"}, strict=False)
    )
    # The lecture's variables are in an env_file that is made from its example.
    assert {problem.rule for problem in lint(stack)} <= ({"SC301"} if "django" in file else set())


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        ("@postgres:5432", "@postgress:5432", "SC102"),
        ("redis://redis:", "redis://rdeis:", "SC102"),
        ('SERVER = "postgres"', 'SERVER = "postgre"', "SC102"),
        ('depends_on = ["postgres", "redis"]', 'depends_on = ["postgres"]', "SC201"),
        ('depends_on = ["postgres", "redis"]', 'depends_on = ["redis"]', "SC201"),
        ('depends_on = ["postgres"]\n', "", "SC201"),
        ('volumes = ["pgdata:/var/lib/postgresql/data"]\n', "", "SC401"),
        ("pgdata:/var/lib/postgresql/data", "pgdata:/var/lib/postgresql", "SC402"),
        ("POSTGRES_PASSWORD =", "POSTGRES_PASSWRD =", "SC301"),
        ("POSTGRES_PASSWORD =", "POSTGRES_PASSWRD =", "SC302"),
        ('POSTGRES_PASSWORD = "secret", ', "", "SC301"),
        ("POSTGRES_DB =", "POSTGRES_BD =", "SC302"),
        ("8080:8080", "8000:8080", "SC501"),
        ("8080:8080", "0.0.0.0:8000:8080", "SC501"),
        ("[networks.back]", "", "SC101"),
        ('networks = ["back", "default"]', 'networks = ["bakc"]', "SC101"),
        ("[volumes.pgdata]", "", "SC101"),
        ('"pgdata:/', '"pgdta:/', "SC101"),
        ("[services.redis]", "[services.cache]", "SC101"),
        ('image = "redis:7"', 'image = "redis:7"\ndepends_on = ["api"]', "SC113"),
        (
            'image = "redis:7"',
            'image = "redis:7"\ncontainer_name = "cache"\n[services.x]\nimage = "x"\ncontainer_name = "cache"',
            "SC109",
        ),
    ],
)
def test_every_mistake_in_the_lesson_is_caught(check: Check, before: str, after: str, rule: str) -> None:
    assert before in LESSON
    assert rule in rules(check(LESSON.replace(before, after)))


def test_a_mistake_is_shown_with_its_place_and_a_way_out(check: Check) -> None:
    found = "\n".join(
        check(
            """\
[services.postgres]
image = "postgres:15"
environment = ["POSTGRES_PASSWRD=x"]

[services.api]
image = "api"
networks = ["backned"]
volumes = ["uploads:/uploads"]
ports = ["8000:80"]
depends_on = ["postgers", "redis"]
environment.DATABASE_URL = "postgresql://u:p@postgress/app"
environment.DB_HOST = "data"
environment.QUEUE = "amqp://postgres"

[services.web]
image = "web"
container_name = "front"
network_mode = "service:apy"

[jobs.seed]
image = "seed"
container_name = "front"
ports = ["0.0.0.0:7999-8001:1-3"]

[networks.backend]
"""
        )
    )
    assert (
        found
        == """\
SC301 error 1:11 services.postgres: postgres refuses to start without POSTGRES_PASSWORD; docker run -d would still print an id and return 0 (set POSTGRES_PASSWORD, or one of POSTGRES_PASSWORD_FILE, POSTGRES_HOST_AUTH_METHOD=trust)
SC401 warning 1:11 services.postgres: postgres writes to /var/lib/postgresql/data, and nothing is mounted there: after down, the data are gone (add volumes = ["postgres-data:/var/lib/postgresql/data"] and [volumes.postgres-data])
SC302 warning 3:16 services.postgres.environment.POSTGRES_PASSWRD: POSTGRES_PASSWRD means nothing to postgres (did you mean POSTGRES_PASSWORD?)
SC101 error 7:13 services.api.networks.backned: api joins network "backned", which nothing creates: Docker would stop at "network backned not found" and leave a dead container with the name (did you mean 'backend'?)
SC101 error 8:12 services.api.volumes[0]: api mounts volume "uploads", which is not defined (add [volumes.uploads], or write "./uploads" for a directory)
SC101 error 10:15 services.api.depends_on.postgers: api waits for "postgers", which is neither a service nor a job (did you mean 'postgres'?)
SC101 error 10:27 services.api.depends_on.redis: api waits for "redis", which is neither a service nor a job (add [services.redis], or take it out)
SC102 error 11:13 services.api.environment.DATABASE_URL: DATABASE_URL in api points at host "postgress": container names are DNS names, and no container here has that name (did you mean 'postgres'?)
SC102 error 12:13 services.api.environment.DB_HOST: DB_HOST in api points at host "data": container names are DNS names, and no container here has that name (the hosts here: api, front, postgres, seed, web)
SC201 warning 13:13 services.api.environment.QUEUE: api uses postgres (QUEUE) but does not wait for it (add "postgres" to depends_on of api)
SC101 error 18:1 services.web.network_mode: web shares the network of "apy", which is neither a service nor a job (did you mean 'api'?)
SC109 error 22:1 jobs.seed.container_name: web and seed both want the name "front": names of containers are machine-wide (take it out of one of them)
SC501 error 23:10 jobs.seed.ports[0]: api and seed both publish port 8000 of the host: one of them would stop at "port is already allocated" (8002 is free in this file)"""
    )


def test_a_circle_is_shown_as_the_way_round_it(check: Check) -> None:
    assert check(
        """\
[services.a]
image = "a"
depends_on = ["b"]

[services.b]
image = "b"
depends_on = ["job"]

[jobs.job]
image = "job"
network_mode = "service:a"

[services.me]
image = "me"
depends_on = ["me"]

[services.one]
image = "redis"
environment.X = "${services.two.host}"

[services.two]
image = "redis"
depends_on = ["one"]
"""
    ) == [
        "SC113 error 3:15 services.a.depends_on.b: a → b → job → a: none can start first (remove one of these dependencies)",
        "SC113 error 15:15 services.me.depends_on.me: me → me: none can start first (remove one of these dependencies)",
        "SC113 error 17:11 services.one.depends_on.two: one → two → one: none can start first (remove one of these dependencies)",
    ]


WITH_DB = """[services.db]
image = "postgres:15"
container_name = "Pg_Main"
hostname = "pg"
volumes = ["data:/var/lib/postgresql/data"]
environment.POSTGRES_PASSWORD = "p"
environment.POSTGRES_USER = "u"
environment.POSTGRES_DB = "app"
networks.default.aliases = ["database"]

[volumes.data]

[services.api]
image = "api"
depends_on = ["db"]
environment.{variable} = {value!r}
"""


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "postgresql://u:p@dbb:5432/app"),
        ("DATABASE_URL", "postgresql+asyncpg://u:p@dbb/app"),
        ("SPRING_DATASOURCE_URL", "jdbc:postgresql://dbb:5432/app"),
        ("X", "the url is redis://:p@cash:6379/0, is it?"),
        ("MONGO_URL", "mongodb://db:27017,mongo-2:27017/app"),
        ("BROKERS", "amqp://db:5672,amqp://mq:5672"),
        ("REDIS_HOST", "cash"),
        ("DB_HOST", "DBB:5432"),
        ("KAFKA_BROKERS", "db:9092,kafka2:9092"),
        ("KAFKA_BOOTSTRAP_SERVERS", "kafka:9092"),
        ("S3_ENDPOINT", "http://minio:9000"),
        ("WEB_SERVER", "databse"),
    ],
)
def test_a_host_that_nobody_answers_to_is_an_error(check: Check, variable: str, value: str) -> None:
    assert rules(check(WITH_DB.format(variable=variable, value=value))) == ["SC102"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "postgresql://u:p@DB:5432/app"),
        ("DATABASE_URL", "postgresql://u:p@Pg_Main/app"),
        ("DATABASE_URL", "postgresql://u:p@pg/app"),
        ("DATABASE_URL", "postgresql://u:p@database/app"),
        ("DATABASE_URL", "postgresql://u:p@shop-db-1/app"),
        ("DATABASE_URL", "postgresql://u:p@db.example.com/app"),
        ("DATABASE_URL", "postgresql://u:p@10.0.0.7/app"),
        ("DATABASE_URL", "postgresql://u:p@[::1]:5432/app"),
        ("DATABASE_URL", "postgresql://u:p@localhost:5433/app"),
        ("DATABASE_URL", "postgresql://u:p@host.docker.internal/app"),
        ("DATABASE_URL", "postgresql:///app?host=/run/postgresql"),
        ("DATABASE_URL", "postgresql://u:$${SECRET}@$${DB}/app"),
        ("DATABASE_URL", "sqlite:///data/app.db"),
        ("MONGO_URL", "mongodb+srv://cluster0/app"),
        ("PUBLIC_URL", "http://dbb"),
        ("API_URL", "http://elsewhere:8000"),
        ("POSTGRES_DB", "bot"),
        ("DB_NAME", "dbb"),
        ("DB_HOST", ""),
        ("DB_HOST", "5432"),
        ("DB_HOST", "/run/postgresql"),
        ("REDIS_HOST", "localhost"),
        ("REDIS_ADDR", ":6379"),
        ("VIRTUAL_HOST", "blog"),
        ("USE_SERVER", "true"),
    ],
)
def test_a_host_that_may_well_be_there_is_not_an_error(check: Check, variable: str, value: str) -> None:
    assert check('name = "shop"\n' + WITH_DB.format(variable=variable, value=value)) == []


@pytest.mark.parametrize("password", ["p@h", "p/w", "p#w"])
def test_a_password_that_is_not_encoded_is_no_host(check: Check, password: str) -> None:
    text = WITH_DB.format(variable="DATABASE_URL", value=f"postgresql://u:{password}@db:5432/app")
    assert set(rules(check(text))) - {"SC106"} == {"SC107"}


@pytest.mark.parametrize(
    "more",
    [
        'extra_hosts = ["mq:10.0.0.7"]',
        'network_mode = "host"',
        'networks = ["office"]\n[networks.office]\nexternal = true',
    ],
)
def test_a_host_may_be_outside_the_stack(check: Check, more: str) -> None:
    api = '[services.api]\nimage = "api"\nenvironment.MQ_URL = "amqp://mq"\n'
    assert rules(check(api)) == ["SC102"]
    assert check(api + more) == []


@pytest.mark.parametrize(
    "more",
    [
        'environment.URL = "http://db:5432"',
        'environment.DB_HOST = "db"',
        'environment.ANY_HOST = "database"',
        'environment.DB_HOST = "pg_main"',
        'command = "serve --db postgresql://u:p@db/app"',
        'command = ["sh", "-c", "serve --db=postgresql://u:p@db/app"]',
        'env_file = "app.env"',
    ],
)
def test_who_uses_a_service_should_wait_for_it(check: Check, more: str) -> None:
    text = WITH_DB.format(variable="Z", value="z").replace('depends_on = ["db"]', more)
    assert rules(check(text, app_env="DATABASE_URL=postgresql://u:p@db/app")) == ["SC201"]


@pytest.mark.parametrize(
    "more",
    [
        'environment.DB_NAME = "db"',
        'environment.CORS_ORIGINS = "http://db,http://api"',
        'environment.URL = "http://api:8000"',
        'environment.URL = "http://db.example.com"',
        'environment.URL = "${services.db.url}"',
        'environment.DB_HOST = "db"\nnetwork_mode = "service:db"',
        'environment.DB_HOST = "db"\ndepends_on = ["other"]\n[services.other]\nimage = "x"\ndepends_on = ["db"]',
        'environment.O = "http://other"\n[services.other]\nimage = "x"\nenvironment.A = "http://api"',
        'environment.O = "http://other"\n[services.other]\nimage = "x"\ndepends_on = ["api"]',
        'environment.O = "http://other"\n[services.other]\nimage = "x"\nprofiles = ["debug"]',
    ],
)
def test_who_waits_already_or_cannot_is_not_told_to(check: Check, more: str) -> None:
    text = WITH_DB.format(variable="Z", value="z").replace('depends_on = ["db"]', more)
    assert check(text) == []


@pytest.mark.parametrize(
    "more",
    [
        'environment.POSTGRES_PASSWORD_FILE = "/run/secrets/pw"',
        'environment.POSTGRES_HOST_AUTH_METHOD = "trust"',
        'env_file = "db.env"',
        'command = "pg_dump -h elsewhere"',
        'entrypoint = ["sleep", "infinity"]',
        'build = "."',
        'volumes = ["old:/var/lib/postgresql/data"]\n[volumes.old]\nexternal = true',
    ],
)
def test_a_database_that_needs_no_password_here(check: Check, more: str) -> None:
    db = '[services.db]\nimage = "postgres:15"\ntmpfs = "/unrelated"\n'
    assert "SC301" in rules(check(db))
    assert "SC301" not in rules(check(db + more, db_env="POSTGRES_PASSWORD=x"))


@pytest.mark.parametrize(
    ("name", "flagged"),
    [
        ("POSTGRES_USERS", True),
        ("POSTGERS_USER", True),
        ("POSTGRESUSER", True),
        ("PGDATE", True),
        ("POSTGRES_B", True),
        ("POSTGRES_INITDB_ARG", True),
        ("POSTGRES_HOST", False),
        ("POSTGRES_PORT", False),
        ("POSTGRES_IP", False),
        ("POSTGRES_MULTIPLE_DATABASES", False),
        ("TZ", False),
        ("PGPORT", False),
    ],
)
def test_variables_of_a_known_image(check: Check, name: str, flagged: bool) -> None:
    text = WITH_DB.format(variable="Z", value="z").replace(
        "environment.POSTGRES_PASSWORD", f"environment.{name} = 'db'\n\\g<0>"
    )
    text = text.replace("\\g<0>", "environment.POSTGRES_PASSWORD")
    assert rules(check(text)) == (["SC302"] if flagged else [])


@pytest.mark.parametrize(
    ("one", "other", "image", "found"),
    [
        ("DATABSE_URL", "DATABASE_URL", "app", ["SC302", "SC302"]),
        ("DATABSE_URL", "DATABASE_URL", "another", []),
        ("REDIS_HOST", "REDIS_PORT", "app", []),
        ("SECRET_KEY_1", "SECRET_KEY_2", "app", []),
        ("READ_DB", "LEAD_DB", "app", []),
    ],
)
def test_variables_that_services_of_one_image_call_differently(
    check: Check, one: str, other: str, image: str, found: list[str]
) -> None:
    text = f'[services.a]\nimage = "app"\nenvironment.{one} = "10.0.0.7"\n[services.b]\nimage = "{image}"\nenvironment.{other} = "10.0.0.7"'
    assert rules(check(text)) == found


@pytest.mark.parametrize(
    ("service", "kept"),
    [
        ('image = "postgres:15"\nvolumes = ["/var/lib/postgresql/data"]', True),
        ('image = "postgres:15"\nvolumes = ["./data:/var/lib/postgresql/data/"]', True),
        ('image = "postgres:15"\ntmpfs = "/var/lib/postgresql/data:size=64m"', True),
        ('image = "postgres:15"\nvolumes = ["data:/var/lib/postgresql"]', False),
        ('image = "postgres:15"\nvolumes = ["./init.sql:/docker-entrypoint-initdb.d/init.sql"]', False),
        ('image = "postgres:18"\nvolumes = ["data:/var/lib/postgresql"]', True),
        ('image = "postgres"\nvolumes = ["data:/var/lib/postgresql"]', True),
        ('image = "postgres"\nvolumes = ["data:/var/lib/postgresql/data"]', True),
        ('image = "postgres:15"\nvolumes = ["data:/pg"]\nenvironment.PGDATA = "/pg/data"', True),
        ('image = "postgres:15"\nvolumes = ["data:/pg"]\nenvironment.PGDATA = "/pgdata"', False),
        ('image = "postgres:15"\ncommand = "psql"', True),
        ('image = "rabbitmq:3"\nvolumes = ["data:/var/lib/rabbitmq/mnesia"]', True),
        ('image = "rabbitmq:3"', False),
        ('image = "redis:7"', True),
        ('image = "redis:7"\ncommand = "redis-server --appendonly yes"', False),
        ('image = "minio/minio"\ncommand = "server /export"\nvolumes = ["data:/export"]', True),
        ('image = "minio/minio"\ncommand = "server /export"\nvolumes = ["data:/data"]', False),
        ('image = "me/postgres:15"', True),
    ],
)
def test_data_want_a_volume(check: Check, service: str, kept: bool) -> None:
    found = rules(check(f"[volumes.data]\n[services.db]\n{service}"))
    assert (not {"SC401", "SC402"} & {*found}) is kept


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        ("8000:80", "8000:81", True),
        ("8000:80", "0.0.0.0:8000:80", True),
        ("127.0.0.2:8000:80", "0.0.0.0:8000:80", True),
        ("7999-8001:79-81", "8001-8002:1-2", True),
        ("8000:80/udp", "8000:80/udp", True),
        ("[::]:8000:80", "[::1]:8000:80", True),
        ("8000:80/udp", "8000:80/tcp", False),
        ("8000:80", "8001:80", False),
        ("8000:80", "127.0.0.2:8000:80", False),
        ("0.0.0.0:8000:80", "[::]:8000:80", False),
        ("7999-8000:79-80", "8001-8002:1-2", False),
        ("8000:80", "8000-8009:80", False),
        ("80", "80", False),
    ],
)
def test_one_port_of_the_host_for_one_service(check: Check, one: str, other: str, clash: bool) -> None:
    apart = f'[services.a]\nimage = "a"\nports = ["{one}"]\n[services.b]\nimage = "b"\nports = ["{other}"]'
    within = f'[services.a]\nimage = "a"\nports = ["{one}", "{other}"]'
    assert rules(check(apart)) == rules(check(within)) == (["SC501"] if clash else [])


@pytest.mark.parametrize(
    ("ports", "fit"),
    [
        ("80", True),
        ("80-81", True),
        ("8000-8002:80", True),
        ("8000-8001:80", False),
        ("8000:80", False),
        ("8000-8002:80-82", False),
    ],
)
def test_several_containers_of_a_service_need_a_port_of_the_host_each(
    check: Check, ports: str, fit: bool
) -> None:
    text = f'[services.a]\nimage = "a"\nports = ["{ports}"]\nscale = 3'
    assert rules(check(text)) == ([] if fit else ["SC501"])
    assert rules(check(text.replace("scale = 3", "deploy.replicas = 1"))) == []
    assert rules(check(text.replace("scale = 3", "deploy.replicas = 0"))) == []


def test_what_only_one_container_can_have_is_named_with_a_way_out(check: Check) -> None:
    text = '[services.a]\nimage = "a"\ncontainer_name = "it"\nscale = 3\nports = ["9:80", "8000-8001:80"]'
    assert [problem.split(" ", 3)[3] for problem in check(text)] == [
        (
            'services.a.container_name: a has 3 containers, and all would have the name "it"'
            " (take it out: the service's name reaches all of them)"
        ),
        (
            "services.a.ports[0]: a has 3 containers, which cannot all publish 9 of the host"
            ' ("80" gives each one a free port, "9-11:80" one of these)'
        ),
        (
            "services.a.ports[1]: a has 3 containers, which cannot all publish 8000-8001 of the host"
            ' ("80" gives each one a free port, "8000-8002:80" one of these)'
        ),
    ]


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [("[]", "[]", True), ("[]", '["x"]', True), ('["x", "y"]', '["y"]', True), ('["x"]', '["y"]', False)],
)
@pytest.mark.parametrize(
    ("line", "rule"), [('ports = ["8000:80"]', "SC501"), ('container_name = "it"', "SC109")]
)
def test_services_that_no_profile_starts_together(
    check: Check, line: str, rule: str, one: str, other: str, clash: bool
) -> None:
    text = f'[services.a]\nimage = "a"\nprofiles = {one}\n{line}\n[services.b]\nimage = "b"\nprofiles = {other}\n{line}'
    assert rules(check(text)) == ([rule] if clash else [])


def test_names_that_are_there_without_being_defined(check: Check) -> None:
    assert (
        check('[services.a]\nimage = "a"\nnetworks = ["default"]\nvolumes = ["/anonymous", "./dir:/dir"]')
        == []
    )


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("", "", 0),
        ("", "ab", 2),
        ("db", "bd", 1),
        ("redis", "rdeis", 1),
        ("postgress", "postgres", 1),
        ("kitten", "sitting", 3),
    ],
)
def test_distance_counts_a_swap_of_neighbours_once(a: str, b: str, expected: int) -> None:
    assert distance(a, b) == distance(b, a) == expected


def test_the_nearest_word_is_the_one_that_was_meant() -> None:
    assert nearest("bd", ["api", "db"]) == "db"
    assert nearest("postgresql", ["redis", "postgres"]) == "postgres"
    assert nearest("web", ["db", "api"]) is None
    assert nearest("x", []) is None


def test_a_slip_of_the_pen_is_not_another_word() -> None:
    assert misspelt("MYSQL_PASSWD", "MYSQL_PASSWORD")
    assert not misspelt("MYSQL_USER", "MYSQL_USER")
    assert not misspelt("MYSQL_PASSWORD", "MYSQL_PASSWORD_FILE")


@pytest.mark.parametrize(("number", "rule"), ALL_RULES.items(), ids=ALL_RULES)
def test_every_rule_says_why_what_to_do_and_what_it_stands_on(number: str, rule: Rule) -> None:
    why, *more = rule.help.split("\n\n")
    assert re.fullmatch(r"SC\d{3}", number)
    assert why
    assert [part.partition(":")[0] for part in more[-2:]] == ["Fix", "Evidence"]


def test_no_two_stages_have_a_rule_of_the_same_number() -> None:
    assert len(ALL_RULES) == len(READING) + len(RULES) + len(FILES) + len(ENGINE)
