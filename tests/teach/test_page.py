from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from stackctl.spec.model import Stack
from stackctl.spec.selection import Selection
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest
from stackctl.teach.commands import Docker
from stackctl.teach.explain.order_graph import order_graph, order_words, rows
from stackctl.teach.explain.page import lesson_page
from stackctl.teach.explain.quiz import quiz
from stackctl.teach.explain.scenes import scenes
from stackctl.teach.from_nothing import from_nothing

SHOP = """\
name = "shop"
# The password is hunter22 <b>today</b>.
[services.db]
image = "postgres:15"
environment = { POSTGRES_PASSWORD = "hunter22", MOTTO = "</code><script>alert(1)</script>" }
volumes = ["pgdata:/var/lib/postgresql/data"]
[services.cache]
image = "redis:7"
[jobs.migrate]
image = "busybox"
depends_on = ["db"]
[services.api]
image = "busybox"
depends_on = ["migrate", "cache"]
ports = ["8000:80"]
[volumes.pgdata]
"""


class Page(HTMLParser):
    """What a parser finds. Each element must be closed in order."""

    VOID = ("meta", "br", "hr", "link", "img", "path")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.tags: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = dict(attrs)
        if found.get("id"):
            self.ids.append(str(found["id"]))
        self.targets += [str(found[name]) for name in ("href", "src") if found.get(name)]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    (tmp_path / "stack.toml").write_text(SHOP)
    return read(StackRequest(files=[Path("stack.toml")], directory=tmp_path, environ={}))


@pytest.fixture
def page(stack: Stack) -> str:
    view, plan = from_nothing(stack, Selection())
    return lesson_page(
        stack, scenes(Docker(stack), plan.steps, view.desired.containers), view.desired.containers
    )


def test_every_link_leads_to_one_place_of_the_page(page: str) -> None:
    found = Page(page)
    assert found.open == []
    assert len(found.ids) == len(set(found.ids))
    assert len(found.targets) > 30
    assert {target.removeprefix("#") for target in found.targets} <= set(found.ids)


def test_nothing_is_loaded_from_elsewhere(page: str) -> None:
    assert "//" not in re.sub(r"http://shop-\S+", "", page)
    assert "@import" not in page
    assert "url(" not in page.replace("url(#tip)", "")


def test_the_page_reads_without_its_script_and_in_the_dark_and_on_paper(page: str) -> None:
    without = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    for text in (
        "docker volume create shop_pgdata",
        "The six mistakes",
        "Answers",
        "prefers-color-scheme: dark",
        "@media print",
    ):
        assert text in without


def test_no_value_becomes_markup_and_no_secret_is_shown(page: str) -> None:
    assert Page(page).tags.count("script") == 1
    assert "&lt;script&gt;alert(1)" in page
    assert "hunter22" not in page
    assert "•••" in page


def test_lines_and_steps_link_to_each_other(page: str) -> None:
    assert '<a class="from" href="#line-0-6">stack.toml:6</a>' in page
    line = page[page.index('id="line-0-6"') :].partition("</span>")[0]
    step = re.search(r'href="#(step-\d+)"', line)
    assert step is not None
    scene = page[page.index(f'id="{step[1]}"') :].partition("</section>")[0]
    assert "Run db, a service" in scene
    assert 'href="#line-0-6"' in scene


def test_the_order_has_a_row_for_each_wait(stack: Stack) -> None:
    containers = from_nothing(stack, Selection())[0].desired.containers
    assert [[spec.service for spec in row] for row in rows(containers)] == [
        ["db", "cache"],
        ["migrate"],
        ["api"],
    ]
    assert (
        order_words(containers)
        == "db, cache start at once; migrate waits for db; api waits for migrate, cache."
    )
    picture = order_graph(containers)
    assert picture.count('class="edge"') == 3
    assert picture.count("<rect") == 4
    assert order_graph([]).endswith("</svg>")


def test_a_quiz_asks_about_this_stack(stack: Stack) -> None:
    questions = quiz(from_nothing(stack, Selection())[0].desired.containers)
    assert any("migrate needs db" in each.text for each in questions)
    assert all(0 <= each.right < len(each.choices) == 3 for each in questions)
    assert len({each.right for each in questions}) > 1
    assert len(quiz([])) == len(questions)
