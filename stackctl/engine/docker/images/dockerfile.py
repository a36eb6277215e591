"""Read from a Dockerfile what must be known before a build: what the builder must be able to do, and which images it pulls.

Text in, values out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

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


def _instructions(text: str) -> Iterator[tuple[int, str, str]]:
    """Line number, keyword in capitals and the rest of every instruction. Continued lines are joined."""
    number = 1
    joined = _CONTINUED.sub(lambda match: "\0" * match[0].count("\n"), text.replace("\r\n", "\n"))
    for line in joined.split("\n"):
        keyword, _, rest = line.replace("\0", " ").strip().partition(" ")
        if keyword and not keyword.startswith("#"):
            yield number, keyword.upper(), rest.strip()
        number += 1 + line.count("\0")
