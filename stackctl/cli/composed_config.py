"""A stack as `docker compose config` prints it."""

from __future__ import annotations

from collections.abc import Collection
from graphlib import TopologicalSorter
from typing import Any

from stackctl.cli.settings import Settings
from stackctl.errors import Problem, SpecError
from stackctl.planner.world.desire import desire
from stackctl.spec.choosing import select
from stackctl.spec.compose.composed import as_json, composed
from stackctl.spec.compose.said import Context
from stackctl.spec.output.redact import redacted
from stackctl.spec.scaling import one_each
from stackctl.spec.source.reading import Written, examine_written, gather, placing
from stackctl.teach.compose.file import compose_tree
from stackctl.teach.compose.yaml import document

_HIDDEN = "Secrets are shown as dots; --show-secrets shows them."


def composed_config(settings: Settings, services: Collection[str], form: str, *, secrets: bool = True) -> str:
    """The text that `docker compose config --format FORM` prints for these services; for a stack.toml, what it would print for the
    compose.yaml that does the same. Without `secrets` there are dots for them.

    Keys of Compose that stackctl does not support are no mistakes here. Raises SpecError for any other mistake.
    """
    written = gather(settings.request(services, strict=True))
    context = Context(written.directory, written.lookup.get, yaml=form == "yaml")
    if written.said is None:
        found = _of_toml(settings, services, context)
    else:
        found = _of_compose(settings, services, written, context)
    shown = found if secrets else redacted(found)
    if form == "json":
        return as_json(shown)
    return document(shown, head=[] if shown == found else [_HIDDEN]).replace("$", "$$")


def names_of_compose(settings: Settings, services: Collection[str], view: str) -> list[str] | None:
    """What `docker compose config` lists for compose files: `services`, dependencies first; `images`, one for each service;
    `volumes` and `networks` that a service uses. None if the stack is not made of compose files.
    """
    written = gather(settings.request(services, strict=True))
    if written.said is None:
        return None
    found = _of_compose(settings, services, written, Context(written.directory, written.lookup.get))
    if view == "services":
        needs = {name: sorted(each.get("depends_on", ())) for name, each in found["services"].items()}
        return [name for name in TopologicalSorter(needs).static_order() if name in needs]
    if view == "images":
        return [each.get("image") or f"{found['name']}-{name}" for name, each in found["services"].items()]
    return [*found.get(view, ())]


def _of_compose(
    settings: Settings, services: Collection[str], written: Written, context: Context
) -> dict[str, Any]:
    request = settings.request(services, strict=True)
    read = examine_written(written, request, refuse=False)
    problems = [problem for problem in read.problems if not _is_of_content(problem)]
    if read.stack is None or any(problem.severity == "error" for problem in problems):
        raise SpecError(problems)
    settings.warn(problem for problem in problems if problem.severity == "warning")
    stack = read.stack
    with placing(stack):
        chosen = select(stack, services, settings.profiles)
    environments = {name: service.resolved for name, service in chosen.items()}
    assert written.said is not None
    return composed(written.said, context, name=stack.project, services=chosen, environments=environments)


def _is_of_content(problem: Problem) -> bool:
    """Whether a problem is about what a secret or a config holds: the document does not have it."""
    return problem.path[:1] in (("secrets",), ("configs",)) and problem.path[2:] in (
        ("file",),
        ("environment",),
    )


def _of_toml(settings: Settings, services: Collection[str], context: Context) -> dict[str, Any]:
    stack = settings.load_asked(services, strict=False)
    with placing(stack):
        desired = desire(one_each(stack), instance="", services=services, profiles=settings.profiles)
    environments = {each.service: each.environment for each in desired.containers}
    return composed(compose_tree(stack, desired), context, name=stack.project, environments=environments)
