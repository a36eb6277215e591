"""stackctl lab"""

from __future__ import annotations

import csv
import getpass
import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
from msgspec import Struct

from stackctl.cli.global_options import GlobalOptions
from stackctl.cli.options import accept_global_options, output_option, pass_options, pass_settings
from stackctl.cli.output import write_text
from stackctl.cli.settings import Settings
from stackctl.errors import EngineError, StackError, UsageError
from stackctl.show.plan_text import plan_text
from stackctl.show.text.safe import one_line
from stackctl.show.text.style import style_for
from stackctl.spec.lint.rules import lint
from stackctl.spec.model import Stack
from stackctl.spec.source.loading import read_file
from stackctl.spec.source.reading import examine
from stackctl.spec.source.request import StackRequest
from stackctl.spec.source.toml import LARGEST
from stackctl.teach.explain.quiz import Question
from stackctl.teach.from_nothing import from_nothing
from stackctl.teach.lab.grading import COLUMNS, Submission, grades
from stackctl.teach.lab.hints import LEVELS, hint
from stackctl.teach.lab.judging import Judgement, judge
from stackctl.teach.lab.log import NAME as LOG
from stackctl.teach.lab.log import Entry, Log, log_line, read_log
from stackctl.teach.lab.making import Made, make
from stackctl.teach.lab.predict import (
    about_loss,
    about_order,
    about_recreation,
    chosen,
    question_text,
    truth_text,
)
from stackctl.teach.lab.text import judgement_text, lab_text, labs_text, wrapped

UNREPAIRED = 1
"""The exit code of `lab check` while something does not work."""
_TEXT = "LAB.txt"


class _Group(click.Group):
    """A group whose commands take the global options as well, and whose help lists the labs."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command = super().get_command(ctx, cmd_name)
        if command:
            accept_global_options(command)
        return command

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Labs"):
            formatter.write(f"{labs_text()}\n")
        super().format_options(ctx, formatter)


@click.group("lab", cls=_Group)
def command() -> None:
    """Repair a broken stack, with hints

    `lab start` writes a stack with mistakes into a directory. Everybody gets another one: names, values and mistakes follow from the
    student's id, and the same id gets the same lab again.

    \b
    Examples:
      stackctl lab start 1 --student ada    write the first lab into lab-1
      cd lab-1
      stackctl lab check                    what is repaired, what is not
      stackctl lab hint                     a hint; each call tells more
      stackctl lab grade class              for a teacher: a table of the class
      stackctl lab predict                  what will happen? then the truth
    """


directory_argument = click.argument(
    "directory", required=False, default=".", metavar="[DIR]", type=click.Path(path_type=Path)
)


@command.command("start")
@click.argument("number", type=int, metavar="N")
@click.option("--student", metavar="ID", help="Whose lab it is (your login name).")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="DIR", help="The new directory (lab-N)."
)
def start(number: int, student: str | None, output: Path | None) -> int:
    """Write lab N into a new directory

    The directory holds the broken stack.toml, the program that it runs, LAB.txt, which says what should work in the end, and
    lab.jsonl, the log of hints and attempts. `stackctl lab --help` says what each lab teaches.

    \b
    Examples:
      stackctl lab start 1                       for you, into lab-1
      stackctl lab start 3 --student ada         for ada, into lab-3
      stackctl lab start 3 --student ada -o ada
    """
    student = student or getpass.getuser()
    if not student.isprintable():
        raise UsageError(
            f"the id {student!r} has characters that cannot be shown", "give a plain text to --student"
        )
    made = make(number, student)
    directory = output or Path(f"lab-{number}")
    if directory.exists():
        raise UsageError(
            f"{directory} exists", "a lab is written into a new directory: give another one to -o"
        )
    text = lab_text(made)
    try:
        for name, content in {**made.files, _TEXT: text}.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{directory} cannot be written: {error.strerror}") from error
    _Here(directory, made, None).write(
        event="start", lab=number, student=made.names.student, seed=made.names.seed
    )
    print(f"{text}\nnext: cd {directory}")
    return 0


@command.command("hint")
@directory_argument
def tell_hint(directory: Path) -> int:
    """Tell more about the first mistake that is not repaired

    The first hint says what to look at, the second where it is, the third what is right and why. Then comes the next mistake. Each
    hint stands in the log.

    \b
    Examples:
      stackctl lab hint
    """
    here = _Here.find(directory)
    judged = here.judged()
    open_ = [n for n, each in enumerate(here.made.mistakes) if not judged.repaired(each)]
    if not open_:
        print("every mistake is repaired: stackctl lab check")
        return 0
    given = {n: sum(each.mistake == n for each in here.told.hints) for n in open_}
    number = next((n for n in open_ if given[n] < LEVELS), open_[0])
    level = min(given[number] + 1, LEVELS)
    here.write(event="hint", mistake=number, level=level)
    print(f"mistake {number + 1} of {len(here.made.mistakes)}, hint {level} of {LEVELS}:\n")
    for line in hint(here.made.mistakes[number], level):
        print("\n".join(wrapped(line)))
    return 0


@command.command("check")
@directory_argument
@click.option("--offline", is_flag=True, help="Do not bring the stack up: only what stack.toml tells.")
@pass_options
def check(options: GlobalOptions, directory: Path, *, offline: bool) -> int:
    """Say what is repaired and what is not

    What counts is what the containers would get, never the text of the file: every way that works is right. In a lab about running,
    the stack is brought up as well, as a project of its own on free ports, and asked; then it is removed. Your own stack goes on. The
    exit code is 1 until everything works.

    \b
    Examples:
      stackctl lab check
      stackctl lab check --offline
      stackctl lab check lab-2
    """
    here = _Here.find(directory)
    judged = here.judged()
    if judged.wants_trial and not offline:
        judged = _tried(options, here, judged)
    here.write_check(judged)
    print(judgement_text(judged, style_for(sys.stdout, no_color=not options.color)))
    return 0 if judged.whole else UNREPAIRED


def _tried(options: GlobalOptions, here: _Here, judged: Judgement) -> Judgement:
    """The judgement, with what the stack shows when it runs."""
    from stackctl.trial import try_out

    try:
        engine = Settings.of(options).engine()
        print("bringing the stack up, as a project of its own; it is removed again", file=sys.stderr)
        return judged.tried(try_out(here.made, here.directory / "stack.toml", engine))
    except EngineError as error:
        hint = "; ".join(filter(None, (error.hint, "--offline judges by the file alone")))
        raise EngineError(error.message, hint) from error


@command.command("grade")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@output_option
def grade(directory: Path, output: str) -> int:
    """Write the table of a class

    Who has repaired what, with how much help. DIR holds the directories of the labs, at any depth. The table is CSV: a line for each
    lab. What is repaired is judged again, by each stack.toml; hints, attempts and minutes come from the logs. `copy_of` names the
    student whose work a lab seems to be, `sure` says how sure that is, `note` says why.

    \b
    Examples:
      stackctl lab grade class                 to the terminal
      stackctl lab grade class -o grades.csv   for a spreadsheet
    """
    found = [*_submissions(directory)]
    if not found:
        raise UsageError(f"there is no lab below {directory}", f"a lab is a directory with {LOG} in it")
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows(each.cells for each in grades(found))
    write_text(output, text.getvalue())
    return 0


def _submissions(directory: Path) -> Iterator[Submission]:
    """The labs below a directory. What is no lab is named on stderr and left out."""
    for path in sorted(directory.rglob(LOG)):
        try:
            here = _Here.find(path.parent)
            judged, stack = here.judged_stack()
        except (StackError, OSError) as error:
            print(f"left out: {one_line(str(error))}", file=sys.stderr)
        else:
            yield Submission(path.parent.relative_to(directory), here.told, judged, stack)


_ABOUT = ("recreate", "order", "lost")


@command.command("predict")
@click.option(
    "--about",
    type=click.Choice(_ABOUT),
    help="What up recreates, the order of starts, or what down --volumes loses.",
)
@click.option("--answer", metavar="LETTER", help="The answer, instead of asking for it.")
@pass_settings
def predict(settings: Settings, *, about: str | None, answer: str | None) -> int:
    """Ask what will happen, then show it

    A question about the stack where you stand: which containers `stackctl up` recreates now, in which order they start, or what
    `stackctl down --volumes` loses. The truth is the real plan. Nothing is done. Without --about, the question is about what you have
    changed, or, if nothing is changed, about the order.

    \b
    Examples:
      stackctl lab predict                   change stack.toml, then ask
      stackctl lab predict --about order     needs no engine
      stackctl lab predict --about lost --answer a
    """
    question, truth = _question(settings, about)
    print(question_text(question))
    if answer is None:
        print("\nyour answer: ", end="", flush=True)
        answer = sys.stdin.readline()
        if not answer:
            raise UsageError("there is no answer", "give its letter: --answer a")
    choice = chosen(question, answer)
    print(f"\n{truth_text(question, choice)}")
    if truth:
        print(f"\n{truth}")
    return 0


def _question(settings: Settings, about: str | None) -> tuple[Question, str]:
    """The question, and the plan that has the answer."""
    stack = settings.load_asked((), strict=False)
    selection = settings.selection()
    if about == "order":
        return about_order(from_nothing(stack, selection)[0].desired), ""
    from stackctl.api import containers
    from stackctl.planner.before.images import ImageOptions
    from stackctl.planner.down import DownOptions
    from stackctl.planner.view.slots import UpOptions
    from stackctl.project import Project

    project = Project(stack, settings.engine())
    style = settings.style(sys.stdout)
    if about == "lost":
        plan = project.plan_down(DownOptions(volumes=True))
        volumes = from_nothing(stack, selection)[0].desired.volumes
        kept = [volume.name for volume in volumes if volume.external or volume.protect]
        return about_loss(plan, kept), plan_text(plan, style=style)
    up = project.plan(selection, UpOptions(), ImageOptions())
    there = {container.service for container in containers(project.engine, stack.project)}
    if about is None and not (there and up.changes):
        return about_order(from_nothing(stack, selection)[0].desired), ""
    return about_recreation(up, there), plan_text(up, style=style)


class _Here(Struct, frozen=True):
    """A lab in its directory. `log` is None while the lab is written."""

    directory: Path
    made: Made
    log: Log | None

    @classmethod
    def find(cls, directory: Path) -> _Here:
        path = directory / LOG
        try:
            found = read_log(read_file(path, LARGEST).decode())
        except FileNotFoundError:
            raise UsageError(
                f"{path} does not exist: this is not the directory of a lab",
                "cd into the directory that `stackctl lab start` has written",
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{path} cannot be read: {error}") from error
        if found is None:
            raise UsageError(f"{path} is not the log of a lab", "start the lab again in a new directory")
        return cls(directory, make(found.start.lab, found.start.student), found)

    @property
    def told(self) -> Log:
        assert self.log is not None
        return self.log

    def judged(self) -> Judgement:
        """What the stack.toml tells."""
        return self.judged_stack()[0]

    def judged_stack(self) -> tuple[Judgement, Stack | None]:
        """What the stack.toml tells. Only the lab's own .env has variables, so that it means the same on every machine."""
        request = StackRequest(files=[self.directory / "stack.toml"], directory=Path.cwd(), environ={})
        examined = examine(request, [lint])
        return judge(self.made, examined.stack, examined.problems), examined.stack

    def write(self, **what: object) -> None:
        """Add an entry to the log."""
        path = self.directory / LOG
        entry = Entry(at=datetime.now(UTC).replace(microsecond=0), **what)  # type: ignore[arg-type]
        try:
            before = path.read_text(encoding="utf-8") if path.exists() else ""
            with path.open("a", encoding="utf-8") as stream:
                stream.write(log_line(entry, before))
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}") from error

    def write_check(self, judged: Judgement) -> None:
        goals = {goal.key: judged.holds(goal.key) for goal in self.made.goals}
        self.write(
            event="check",
            repaired=judged.count,
            whole=judged.whole,
            ran=judged.trial is not None,
            goals=goals,
        )
