"""Reading and checking cost twice as much for twice as many services, whatever is wrong with them.

What is counted are calls of functions, so that no clock decides.
"""

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from stackctl.errors import SpecError
from stackctl.show.problems import problems_text
from stackctl.spec.lint.rules import lint
from stackctl.spec.lint.uses import uses
from stackctl.spec.server import server
from stackctl.spec.source.locate import Source
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest
from stackctl.spec.text.dotenv import parse
from stackctl.spec.text.interpolate import Lookup

KINDS = {
    "nothing": '[services.s{n}]\nimage = "app"\ndepends_on = ["s{before}"]\nenvironment.PEER_HOST = "s{before}"\nports = ["{port}:80"]',
    "one port": '[services.s{n}]\nimage = "app"\nports = ["8000:80"]',
    "one port of many addresses": '[services.s{n}]\nimage = "app"\nports = ["127.0.{hundreds}.{rest}:8000:80", "0.0.0.0:8000:81"]',
    "ranges of ports": '[services.s{n}]\nimage = "app"\nports = ["1-{port}:1-{port}"]',
    "profiles": '[services.s{n}]\nimage = "app"\nprofiles = ["p{n}"]\nports = ["8000:80"]\ncontainer_name = "it"',
    "one container name": '[services.s{n}]\nimage = "app"\ncontainer_name = "it"',
    "unknown dependencies": '[services.s{n}]\nimage = "app"\ndepends_on = ["t{n}"]\nnetworks = ["n{n}"]\nvolumes = ["v{n}:/v"]',
    "unknown hosts": '[services.s{n}]\nimage = "app"\nenvironment = {{ DB_HOST = "database{n}", PEER_HOST = "peer{n}x" }}',
    "variables that are not set": '[services.s{n}]\nimage = "app"\nenvironment.A = "${{TOKEN_{n}}}"',
    "variables of their own": '[services.s{n}]\nimage = "app"\nenvironment.SERVICE_{n}_URL = "x"',
    "misspelt variables": '[services.s{n}]\nimage = "app{half}"\nenvironment.DATABASE_{odd}URL = "x"',
    "variables of an image": '[services.s{n}]\nimage = "postgres:15"\nenvironment.POSTGRES_PASWORD = "x"\nvolumes = ["/var/lib/postgresql/data"]',
    "uses without waiting": '[services.s{n}]\nimage = "app"\nenvironment.A_URL = "postgres://s{before}/x"',
    "pairs that wait for each other": '[services.s{n}]\nimage = "app"\ndepends_on = ["s{twin}"]',
    "one circle": '[services.s{n}]\nimage = "app"\ndepends_on = ["s{next}"]',
    "unknown keys": '[services.s{n}]\nimage = "app"\nimagine = "{n}"',
    "wrong values": '[services.s{n}]\nimage = "app"\nrestart = "{n}"\npull_policy = "{n}"',
    "references": '[services.s{n}]\nimage = "redis:7"\ncommand = ["redis-server", "--requirepass", "x"]\n[services.t{n}]\nimage = "app"\nenvironment.URL = "${{services.s{n}.url}}"',
    "unknown references": '[services.s{n}]\nimage = "app"\nenvironment.URL = "${{services.t{n}.url}}"',
    "a chain of references": '[services.s{n}]\nimage = "postgres:15"\nenvironment.POSTGRES_PASSWORD = "${{services.s{before}.password}}"\nvolumes = ["/var/lib/postgresql/data"]',
    "misspelt hosts": '[services.server{n}]\nimage = "app"\nenvironment.PEER_HOST = "servr{n}"',
    "shared networks": '[services.s{n}]\nimage = "app"\nnetwork_mode = "service:s{before}"',
    "wrong addresses": '[services.s{n}]\nimage = "redis:7"\nports = ["{port}:6379"]\nnetworks = ["n{n}"]\nenvironment = {{ REDIS_URL = "redis://s{before}:{port}", DB_HOST = "localhost", WEB_URL = "http://localhost:6379" }}\n[networks.n{n}]',
    "wrong volumes": '[services.s{n}]\nimage = "postgres:15"\nenvironment = {{ POSTGRES_PASSWORD = "x", B = "postgresql://u:x@s{before}:5432/y" }}\nvolumes = ["v:/var/lib/postgresql/data", "w:/var/lib/postgresql"]\n[services.s{n}.healthcheck]\ntest = "pg_isready"',
    "missing files": '[services.s{n}]\nimage = "app"\nenv_file = ".env.{n}"',
}  # fmt: skip


def stack(kind: str, number: int) -> str:
    return "\n".join(
        KINDS[kind].format(
            n=n, before=max(n - 1, 0), next=(n + 1) % number, twin=n ^ 1, half=n // 2, odd="S" * (n % 2),
            port=n + 1000, hundreds=n // 100, rest=n % 100,
        )
        for n in range(number)
    )  # fmt: skip


def calls(work: Callable[[], object], of: Callable[..., object] | None = None) -> int:
    """How many functions are called, those in C included; with `of` how often that one is."""
    counted = 0

    def count(frame: FrameType, event: str, __: object) -> None:
        nonlocal counted
        if of is None:
            counted += event in ("call", "c_call")
        else:
            counted += event == "call" and frame.f_code is of.__code__

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return counted


def check(directory: Path, text: str) -> None:
    (directory / "stack.toml").write_text(text)
    with contextlib.suppress(SpecError):
        read(StackRequest(directory=directory, environ={}), [lint])


@pytest.mark.parametrize("kind", KINDS)
def test_twice_as_many_services_take_twice_the_work(tmp_path: Path, kind: str) -> None:
    check(tmp_path, stack(kind, 10))  # what is done once and kept
    one = calls(lambda: check(tmp_path, stack(kind, 100)))
    two = calls(lambda: check(tmp_path, stack(kind, 200)))
    assert two / one <= 2.3


def test_what_several_rules_ask_about_a_service_is_found_out_once(tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text(stack("variables of an image", 100))
    services = read(StackRequest(directory=tmp_path, environ={}), [])
    for asked in (server, uses):
        assert calls(lambda: lint(services), of=asked) == 100


def test_twice_as_many_variables_take_twice_the_work() -> None:
    def work(number: int) -> int:
        text = "".join(f"KEY_{n}: a value: {n}\n" for n in range(number))
        return calls(lambda: parse(Source(".env", text), Lookup()))

    work(10)
    assert work(400) / work(200) <= 2.3


def test_half_a_megabyte_of_mistakes(tmp_path: Path) -> None:
    """It ends: with a loop over all pairs this test would take many minutes."""
    text = stack("one port", (1 << 19) // (len(KINDS["one port"]) + 4))
    (tmp_path / "stack.toml").write_text(text)
    with pytest.raises(SpecError) as caught:
        read(StackRequest(directory=tmp_path, environ={}), [lint])
    assert len(caught.value.problems) > 5_000


def test_of_many_problems_of_one_kind_the_first_are_told(tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text(stack("one port", 1201) + "\nimagine = 1\n")
    with pytest.raises(SpecError) as caught:
        read(StackRequest(directory=tmp_path, environ={}), [lint])
    shown = problems_text(caught.value.problems)
    # The last service cannot be read, so that its port does not count.
    assert (shown.count("error SC501"), shown.count("error SC112")) == (20, 1)
    assert shown.endswith("\n\nand 1,179 more like these (SC501)\n\n1200 errors")
    assert str(caught.value).endswith("\nand 1,179 more like these (SC501)")
