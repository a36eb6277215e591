"""A stack as one page that stands by itself: bash and file side by side, lines linked; the order; the six mistakes; a quiz.

It can be read without its script, which only marks what belongs together under the pointer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files

from stackctl.planner.world.desired import DesiredContainer
from stackctl.show.text.amounts import counted
from stackctl.show.text.safe import clean
from stackctl.spec.model import Stack
from stackctl.spec.output.redact import common_words_of, redacted, secrets, without
from stackctl.teach.explain.lesson_text import sizes
from stackctl.teach.explain.mistakes import MISTAKES
from stackctl.teach.explain.notation import file_name
from stackctl.teach.explain.order_graph import order_graph, order_words
from stackctl.teach.explain.quiz import Question, quiz
from stackctl.teach.explain.scenes import Scene

_LETTERS = "ABC"
_SCRIPT = """\
for (const line of document.querySelectorAll('.line')) {
  const own = [...line.querySelectorAll('a')].map(a => document.querySelector(a.getAttribute('href')))
  const lit = on => [line, ...own].forEach(each => each.classList.toggle('lit', on))
  if (own.length) { line.onmouseenter = () => lit(true); line.onmouseleave = () => lit(false) }
}
for (const scene of document.querySelectorAll('.scene')) {
  const own = [...scene.querySelectorAll('a.from')].map(a => document.querySelector(a.getAttribute('href')))
  const lit = on => own.forEach(each => each.classList.toggle('lit', on))
  scene.onmouseenter = () => lit(true); scene.onmouseleave = () => lit(false)
}"""


def lesson_page(stack: Stack, scenes: Sequence[Scene], containers: Sequence[DesiredContainer]) -> str:
    """The page as HTML. Nothing in it is loaded from elsewhere."""
    title = escape(f"{stack.project}, step by step")
    questions = quiz(containers)
    bash, file = sizes(stack, scenes)
    style = files("stackctl.teach.explain").joinpath("page.css").read_text(encoding="utf-8")
    body = [
        f"<h1>{title}</h1>",
        (
            f"<p>What <code>stackctl up</code> does, as commands that you could type: {counted(len(scenes), 'step')}, {bash} lines of bash, "
            f"which the file says in {file} lines. Each step links to the lines of the file that it comes from.</p>"
        ),
        f"<h2>The order</h2><p>{escape(order_words(containers))}</p>{order_graph(containers)}",
        f'<h2>bash and {escape(file_name(stack))}</h2><div class="sides"><main>',
        *(_scene(stack, scene, number, len(scenes)) for number, scene in enumerate(scenes, 1)),
        f'</main><aside class="file" aria-label="{escape(file_name(stack))}"><div>{"".join(_files(stack, scenes))}</div></aside></div>',
        f'<h2 id="mistakes">The six mistakes</h2><div class="cards">{"".join(_mistakes())}</div>',
        f'<h2>Quiz</h2><ol class="quiz">{"".join(map(_question, questions))}</ol>',
        f'<section class="answers"><h2>Answers</h2><ol>{"".join(map(_answer, questions))}</ol></section>',
    ]
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>\n{style}</style>\n</head>\n<body>\n'
        + "\n".join(body)
        + f"\n<script>\n{_SCRIPT}\n</script>\n</body>\n</html>\n"
    )


def _scene(stack: Stack, scene: Scene, number: int, total: int) -> str:
    rows = [("does", _prose(scene.does) + (f" <code>{escape(scene.call)}</code>" if scene.call else ""))]
    if scene.sources:
        links = (
            f'<a class="from" href="#{_id(stack, source.where)}">{escape(source.where)}</a>'
            for source in scene.sources
        )
        rows.append(("from", ", ".join(links)))
    marks = "".join(f' <a href="#mistake-{number}">mistake {number}</a>' for number in scene.mistakes)
    rows.append(("prevents", _prose(scene.prevents) + marks))
    rows.append(("forgotten", _prose(scene.forgotten)))
    if scene.see:
        rows.append(("see it", f"<code>{_text(scene.see)}</code>"))
    facts = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in rows)
    return (
        f'<section class="scene" id="step-{number}"><h3>{number}/{total} {_text(scene.title)}</h3>'
        f"<pre><code>{_text(scene.command)}</code></pre><dl>{facts}</dl></section>"
    )


def _files(stack: Stack, scenes: Sequence[Scene]) -> Iterator[str]:
    """The files without their secrets, each line with the steps that come from it."""
    hidden, common = {*secrets(stack)}, common_words_of(stack)
    steps: dict[str, list[int]] = {}
    for number, scene in enumerate(scenes, 1):
        for source in scene.sources:
            steps.setdefault(_id(stack, source.where), []).append(number)
    for file in stack.sources:
        yield f"<h3>{_text(file.file)}</h3><pre>"
        for number, line in enumerate(file.text.splitlines(), 1):
            id_ = _id(stack, f"{file.file}:{number}")
            links = "".join(f'<a href="#step-{step}">step {step}</a>' for step in steps.get(id_, ()))
            text = _text(redacted(without(line, hidden, common)))
            yield f'<span class="line" id="{id_}"><b>{number}</b>{text}{links}</span>'
        yield "</pre>"


def _id(stack: Stack, where: str) -> str:
    """The id of a line: the number of the file and that of the line."""
    file, _, line = where.rpartition(":")
    index = next((n for n, source in enumerate(stack.sources) if source.file == file), 0)
    return f"line-{index}-{line}"


def _mistakes() -> Iterator[str]:
    for mistake in MISTAKES:
        rows = (("bash", mistake.bash), ("noticed", f"{mistake.noticed}."), ("stackctl", mistake.stackctl))
        facts = "".join(f"<dt>{name}</dt><dd>{_prose(text)}</dd>" for name, text in rows)
        yield f'<section class="card" id="mistake-{mistake.number}"><h3>{mistake.number}. {escape(mistake.name)}</h3><dl>{facts}</dl></section>'


def _question(question: Question) -> str:
    choices = "".join(f"<li>{_prose(choice)}</li>" for choice in question.choices)
    return f"<li>{_prose(question.text)}<ol>{choices}</ol></li>"


def _answer(question: Question) -> str:
    return f"<li><strong>{_LETTERS[question.right]}.</strong> {_prose(question.why)}</li>"


def _prose(text: str) -> str:
    """A sentence; what stands in backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", _text(text))


def _text(text: str) -> str:
    return escape(clean(text))
