"""The files whose content decides whether a job runs again."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import structs

from stackctl.errors import Problem
from stackctl.spec.model import Stack


def resolve(stack: Stack) -> tuple[Stack, list[Problem]]:
    """Fill in `inputs_digest` of every job that names inputs. Each pattern that matches no file is a problem."""
    problems: list[Problem] = []
    jobs = {}
    for name, job in stack.jobs.items():
        found: set[Path] = set()
        for index, pattern in enumerate(job.inputs):
            try:
                matching = set(_files(stack.directory, pattern))
            except (ValueError, NotImplementedError, OSError) as error:
                matching, hint = set(), str(error)
            else:
                hint = "the pattern is relative to the stack.toml; ** stands for any directories"
            if not matching:
                path = ("jobs", name, "inputs", index)
                problems.append(Problem(path, f"no file matches {pattern!r}", hint))
            found |= matching
        digest = _digest(stack.directory, sorted(found)) if found else ""
        jobs[name] = structs.replace(job, inputs_digest=digest)
    return structs.replace(stack, jobs=jobs), problems


def _files(base: Path, pattern: str) -> Iterator[Path]:
    """The files that a glob names. A directory means all files below it."""
    for path in base.glob(pattern):
        yield from (inner for inner in path.rglob("*") if inner.is_file()) if path.is_dir() else (path,)


def _digest(base: Path, files: Sequence[Path]) -> str:
    """A digest of the files' names and contents. Times and permissions do not count."""
    import hashlib  # it loads OpenSSL, and few stacks have jobs with inputs

    total = hashlib.sha256()
    for path in files:
        total.update(f"{path.relative_to(base).as_posix()}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                total.update(chunk)
    return total.hexdigest()
