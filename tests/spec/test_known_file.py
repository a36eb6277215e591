"""The user's own known.toml: what its tables mean, and every mistake in it with its place."""

from collections.abc import Callable
from pathlib import Path

import pytest

from stackctl.errors import SpecError
from stackctl.spec.known import KnownImage
from stackctl.spec.known_images import BUILT_IN, KnownImages, names_of_tables, table_of
from stackctl.spec.lint.rules import lint
from stackctl.spec.model import Stack
from stackctl.spec.server import connection
from stackctl.spec.source.known_file import ImageTable, known_images
from stackctl.spec.source.locate import Source
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest
from stackctl.spec.structure import structure

LIKE = '[acme-db]\nimages = ["acme/db"]\nlike = "postgres:17"\n'
QUEUE = """\
[queue]
images = ["acme/queue"]
port = 7000
scheme = "acmeq"
schemes = { acmeq = 7000 }
data = ["/old"]
required = [["ACME_KEY"]]

[queue.since.3]
data = ["/new"]
port = 7300
"""
Load = Callable[..., Stack]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """A function that reads a stack with a known.toml beside it, from another directory."""

    def load(known: str, stack: str) -> Stack:
        (tmp_path / "known.toml").write_text(known)
        (tmp_path / "stack.toml").write_text(stack)
        elsewhere = tmp_path / "below"
        elsewhere.mkdir(exist_ok=True)
        return read(StackRequest(directory=elsewhere, environ={}), [lint])

    return load


def images(text: str) -> KnownImages:
    found, problems = known_images(Source("known.toml", text))
    assert not problems
    return found


def known(text: str, ref: str) -> KnownImage:
    found = images(text).of(ref)
    assert found
    return found


def test_an_image_like_another_is_that_server() -> None:
    own, theirs = known(LIKE, "registry.acme.com/acme/db:2"), BUILT_IN.of("postgres:17")
    assert theirs
    same = (
        (each.name, each.port, each.data, each.required, each.probe, each.logins) for each in (own, theirs)
    )
    assert next(same) == next(same)
    assert (own.images, own.is_of("acme/db:9"), own.is_of("postgres:17")) == (("acme/db",), True, False)


@pytest.mark.parametrize(
    ("like", "tag", "data", "version"),
    [
        ("postgres", "acme/db:15", ("/var/lib/postgresql/data",), 15),
        ("postgres", "acme/db:18", ("/var/lib/postgresql",), 18),
        ("postgres", "acme/db", ("/var/lib/postgresql", "/var/lib/postgresql/data"), None),
        ("postgres:18", "acme/db:2", ("/var/lib/postgresql",), 18),
        ("postgres:17", "acme/db", ("/var/lib/postgresql/data",), 17),
        ("pgvector/pgvector:pg17", "acme/db:1", ("/var/lib/postgresql/data",), 17),
    ],
)
def test_like_may_tell_the_version(like: str, tag: str, data: tuple[str, ...], version: int | None) -> None:
    image = known(f'[x]\nimages = ["acme/db"]\nlike = "{like}"\n', tag)
    assert (image.data, image.version_of(tag)) == (data, version)
    assert image.every_data_path({}) == ("/var/lib/postgresql", "/var/lib/postgresql/data")


def test_own_keys_replace_what_like_takes() -> None:
    image = known(LIKE + 'port = 5433\ndata = ["/acme"]\nlogins = []\n', "acme/db:1")
    assert (image.port, image.data, image.every_data_path({}), image.logins) == (
        5433,
        ("/acme",),
        ("/acme",),
        (),
    )
    assert image.required, "what the table does not say stays"


@pytest.mark.parametrize(
    ("ref", "data", "port"),
    [
        ("acme/queue:2.9", ("/old",), 7000),
        ("acme/queue:3", ("/new",), 7300),
        ("acme/queue", ("/new", "/old"), 7300),
    ],
)
def test_a_table_of_its_own_changes_with_the_version(ref: str, data: tuple[str, ...], port: int) -> None:
    image = known(QUEUE, ref)
    assert (image.name, image.data, image.port) == ("queue", data, port)


def test_the_users_table_wins_for_its_images_alone() -> None:
    own = images('[mine]\nimages = ["postgres", "me/redis"]\nport = 1\n')
    ports = [(image := own.of(ref)) and image.port for ref in ("postgres:15", "mirror.io/library/postgres", "me/redis", "redis:7", "pgvector/pgvector:pg16")]  # fmt: skip
    assert ports == [1, 1, 1, 6379, 5432]


def test_the_schemes_of_the_user_lead_to_a_server() -> None:
    own = images(QUEUE)
    assert (own.server_schemes["acmeq"], own.scheme_ports["acmeq"], own.server_schemes["redis"]) == (
        7000,
        7000,
        6379,
    )
    assert "acmeq" not in BUILT_IN.server_schemes


def test_a_stack_knows_the_images_of_the_file_beside_it(load: Load) -> None:
    stack = load(
        LIKE,
        '[services.db]\nimage = "acme/db:2"\nvolumes = ["d:/var/lib/postgresql/data"]\nenvironment.POSTGRES_PASSWORD = "p@"\n[volumes.d]\n'
        '[services.api]\nimage = "api:1"\nenvironment.URL = "${services.db.url}"\n',
    )
    assert stack.services["api"].resolved == {"URL": "postgresql://postgres:p%40@db:5432/postgres"}
    found = connection(stack.services["db"])
    assert found
    assert found.port == 5432
    assert not [each for each in stack.problems if each.rule.startswith(("SC3", "SC4"))]


def test_the_rules_know_them(load: Load) -> None:
    with pytest.raises(SpecError) as caught:
        load(QUEUE, '[services.q]\nimage = "acme/queue:2"\n[services.api]\nimage = "api:1"\nenvironment.U = "acmeq://localhost"\n')  # fmt: skip
    assert [each.rule for each in caught.value.problems] == ["SC301", "SC401", "SC103"]


def test_every_table_of_stackctl_can_stand_in_a_users_file() -> None:
    from stackctl.spec.known_images import _table

    for name in names_of_tables():
        table = {key: value for key, value in _table(name).items() if key != "starter"}
        assert structure(ImageTable, table)[1] == [], name


def test_an_image_or_a_name_leads_to_a_table() -> None:
    assert [table_of(each) for each in ("postgres:17", "valkey", "valkey/valkey:8", "acme/db")] == ["postgres", "valkey", "valkey", None]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[x]\nport = 1\n", ["1: x: the key 'images' is missing"]),
        ('[x]\nimages = ["a/b"]\n', ["1: x: the key 'port' is missing (like = \"postgres\" takes it from an image that stackctl knows)"]),
        ("[x]\nimages = []\nport = 1\n", ['2: x.images: no image is named (write images = ["acme/postgres"])']),
        ('[x]\nimages = ["r.io/a/b:1"]\nport = 1\n', ["2: x.images[0]: 'r.io/a/b:1' has a registry, a tag or a digest, and these do not count (write \"a/b\")"]),
        ('[x]\nimages = ["a/b"]\nlike = "postgrs"\n', ["3: x.like: stackctl knows no image 'postgrs' (did you mean 'postgres'?)"]),
        ('[x]\nimages = ["a/b"]\nport = 0\nprt = 1\n', ["4: x.prt: unknown key 'prt' (did you mean 'port'?)"]),
        ('[x]\nimages = ["a/b"]\nport = 0\n', ["3: x.port: expected a port from 1 to 65535, found 0"]),
        ('[x]\nimages = ["a/b"]\nport = 1\nprotocol = "postgress"\n', ["4: x.protocol: stackctl cannot ask in the protocol 'postgress'"]),
        ('[x]\nimages = ["a/b"]\nport = 1\nprobe = ["{host}"]\n', ["4: x.probe[0]: nothing is filled in for {host}"]),
        ('[x]\nimages = ["a/b"]\nport = 1\nprobe = ["{"]\n', ["4: x.probe[0]: a brace is alone in '{'"]),
        ('[x]\nimages = ["a/b"]\nport = 1\ndata = ["rel"]\n', ["4: x.data[0]: expected a directory of the container"]),
        ('[x]\nimages = ["a/b"]\nport = 1\n[x.since.new]\nport = 2\n', ["4: x.since.new: 'new' is not a major version: write a number"]),
        ('[x]\nimages = ["a/b"]\nport = 1\n[y]\nimages = ["a/b"]\nport = 2\n', ["5: y.images[0]: a/b is also an image of [x] (name each image in one table)"]),
        ("x = 1\n", ["1: x: expected a table, found the number 1"]),
        ("[x\n", ["1: "]),
    ],
)  # fmt: skip
def test_a_mistake_has_its_place(load: Load, text: str, told: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        load(text, '[services.a]\nimage = "a:1"\n')
    found = []
    for each in caught.value.problems:
        assert each.place
        assert Path(each.place.file).name == "known.toml"
        where = f"{each.where}: " if each.where else ""
        found.append(f"{each.place.line}: {where}{each.message}" + (f" ({each.hint})" if each.hint else ""))
    assert len(found) == len(told)
    assert all(each.startswith(start) for each, start in zip(found, told, strict=True)), found


def test_an_x_table_is_not_read_and_an_empty_file_says_nothing(load: Load) -> None:
    assert load("[x-notes]\nport = 'any'\n", '[services.a]\nimage = "a:1"\n').problems == ()
    assert load("", '[services.a]\nimage = "a:1"\n').known_images.of("postgres")
