"""Random and damaged inputs of each kind that people give to stackctl: the same seed gives the same input.

    python tests/hostile/fuzz.py [toml|yaml|env|script] [NUMBER]

It tries NUMBER inputs of each kind (10,000), and prints how many ended as they must, the slowest, and the memory. The time is that of the
processor: what else the machine does counts for nothing.
"""

from __future__ import annotations

import random
import re
import resource
import string
import sys
import tempfile
import time
import tomllib
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "convert"))

from damaged_scripts import SCRIPTS, damaged  # noqa: E402

from stackctl.convert.importing import import_script  # noqa: E402
from stackctl.errors import SpecError, StackError, UsageError  # noqa: E402
from stackctl.show.error_text import error_text  # noqa: E402
from stackctl.show.text.style import Style  # noqa: E402
from stackctl.spec.lint.rules import lint  # noqa: E402
from stackctl.spec.source.reading import read  # noqa: E402
from stackctl.spec.source.request import StackRequest  # noqa: E402

SECONDS = 1.0
MEGABYTES = 200
_CONTROL = re.compile(r"[^\S\n ]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def _texts(*patterns: str) -> list[str]:
    return [path.read_text() for pattern in patterns for path in sorted(ROOT.glob(pattern))]


_YAML = """\
name: ${NAME:-shop}
x-all: &all
  restart: unless-stopped
  environment: &env {A: "${A:-1}", B: yes}
services:
  web:
    <<: *all
    build: {context: ., args: [X=1], dockerfile_inline: "FROM a"}
    ports: ["8000:80", {target: 81, published: "9-10"}]
    depends_on: {db: {condition: service_healthy}}
    volumes: ["data:/data:ro", ./src:/src, {type: tmpfs, target: /t}]
    healthcheck: {test: [CMD, x], interval: 1s}
    deploy: {replicas: 2, resources: {limits: {memory: 1g}}}
    develop: {watch: [{path: ./src, action: sync, target: /src}]}
  db:
    image: postgres:15
    extends: {service: base}
    environment: [POSTGRES_PASSWORD=x, "C"]
    networks: {back: , default: {aliases: [x]}}
    secrets: [pw, {source: pw, target: /x, mode: 0400}]
    command: >
      a 'b
      c'
  base: {image: "a:${TAG?no tag}", env_file: [{path: .env, required: false}]}
networks: {back: {internal: true, ipam: {config: [{subnet: 10.1.0.0/24}]}}}
volumes:
  data: !override {}
secrets: {pw: {environment: PW}}
configs: {c: {content: "a ${A}"}}
"""
_ENV = """\
# a comment
A=1
export B='two words'
C="a \\"b\\" ${A:-x} $$ \\n"
D: yaml
E
F=${C}${C}
G="two
lines"
H=a # comment
"""
SEEDS = {
    "toml": _texts("stack.toml", "examples/*/stack*.toml"),
    "yaml": [_YAML, *_texts("examples/*/compose*.yaml", "examples/*/*.yml")],
    "env": [_ENV, *_texts("examples/*/.env*", ".env.example")],
    "script": [*SCRIPTS, *_texts("examples/*/*.sh", "tests/docker/*.sh")],
}
_PIECES = {
    "toml": ["[", "]", "{", "}", '"', "'", '"""', "'''", "=", ",", ".", "\n", "[[", "]]", "#", "\\", "services", "[services.x]\n", "x-", "1979-05-27"],
    "yaml": ["[", "]", "{", "}", "'", '"', ": ", "- ", ",", "\n", "\n  ", "\t", "&all", "*all", "*env", "<<: *all", "!reset ", "!override ", "!!int ",
             "!!python/object:x ", "|\n", ">\n", "---\n", "...\n", "? ", "#", "%YAML 1.2\n", "~", "services:\n", "extends: web", "include: [compose.yaml]\n"],
    "env": ["=", "'", '"', "\\", "#", "\n", "export ", ":", " ", "\r\n", "A", "${A}", "\\\n", "`id`", "$(id)"],
    "script": ["$( ", ")", "`", "'", '"', "\\\n", "<<EOF\n", "EOF\n", "<<-'X'\n", "&&", "|", ";", "if ", "then ", "fi\n", "for i in 1 2; do ", "done\n",
               "{1..99999}", "$((", "))", "docker run -d ", "docker compose up", "while :; do ", "case x in ", "esac", "f() { f; }; f\n", "-p 1:1 ", "[[ "],
}  # fmt: skip
_ANY = ["$", "${", "}", "${A:-", "${services.web.url}", "${A:?", "-1", "1e999", "9" * 40, "0x", "nan", "null", "true", "[]", "{}", "..", "../../x", "~/x",
        "/dev/zero", "\0", "\x1b[2J", "\x1b]52;c;eA==\a", "\x85", "\u202e", "\u2028", "\ufeff", "é", "😀", "\ue000", "\r", "\x7f", "a" * 300, "/" * 50]  # fmt: skip
_ENVIRON = {
    name: "8000" for texts in SEEDS.values() for text in texts for name in re.findall(r"\$\{?([A-Z_]+)", text)
}
_WORD = re.compile(r"[A-Za-z_][\w.-]*")


def made(kind: str, seed: int) -> bytes:
    """An input. Most are real texts that somebody has damaged; a few are only noise of the language's own pieces."""
    chosen = random.Random(f"{kind} {seed}")
    if kind == "script" and seed % 2:
        return damaged(seed).encode()
    pieces = [*_PIECES[kind], *_ANY]
    if not chosen.randrange(12):
        letters = [*pieces, *string.printable, *_WORD.findall(chosen.choice(SEEDS[kind]))]
        text = "".join(chosen.choices(letters, k=chosen.randint(0, 200)))
    else:
        text = chosen.choice(SEEDS[kind])
        for _ in range(chosen.randint(1, 8)):
            text = _changed(text, chosen, pieces, SEEDS[kind])
    data = text.encode(errors="surrogatepass")
    match chosen.randrange(24):
        case 0:
            at = chosen.randrange(len(data) + 1)
            data = data[:at] + chosen.randbytes(chosen.randint(1, 4)) + data[at:]
        case 1:
            data = data.replace(b"\n", b"\r\n")
        case 2:
            data = b"\xef\xbb\xbf" + data
        case 3:
            data = data[: chosen.randrange(len(data) + 1)]
    return data


def _changed(text: str, chosen: random.Random, pieces: list[str], others: list[str]) -> str:
    start = chosen.randrange(len(text) + 1)
    end = min(len(text), start + chosen.randint(0, 60))
    lines = text.split("\n")
    line = chosen.randrange(len(lines))
    match chosen.randrange(11):
        case 0:
            return text[:start] + text[end:]
        case 1 | 2:
            return text[:start] + chosen.choice(pieces) + text[start:]
        case 3:
            return text[:start] + text[start:end] * chosen.choice((2, 3, 40, 400)) + text[end:]
        case 4:
            return "\n".join([*lines[:line], chosen.choice(chosen.choice(others).split("\n")), *lines[line:]])
        case 5:  # a line twice, or at another place
            there = chosen.randrange(len(lines) + 1)
            return "\n".join([*lines[:there], lines[line], *lines[there:]])
        case 6:  # one word in place of another
            words = [*_WORD.finditer(text)]
            if not words:
                return text
            word, other = chosen.choice(words), chosen.choice(words)
            return text[: word.start()] + other[0] + text[word.end() :]
        case 7:  # a value of another kind
            head, mark, _ = lines[line].partition(chosen.choice("=:"))
            return "\n".join([*lines[:line], head + mark + " " + chosen.choice(_ANY), *lines[line + 1 :]])
        case 8:  # very deep
            opened, closed = chosen.choice(
                (("[", "]"), ("{a=", "}"), ("{a: ", "}"), ("${A:-", "}"), ("$(", ")"), ("a.", ""))
            )
            depth = chosen.choice((5, 70, 3000))
            return (
                text[:start]
                + opened * depth
                + "1"
                + closed * chosen.choice((depth, depth - 1))
                + text[start:]
            )
        case 9:
            return text[:start] + "".join(chr(chosen.choice((chosen.randrange(160), chosen.randrange(0xD7FF)))) for _ in range(4)) + text[start:]  # fmt: skip
    donor = chosen.choice(others)
    return text[:start] + donor[chosen.randrange(len(donor) + 1) :][:400] + text[end:]


_FILES = {"toml": "stack.toml", "yaml": "compose.yaml", "env": ".env"}
_USER = (
    '[services.a]\nimage = "a:${TAG:-1}"\nenv_file = ".env"\nenvironment = { X = "${A:-}", Y = "${C:-}" }\n'
)


def tried(kind: str, data: bytes, directory: Path) -> str:
    """What became of an input. Raises AssertionError for an error without words or place, or with control characters; whatever else is
    raised is a mistake of stackctl.
    """
    try:
        if kind == "script":
            text = data.decode(errors="replace")
            tomllib.loads(import_script("run.sh", text, env=bool(len(data) % 2)).text)
        else:
            if kind == "env":
                (directory / "stack.toml").write_text(_USER)
            (directory / _FILES[kind]).write_bytes(data)
            read(StackRequest(directory=directory, environ=_ENVIRON), [lint])
    except StackError as error:
        judge(error)
        return "refused"
    return "read"


def judge(error: StackError) -> None:
    """Raises AssertionError unless an error has words and places, without control characters."""
    said = error_text(error, Style(color=False, width=100))
    assert said.strip()
    assert not _CONTROL.search(said), repr(_CONTROL.search(said))
    if isinstance(error, SpecError):
        assert all(problem.message for problem in error.problems)
        # only what is wrong with all of it has no place
        assert all(problem.place or not problem.path for problem in error.problems)
    else:
        assert isinstance(error, UsageError)


def inputs(kind: str, numbers: range) -> Iterator[tuple[int, bytes]]:
    return ((seed, made(kind, seed)) for seed in numbers)


def run(kind: str, number: int, tell: Callable[[str], object] = print) -> bool:
    """Try inputs of a kind, and tell how they ended. Gives whether all of them ended as they must."""
    result: Counter[str] = Counter()
    times: list[tuple[float, int]] = []
    with tempfile.TemporaryDirectory() as folder:
        for seed, data in inputs(kind, range(number)):
            start = time.process_time()
            try:
                result[tried(kind, data, Path(folder))] += 1
            except Exception:
                result["wrong"] += 1
                tell(f"{kind} {seed}: {traceback.format_exc()[-900:]}")
            times.append((time.process_time() - start, seed))
    times.sort(reverse=True)
    slow = sum(taken > SECONDS for taken, _ in times)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    slowest = ", ".join(f"{taken:.2f} s (seed {seed})" for taken, seed in times[:3])
    tell(
        f"{kind}: {number - result['wrong']:,} of {number:,} right: {result['read']:,} read, {result['refused']:,} refused; "
        f"{slow} slower than {SECONDS} s; the slowest {slowest}; {memory} MB at most"
    )
    return not result["wrong"] and not slow and memory <= MEGABYTES


if __name__ == "__main__":
    kinds = [word for word in sys.argv[1:] if word in SEEDS] or [*SEEDS]
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()] or [10_000]
    ended = [run(kind, numbers[0]) for kind in kinds]
    sys.exit(not all(ended))
