"""A stack as a lesson, for a terminal and as Markdown: scene after scene, then bash and stackctl side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stackctl.show.text.amounts import counted
from stackctl.show.text.safe import clean, one_line
from stackctl.show.text.style import PLAIN, Style
from stackctl.spec.model import Stack
from stackctl.teach.explain.blocks import Block, blocks_text, wrapped
from stackctl.teach.explain.mistakes import MISTAKES
from stackctl.teach.explain.notation import file_name, language
from stackctl.teach.explain.scenes import Scene

_LONGEST = 60
"""Columns of a line of the file that stands beside its place."""


def lesson_text(stack: Stack, scenes: Sequence[Scene], style: Style = PLAIN) -> str:
    """The whole lesson for a terminal."""
    head = (
        f"What `stackctl up` does for {stack.project}, as commands that you could type: {counted(len(scenes), 'step')}, in this order. "
        "Each says which line of the file it comes from, what it prevents, and what you would see without it."
    )
    parts = ["\n".join(wrapped(head, style=style))]
    parts += [scene_text(scene, number, len(scenes), style) for number, scene in enumerate(scenes, 1)]
    parts.append(comparison_text(stack, scenes, style))
    return "\n\n\n".join(parts)


def scene_text(scene: Scene, number: int, total: int, style: Style = PLAIN) -> str:
    """One scene for a terminal."""
    head = style(f"{number}/{total}  {one_line(scene.title)}", "bold")
    command = [style(f"    {clean(line)}", "cyan") for line in scene.command.splitlines()]
    blocks = [Block("does", tuple(filter(None, (scene.does, scene.call and f"API: {scene.call}"))))]
    if scene.sources:
        blocks.append(Block("from", code=tuple(_lines(scene))))
    numbers = ", ".join(map(str, scene.mistakes))
    blocks.append(Block("prevents", (scene.prevents + (f" (Mistakes: {numbers}.)" if numbers else ""),)))
    blocks.append(Block("forgotten", (scene.forgotten,)))
    body = blocks_text(blocks, style).replace("\n\n", "\n")
    see = [f"{'see it':<12}{style(f'$ {clean(scene.see)}', 'cyan')}"] if scene.see else []
    return "\n".join([head, "", *command, "", body, *see])


def _lines(scene: Scene) -> Iterator[str]:
    width = max(len(source.where) for source in scene.sources)
    for source in scene.sources:
        first, *more = source.text.splitlines()
        yield f"{source.where:<{width}}  {_cut(first)}"
        yield from (f"{' ' * width}  {_cut(line)}" for line in more)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def comparison_text(stack: Stack, scenes: Sequence[Scene], style: Style = PLAIN) -> str:
    """Bash and stackctl side by side: how much there is to write, and when each mistake is noticed."""
    bash, file = sizes(stack, scenes)
    head = style("bash and stackctl", "bold")
    lines = [
        f"bash: {counted(bash, 'line')}, to be written in this order, and again backwards to take it down.",
        f"{file_name(stack)}: {counted(file, 'line')}, in any order.",
    ]
    blocks = [Block("to write", tuple(lines))]
    blocks += [
        Block(
            f"mistake {mistake.number}",
            (
                f"{mistake.name}.",
                f"bash: {mistake.bash} Noticed {mistake.noticed}.",
                f"stackctl: {mistake.stackctl}",
            ),
        )
        for mistake in MISTAKES
    ]
    return f"{head}\n\n{blocks_text(blocks, style)}"


def sizes(stack: Stack, scenes: Sequence[Scene]) -> tuple[int, int]:
    """How many lines the commands have, and how many the file has without comments and empty lines."""
    bash = sum(len(scene.command.splitlines()) for scene in scenes)
    lines = (line.strip() for source in stack.sources for line in source.text.splitlines())
    return bash, sum(bool(line) and not line.startswith("#") for line in lines)


def lesson_markdown(stack: Stack, scenes: Sequence[Scene]) -> str:
    """The whole lesson as Markdown, for a course's repository."""
    bash, file = sizes(stack, scenes)
    parts = [
        f"# {stack.project}, step by step",
        f"What `stackctl up` does, as commands that you could type. There are {counted(len(scenes), 'step')}.",
    ]
    for number, scene in enumerate(scenes, 1):
        parts += [f"## {number}. {one_line(scene.title)}", _fence("bash", scene.command)]
        if scene.sources:
            parts.append(_fence(language(stack), "\n".join(f"# {s.where}\n{s.text}" for s in scene.sources)))
        api = f" (`{scene.call}`)" if scene.call else ""
        numbers = ", ".join(map(str, scene.mistakes))
        said = [f"* **What the engine does:** {scene.does}{api}"]
        said.append(
            f"* **What it prevents:** {scene.prevents}" + (f" Mistakes: {numbers}." if numbers else "")
        )
        said.append(f"* **What you see if you forget it:** {scene.forgotten}")
        if scene.see:
            said.append(f"* **See it:** `{scene.see}`")
        parts.append("\n".join(said))
    parts += [
        "## bash and stackctl",
        f"bash: {counted(bash, 'line')}, in this order. {file_name(stack)}: {counted(file, 'line')}, in any order.",
        "| | mistake | what happens with bash | noticed | with stackctl |\n|---|---|---|---|---|\n"
        + "\n".join(f"| {m.number} | {m.name} | {m.bash} | {m.noticed} | {m.stackctl} |" for m in MISTAKES),
    ]
    return "\n\n".join(parts) + "\n"


def _fence(language: str, text: str) -> str:
    """A block of code. Its fence is longer than any run of backticks in the text."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{clean(text)}\n{fence}"
