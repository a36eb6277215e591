"""The files whose content decides whether a job runs again."""

import errno
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path

from msgspec import structs

from stackctl.errors import Problem
from stackctl.spec.model import Job, Stack
from stackctl.spec.source.loading import open_file

MOST_FILES = 10_000
"""How many files one pattern may match."""
MOST_BYTES = 256 << 20
"""How many bytes the inputs of a job may have: every command that plans reads them."""
_HINT = "the pattern is relative to the stack.toml; ** stands for any directories"
_FEWER = "name the few files that the job reads"


def resolve(stack: Stack) -> tuple[Stack, list[Problem]]:
    """Fill in `inputs_digest` of every job that names inputs. Each pattern that matches no file is a problem."""
    problems: list[Problem] = []
    jobs = {}
    for name, job in stack.jobs.items():
        digest, found = _resolved(job, stack.directory)
        problems += (structs.replace(each, path=("jobs", name, *each.path)) for each in found)
        jobs[name] = structs.replace(job, inputs_digest=digest)
    return structs.replace(stack, jobs=jobs), problems


def _resolved(job: Job, base: Path) -> tuple[str, list[Problem]]:
    problems: list[Problem] = []
    found: set[Path] = set()
    for index, pattern in enumerate(job.inputs):
        path, hint = ("inputs", index), _HINT
        try:
            matching = {*islice(_files(base, pattern), MOST_FILES + 1)}
        except (ValueError, NotImplementedError, OSError) as error:
            matching, hint = set(), str(error)
        if not matching:
            problems.append(Problem(path, f"no file matches {pattern!r}", hint))
        if len(matching) > MOST_FILES:
            problems.append(Problem(path, f"more than {MOST_FILES:,} files match {pattern!r}", _FEWER))
        else:
            found |= matching
    try:
        digest = _digest(base, found) if found else ""
    except OSError as error:
        return "", [*problems, Problem(("inputs",), f"the files cannot be read: {error.strerror}", _FEWER)]
    return digest, problems


def _files(base: Path, pattern: str) -> Iterator[Path]:
    """The files that a glob names. A directory means all files below it."""
    for path in base.glob(pattern):
        below = path.rglob("*") if path.is_dir() else (path,)
        yield from (file for file in below if file.is_file())


def _digest(base: Path, files: Collection[Path]) -> str:
    """A digest of the files' names and contents. Times and permissions do not count. Raises OSError."""
    import hashlib  # it loads OpenSSL, and few stacks have jobs with inputs

    total, left = hashlib.sha256(), MOST_BYTES
    for path in sorted(files):
        total.update(f"{path.relative_to(base).as_posix()}\0{path.stat().st_size}\0".encode())
        with open_file(path) as file:
            while chunk := file.read(1 << 20):
                left -= len(chunk)
                if left < 0:
                    raise OSError(errno.EFBIG, f"they have more than {MOST_BYTES >> 20} MiB")
                total.update(chunk)
    return total.hexdigest()
