"""stackctl import"""

from __future__ import annotations

import os
import posixpath
import shlex
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import click
from msgspec.structs import replace

from stackctl.cli.dotenv_file import add_variables, ignore
from stackctl.cli.global_options import GlobalOptions
from stackctl.cli.options import pass_options
from stackctl.cli.requests import request_of
from stackctl.convert.bash.grammar import DOCKER
from stackctl.convert.importing import Imported, import_script
from stackctl.errors import SpecError, UsageError
from stackctl.show.problems import problems_text
from stackctl.show.text.amounts import counted
from stackctl.show.text.fold import folded
from stackctl.show.text.safe import one_line
from stackctl.show.text.style import Style, style_for
from stackctl.spec.known_images import KnownImages
from stackctl.spec.source.discovery import NAME
from stackctl.spec.source.environment import lookup_of
from stackctl.spec.source.loading import read_file
from stackctl.spec.source.reading import read_known_images
from stackctl.spec.source.toml import LARGEST

_THIS_USER = {"UID": str(os.getuid()), "GID": str(os.getgid())}
"""What `$(id -u)` and `$(id -g)` are here."""


class _Command(click.Command):
    """A command before which nobody has to write `--` for the words of a `docker run`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, ["--", *args] if args and _is_docker(args[0]) else args)


@click.command("import", cls=_Command)
@click.argument(
    "words", nargs=-1, required=True, type=click.UNPROCESSED, metavar="SCRIPT|-|COMPOSE_FILE|docker run …"
)
@click.option("-o", "--output", metavar="FILE", help="Write FILE, and the variables into the .env beside it.")
@click.option("--env-out", metavar="FILE", help="Write the variables into this file.")
@click.option(
    "--record", is_flag=True, help="Run the script where nothing can leave, and import what it does."
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask before --record runs the script.")
@pass_options
def command(
    options: GlobalOptions,
    words: tuple[str, ...],
    output: str | None,
    env_out: str | None,
    *,
    record: bool,
    yes: bool,
) -> int:
    """Write a stack.toml from a compose.yaml or a bash script

    A compose.yaml keeps its keys and its meaning. A script is read, not run; words after it are its arguments. What means something
    else now, what cannot be known, and what a stack.toml cannot say is noted with its line. At the end stand the mistakes in the
    file. No file is ever overwritten.

    With --record the script is run, without network, files of yours or an engine, with a docker that only writes down its words.

    \b
    Examples:
      stackctl import compose.yaml -o stack.toml
      stackctl import run.sh                   show what the script becomes
      stackctl import run.sh -o stack.toml     write it; passwords go into .env
      stackctl import docker run -d nginx      one command
      stackctl import run.sh --record          for a script with hard loops and $(…)
      history | stackctl import -              what was typed before
    """
    env_file = Path(env_out) if env_out else Path(output).absolute().parent / ".env" if output else None
    if output and Path(output).exists():
        raise UsageError(f"{output} exists", "import never overwrites: remove it, or give another name to -o")
    directory = Path(output).absolute().parent if output else Path.cwd()
    reading = partial(
        import_script,
        env=env_file is not None,
        images=_known_images(directory),
        directory=directory,
        environ=_THIS_USER,
    )
    if record:
        imported = _import_recorded(words, reading, yes=yes)
    elif _is_compose(words[0]):
        imported = _import_compose(words, directory, options)
    elif _is_docker(words[0]):
        imported = reading("the command line", shlex.join(words))
    else:
        imported = reading(*_script(words[0]), words[1:])
    wrote = []
    to_give: list[str] = []
    if output:
        _write(Path(output), imported.text)
        wrote.append((output, counted(len(imported.stack.everything), "service")))
    if env_file and imported.variables:
        added = add_variables(env_file, imported.variables, mode=0o600)
        to_give = [name for name in added if name in imported.unknown]
        told = any(name not in imported.unknown and name not in _THIS_USER for name in added)
        wrote += _wrote_variables(env_file, told, to_give) if added else []
    if not output:
        print(imported.text, end="")
    for name, what in wrote:
        print(f"wrote {name:<18} {what}", file=sys.stdout if output else sys.stderr)
    if output:
        style = style_for(sys.stdout, no_color=not options.color)
        then = folded(f"next: {_next(imported, words[0], output, to_give)}", style.width, " " * 6)
        kind = "file" if _is_compose(words[0]) else "script"
        print("\n".join([*_told(imported, words[0], style, kind), "", *then]))
    return 0


def _is_compose(word: str) -> bool:
    return Path(word).suffix in (".yaml", ".yml")


def _is_docker(word: str) -> bool:
    """Whether the word begins a command of docker, and is no script."""
    return posixpath.basename(word) in (*DOCKER, "sudo") and not Path(word).is_file()


def _import_compose(words: tuple[str, ...], directory: Path, options: GlobalOptions) -> Imported:
    from stackctl.convert.composed import import_compose

    if len(words) > 1:
        raise UsageError(f"{words[1]} is too much", "a compose file has no arguments")
    file, text = _script(words[0])
    request = replace(request_of(options), directory=directory)
    lookup, problems = lookup_of(request, directory)
    if any(problem.severity == "error" for problem in problems):
        raise SpecError(problems)
    variables: dict[str, str] = {}
    for source in reversed(lookup.sources):
        variables |= source.values
    return import_compose(
        file, text, images=_known_images(directory), directory=directory, variables=variables
    )


def _known_images(directory: Path) -> KnownImages:
    """The images that will be known to the stack."""
    images, problems = read_known_images(directory, Path.cwd())
    if problems:
        raise SpecError(tuple(problems))
    return images


def _import_recorded(words: tuple[str, ...], reading: Callable[..., Imported], *, yes: bool) -> Imported:
    """Run the script in the sandbox, and import the commands that it gave."""
    from stackctl.cli import sandbox

    if _is_docker(words[0]):
        raise UsageError("--record runs a script", "a single command needs no run: leave out --record")
    file, text = _script(words[0])
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(
                "--record runs the script, and nobody can be asked here", "read it, and give --yes"
            )
        for line in text.splitlines():
            click.echo(f"  {one_line(line)}", err=True)
        click.confirm(f"Run {one_line(file)}, without network and without your files?", abort=True, err=True)
    recorded = sandbox.record(text, words[1:])
    if recorded.ended:
        message = f"{one_line(file)}: {recorded.ended}: what it would do after that is not imported"
        click.echo(message, err=True)
    return reading(f"{file}, recorded", recorded.text)


def _script(file: str) -> tuple[str, str]:
    """The name and the text of a script."""
    if file == "-":
        return "stdin", _typed()
    try:
        return file, read_file(Path(file), LARGEST, given=True).decode(errors="replace")
    except OSError as error:
        hint = "give a script, - for the standard input, or docker run …"
        raise UsageError(f"{file} cannot be read: {error.strerror}", hint) from error


def _typed() -> str:
    data = sys.stdin.buffer.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise UsageError(f"the standard input has more than {LARGEST:,} bytes", "is this a script?")
    return data.decode(errors="replace")


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error


def _wrote_variables(path: Path, told: bool, to_give: list[str]) -> list[tuple[str, str]]:
    held = ["passwords of the script"] if told else []
    held += [counted(len(to_give), "placeholder")] if to_give else []
    wrote = [(str(path.name), f"values of the variables{': ' if held else ''}{' and '.join(held)}")]
    if path.name == ".env" and ignore(path.parent / ".gitignore"):
        wrote.append((".gitignore", "keeps .env out of git"))
    return wrote


def _told(imported: Imported, file: str, style: Style, kind: str) -> Iterator[str]:
    """What a person should know after the file was written: notes, and mistakes in the script or file."""
    if imported.notes:
        yield "\nNot taken over, or not as it was:"
    for note in imported.notes:
        line = f"  {one_line(file)}:{note.line}:{note.column}: {one_line(note.message)}"
        yield from folded(line, style.width, " " * 6)
    if imported.problems:
        yield f"\nMistakes in the {kind}:\n{problems_text(imported.problems, style)}"


def _next(imported: Imported, file: str, output: str, to_give: list[str]) -> str:
    """What a person does next. `to_give` are the variables whose values in the `.env` are placeholders."""
    if imported.left_out:
        left_out = counted(imported.left_out, "container")
        return f"repair {one_line(file)}, remove {one_line(output)} and import again: {left_out} could not be read"
    steps = []
    if to_give:
        steps.append(
            f"write {'the value' if len(to_give) == 1 else 'the values'} of {', '.join(to_give)} into .env"
        )
    if not imported.runs:
        steps.append(f"repair the errors in {one_line(output)}")
    return ", then ".join([*steps, f"stackctl{'' if output == NAME else f' -f {shlex.quote(output)}'} up"])
