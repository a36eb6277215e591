"""Read from a Dockerfile what must be known before a build: what the builder must be able to do, and which images it pulls.

Text in, values out.
"""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from collections.abc import Iterator

from msgspec import Struct

_CONTINUED = re.compile(r"\\[ \t]*\n(?:[ \t]*#[^\n]*\n)*")
_HEREDOC = re.compile(r"(?:^|\s)\d*<<-?([\"']?)[A-Za-z_]\w*\1(?:\s|$)")
_FLAGS = {
    "RUN": ("--mount", "--network", "--security"),
    "COPY": ("--link", "--chmod", "--parents", "--exclude"),
    "ADD": ("--link", "--chmod", "--checksum", "--keep-git-dir", "--exclude", "--unpack"),
}
_STANDARD_SYNTAX = re.compile(r"(?:docker\.io/)?docker/dockerfile(?::|@|$)")


def needs_buildkit(text: str) -> str:
    """The first thing that the engine's own builder cannot do, as `line N: …`; "" if it can do everything.

    `# syntax=docker/dockerfile:1` alone does no harm: the engine's own builder takes it for a comment.
    """
    syntax = re.match(r"(?:#.*\n)*?#\s*syntax\s*=\s*(\S+)", text, re.IGNORECASE)
    if syntax and not _STANDARD_SYNTAX.match(syntax[1]):
        return f"# syntax={syntax[1]}"
    for line, keyword, rest in _instructions(text):
        flags = re.match(r"(?:--\S+\s+)*", rest + " ")
        used = {flag.partition("=")[0] for flag in (flags[0] if flags else "").split()}
        for flag in _FLAGS.get(keyword, ()):
            if flag in used:
                return f"line {line}: {keyword} {flag}"
        if keyword == "FROM" and re.match(r"--platform=\S*\$", rest):
            return f"line {line}: FROM {rest.split()[0]}"
        if keyword in _FLAGS and _HEREDOC.search(rest) and not rest.startswith("["):
            return f"line {line}: {keyword} with a here-document"
    return ""


def base_images(text: str) -> list[str]:
    """The images that the Dockerfile builds on. Its own stages, and images whose name depends on an argument, are left out."""
    stages: set[str] = set()
    images: list[str] = []
    for _, keyword, rest in _instructions(text):
        words = [word for word in rest.split() if not word.startswith("--")]
        if keyword != "FROM" or not words:
            continue
        if words[0] != "scratch" and words[0].lower() not in stages and "$" not in words[0]:
            images.append(words[0])
        if len(words) == 3 and words[1].upper() == "AS":
            stages.add(words[2].lower())
    return list(dict.fromkeys(images))


def named_files(text: str) -> list[str]:
    """What the Dockerfile takes from its context by name, such as `requirements.txt` or `package*.json`: files, directories and
    patterns.
    """
    found: list[str] = []
    for _, keyword, rest in _instructions(text):
        flags: list[str] = []
        others: list[str] = []
        for word in (
            re.sub(r"^((?:--\S+\s+)*)\[(.*)\]$", r"\1\2", rest).replace('"', " ").replace(",", " , ").split()
        ):
            (flags if word.startswith("--") else others).append(word)
        if keyword in ("COPY", "ADD") and not any(flag.startswith("--from") for flag in flags):
            found += [word for word in others if word != ","][:-1]
        elif keyword == "RUN":
            found += re.findall(r"--mount=\S*\b(?:source|src)=([^,\s]+)", rest)
    return [name.removeprefix("./") for name in found]


class Copied(Struct, frozen=True):
    """A path of the context, or a pattern of paths, that a COPY or ADD takes into the image that is built."""

    source: str
    target: str
    """The absolute path in the image; "" if the Dockerfile does not tell, or if only another stage gets it."""
    used: bool
    """Whether a RUN, or another stage, makes something of it: then a copy of the file alone is not enough."""


def copied(text: str, stage: str | None = None) -> list[Copied]:
    """What the image of a stage, or of the last one, has from its context: in the order of the Dockerfile."""
    stages = _stages(text)
    if not stages:
        return []
    last = next((s for s in stages if s.name == (stage or "").lower()), stages[-1]) if stage else stages[-1]
    chain = [last]
    while base := next((s for s in stages if s.name and s.name == chain[0].base), None):
        chain.insert(0, base)
    kept, work = list[Copied](), ""
    instructions = [(stage, *each) for stage in chain for each in stage.instructions]
    runs = [number for number, (_, keyword, _) in enumerate(instructions) if keyword == "RUN"]
    from_stages: set[str] = set()
    for number, (_, keyword, rest) in enumerate(instructions):
        if keyword == "WORKDIR":
            work = (
                ""
                if "$" in rest
                else posixpath.join(work, rest.strip('"'))
                if work or rest[:1] in '/"'
                else ""
            )
        elif keyword in ("COPY", "ADD"):
            flags, words = _words(rest)
            from_stages |= {flag.partition("=")[2].lower() for flag in flags if flag.startswith("--from=")}
            if not from_stages & {flag.partition("=")[2].lower() for flag in flags}:
                used = bool(runs) and runs[-1] > number
                kept += _each(words, work, used=used)
    others = [s for s in stages if s not in chain and (s.name in from_stages or str(s.number) in from_stages)]
    for other in others:
        for keyword, rest in other.instructions:
            flags, words = _words(rest)
            if keyword in ("COPY", "ADD") and not any(flag.startswith("--from") for flag in flags):
                kept += [Copied(each.source, "", used=True) for each in _each(words, "", used=True)]
    return kept


class _Stage(Struct):
    number: int
    name: str
    base: str
    instructions: list[tuple[str, str]]


def _stages(text: str) -> list[_Stage]:
    stages: list[_Stage] = []
    for _, keyword, rest in _instructions(text):
        if keyword == "FROM":
            words = [word for word in rest.split() if not word.startswith("--")]
            name = words[2].lower() if len(words) == 3 and words[1].upper() == "AS" else ""
            stages.append(_Stage(len(stages), name, words[0].lower() if words else "", []))
        elif stages:
            stages[-1].instructions.append((keyword, rest))
    return stages


def _words(rest: str) -> tuple[list[str], list[str]]:
    """The options and the other words of a COPY."""
    found = re.match(r"((?:--\S+\s+)*)(.*)", rest)
    assert found
    try:
        words = json.loads(found[2]) if found[2].startswith("[") else shlex.split(found[2])
    except ValueError:
        words = found[2].split()
    return found[1].split(), [str(word) for word in words]


def _each(words: list[str], work: str, *, used: bool) -> Iterator[Copied]:
    """The sources of a COPY with their targets. What an argument decides, and what comes from elsewhere, is left out."""
    *sources, target = words or [""]
    if any(word.startswith("<<") for word in words):
        return
    for source in sources:
        if "$" in source or "://" in source or source.startswith("git@"):
            continue
        into = target.endswith(("/", ".")) or len(sources) > 1
        known = "" if "$" in target or not (work or target.startswith("/")) else posixpath.join(work, target)
        yield Copied(source, known + ("/" if into and known and not known.endswith("/") else ""), used)


def _instructions(text: str) -> Iterator[tuple[int, str, str]]:
    """Line number, keyword in capitals and the rest of every instruction. Continued lines are joined."""
    number = 1
    joined = _CONTINUED.sub(lambda match: "\0" * match[0].count("\n"), text.replace("\r\n", "\n"))
    for line in joined.split("\n"):
        keyword, _, rest = line.replace("\0", " ").strip().partition(" ")
        if keyword and not keyword.startswith("#"):
            yield number, keyword.upper(), rest.strip()
        number += 1 + line.count("\0")
