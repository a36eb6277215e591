"""check --fix: what is certain is corrected in the file, and every other byte stays."""

from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import Ran, Run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Fix = Callable[[str | bytes], tuple[str, Ran]]
"""Writes a stack.toml, corrects it, and gives back its text then."""

pytest_plugins = ["commandline_fixtures"]

STACK = """\
# A shop.
name = "shop"

[services.api]   # the program
image = "app:1"
networks = [ "back",
  'front', # for the browser
]
environment.DATABASE_URL = "postgresql://postgres:secret@postgres:5432/shop"
depends_on = ["postgres"] # first

# The database.
[services.postgres]
image = "postgres:15"
volumes = ["pgdata:/var/lib/postgresql/data"]
environment = { POSTGRES_PASSWORD = "secret", POSTGRES_DB = "shop" }
networks = ["back"]

# Storage.
[volumes.pgdata]
[networks.back]
[networks.front]
"""


@pytest.fixture
def fix(run: Run, tmp_path: Path) -> Fix:
    def call(text: str | bytes) -> tuple[str, Ran]:
        path = tmp_path / "stack.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        ran = run("check", "--offline", "--fix")
        return path.read_bytes().decode(), ran

    return call


def test_a_good_file_is_left_alone(fix: Fix) -> None:
    text, ran = fix(STACK)
    assert (text, ran.code, ran.err) == (STACK, 0, "")


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('"back",', '"bakc",'),
        ("'front', #", "'frnot', #"),
        ('depends_on = ["postgres"]', 'depends_on = ["postgre"]'),
        ("networks = [ ", "netwroks = [ "),
        ("[services.api]", "[servces.api]"),
        ("POSTGRES_DB =", "POSTGRES_BD ="),
        ("pgdata:/var", "pgdta:/var"),
    ],
)
def test_a_misspelt_word_is_corrected_where_it_stands(fix: Fix, right: str, wrong: str) -> None:
    text, ran = fix(STACK.replace(right, wrong, 1))
    assert text == STACK
    assert ran.code == 0
    changed = [line[0] for line in ran.err.splitlines()[2:] if line[0] in "+-"]
    assert changed == ["-", "+"]


def test_several_mistakes_are_corrected_at_once(fix: Fix) -> None:
    wrong = STACK.replace('"back",', '"bakc",').replace("netw", "netv", 1).replace("pgdata:/", "pgdat:/")
    assert fix(wrong)[0] == STACK


def test_a_missing_dependency_is_added(fix: Fix) -> None:
    assert fix(STACK.replace('depends_on = ["postgres"] # first\n', ""))[0] == STACK.replace(
        'depends_on = ["postgres"] # first', 'depends_on = ["postgres"]'
    )
    assert fix(STACK.replace('"postgres"] # first', "] # first"))[0] == STACK


@pytest.mark.parametrize("address", ["0.0.0.0", "[::]"])
def test_a_database_that_is_open_to_the_network_is_closed(fix: Fix, address: str) -> None:
    closed = STACK.replace('image = "postgres:15"', 'image = "postgres:15"\nports = ["5432:5432"] # for me')
    assert fix(closed.replace('"5432:', f'"{address}:5432:'))[0] == closed


def test_a_missing_volume_is_added(fix: Fix) -> None:
    without = STACK.replace('volumes = ["pgdata:/var/lib/postgresql/data"]\n', "")
    text, ran = fix(without)
    assert (
        text
        == without.replace(
            'networks = ["back"]\n',
            'networks = ["back"]\nvolumes = ["postgres-data:/var/lib/postgresql/data"]\n',
        )
        + "\n[volumes.postgres-data]\n"
    )
    assert ran.code == 0


def test_windows_line_ends_and_a_byte_order_mark_stay(fix: Fix) -> None:
    windows = "\ufeff" + STACK.replace("\n", "\r\n")
    assert fix(windows.replace('"back",', '"bakc",').encode())[0] == windows
    text, _ = fix(windows.replace('depends_on = ["postgres"] # first\r\n', "").encode())
    assert text == windows.replace('depends_on = ["postgres"] # first', 'depends_on = ["postgres"]')


@pytest.mark.parametrize(
    "text",
    [
        "not toml",
        STACK.replace('"back",', '"other",'),
        STACK.replace('"back",', '"${NOBODY}",'),
        # a comment allows it
        STACK.replace('depends_on = ["postgres"] # first\n', "").replace(
            "environment.DATABASE", "# stackctl: allow SC201 — it tries again\nenvironment.DATABASE"
        ),
        # a table is no place for a name alone
        STACK.replace('depends_on = ["postgres"]', "depends_on = { redis = { required = false } }"),
    ],
)
def test_what_is_not_certain_is_left_alone(fix: Fix, text: str) -> None:
    after, ran = fix(text)
    assert after == text
    assert "(fixed)" not in ran.err


def test_a_file_keeps_its_mode_and_a_link_stays_a_link(fix: Fix, run: Run, tmp_path: Path) -> None:
    real = tmp_path / "real.toml"
    real.write_text(STACK.replace('"back",', '"bakc",'))
    real.chmod(0o640)
    (tmp_path / "link.toml").symlink_to(real)
    run("check", "--offline", "--fix", "-f", "link.toml")
    assert real.read_text() == STACK
    assert real.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "link.toml").is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.toml", "real.toml"]


def test_each_of_several_files_is_corrected(run: Run, tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text(STACK.replace('"back",', '"bakc",'))
    over = '[services.api]\ndepends_on = ["postgres"]\nhostnaem = "x"\n'
    (tmp_path / "stack.override.toml").write_text(over)
    ran = run("check", "--offline", "--fix")
    assert (tmp_path / "stack.toml").read_text() == STACK
    assert (tmp_path / "stack.override.toml").read_text() == over.replace("hostnaem", "hostname")
    assert ran.err.count("(fixed)") == 2


COMMENTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff\u2028\u2029"), max_size=20
)
WRONG = [
    ('"back",', '"bakc",'),
    ("image = ", "imgae = "),
    ("POSTGRES_PASSWORD", "POSTGRES_PASSWRD"),
    ('depends_on = ["postgres"] # first\n', ""),
    ('volumes = ["pgdata:/var/lib/postgresql/data"]\n', ""),
    ("[networks.front]", "[networks.frnot]"),
]


@given(
    comments=st.lists(COMMENTS, min_size=4, max_size=4),
    wrong=st.lists(st.sampled_from(WRONG), min_size=1, max_size=3, unique=True),
    ends=st.sampled_from(["\n", "\r\n"]),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
    last=st.sampled_from(["", "\n", "\n\n", "   ", "\n# end"]),
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_correction_keeps_every_other_line_and_a_second_one_changes_nothing(
    fix: Fix, comments: list[str], wrong: list[tuple[str, str]], ends: str, mark: bytes, last: str
) -> None:
    text = STACK.rstrip("\n") + last
    for comment, line in zip(
        comments, ("# A shop.", "# The database.", "# Storage.", "# first"), strict=True
    ):
        text = text.replace(line, f"#{comment}")
    for before, after in wrong:
        text = text.replace(before, after, 1)
    data = mark + text.replace("\n", ends).encode()
    fixed, _ = fix(data)
    again, _ = fix(fixed.encode())
    assert again == fixed
    assert fixed.encode().startswith(mark)
    assert ("\r\n" in fixed) == ("\r\n" in data.decode())
    assert fixed.count("\n") == fixed.count("\r\n") or ends == "\n"
    kept = [line for line in data.decode().splitlines() if line.lstrip().startswith("#")]
    assert [line for line in fixed.splitlines() if line.lstrip().startswith("#")] == kept
