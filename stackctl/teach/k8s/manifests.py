"""Write a stack as manifests of Kubernetes. What Kubernetes cannot say is told with its key, and what to do."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from stackctl.errors import Problem, SpecError
from stackctl.planner.world.desired import Desired
from stackctl.spec.choosing import table
from stackctl.spec.model import Deploy, Hook, InitHook, Stack
from stackctl.teach.compose.texts import Keys
from stackctl.teach.compose.yaml import document
from stackctl.teach.k8s.contents import in_manifest
from stackctl.teach.k8s.context import PART_OF, Exporting, HostFiles
from stackctl.teach.k8s.keys import Report, tell_lost
from stackctl.teach.k8s.names import dns_name, free, same_names
from stackctl.teach.k8s.network import Port, named_by_others, networks_of, ports, services
from stackctl.teach.k8s.storage import is_database
from stackctl.teach.k8s.values import Values
from stackctl.teach.k8s.waits import job_rights
from stackctl.teach.k8s.workload import workload
from stackctl.teach.script_variables import ScriptVariables
from stackctl.teach.shell import comment

_WIDTH = 100
COMMON = "stack"
"""The file of what belongs to no service."""


class Manifests(Struct, frozen=True):
    """The manifests of a stack. `files`: those of each service, by its name; those of all are first, under the name `stack`."""

    project: str
    files: Mapping[str, tuple[Keys, ...]]
    secrets: Mapping[str, Mapping[str, bytes]]
    """The contents of the Secrets, by name. They do not stand in `files`."""
    lost: tuple[Problem, ...]

    def text(self, source: str) -> str:
        """All of it as one file. `source` is the name of the stack's file, for people."""
        manifests = [each for made in self.files.values() for each in made]
        return _documents(manifests, [*_head(self, source), *_report(self.lost)])

    def texts(self, source: str) -> dict[str, str]:
        """The text of each file of a directory, by name."""
        head = [*_head(self, source), *_report(self.lost)]
        found = {f"{name}.yaml": _documents(made, ()) for name, made in self.files.items() if made}
        return {"README.txt": "\n".join(head) + "\n", **found}

    def secrets_text(self) -> str:
        """The Secrets, with their contents."""
        return _documents(
            [_secret(name, contents, self.project) for name, contents in self.secrets.items()], ()
        )


def manifests(stack: Stack, desired: Desired, host_files: HostFiles) -> Manifests:
    """The manifests of a stack. `desired` has one container of each service.

    Raises SpecError if two services, volumes, secrets or configs would have one name in Kubernetes.
    """
    _check_names(stack, desired)
    secret = free(f"{dns_name(stack.project)}-env", map(dns_name, stack.secrets))
    export = Exporting(
        stack,
        desired,
        host_files,
        Values(secret, ScriptVariables.of(desired, taken=frozenset())),
        Report.empty(),
    )
    _find_secrets(export)
    for name, service in desired.services.items():
        tell_lost(export.report, service, (table(service), name), "services")
    named = named_by_others(export)
    found: dict[str, tuple[Port, ...]] = {each.service: ports(each, named) for each in desired.containers}
    made = {
        each.service: (
            *services(export, each, found[each.service], headless=is_database(each)),
            workload(export, each, found),
        )
        for each in desired.containers
    }
    common = (*job_rights(export), *export.config_maps.values(), *export.claims.values())
    _tell_rest(export)
    if export.values.keys:
        variables = {key: text.encode() for key, text in export.values.keys.items()}
        export.secrets[export.values.secret] = variables
    return Manifests(export.project, {COMMON: common, **made}, export.secrets, export.report.problems)


def _check_names(stack: Stack, desired: Desired) -> None:
    volumes = [each.key for each in desired.volumes]
    used = [
        (section, name) for each in desired.services.values() for section, name, _ in stack.sources_of(each)
    ]
    others = {"volumes": volumes} | {
        section: [name for place, name in used if place == section] for section in ("secrets", "configs")
    }
    if problems := [*same_names(desired.services, others)]:
        raise SpecError(problems)


def _find_secrets(export: Exporting) -> None:
    for spec in export.desired.containers:
        settings, deploy = spec.settings, spec.settings.deploy or Deploy()
        for name, text in spec.environment.items():
            export.values.find(text or "", name, spec.service)
        hooks: tuple[Hook | InitHook, ...] = (*settings.pre_start, *settings.post_start, *settings.pre_stop)
        for hook in hooks:
            for name, each in hook.environment.items():
                export.values.find(each.text or "", name, spec.service)
        for name, text in (*settings.labels.items(), *settings.annotations.items(), *deploy.labels.items()):
            export.values.find(text, name, spec.service)
        commands = [
            (spec.command, "command"),
            (spec.entrypoint, "entrypoint"),
            (spec.healthcheck.test if spec.healthcheck else (), "healthcheck"),
            *((hook.command.argv if hook.command else (), "command") for hook in hooks),
        ]
        for words, key in commands:
            export.values.find_words(words or (), key, spec.service)
    for config in export.stack.configs.values():
        export.values.find(config.content or "", "content", "")


def _tell_rest(export: Exporting) -> None:
    """Tell what is lost of the tables beside the services."""
    stack = export.stack
    networks_of(export)
    for network in export.desired.networks:
        if network.key in stack.networks:
            tell_lost(export.report, stack.networks[network.key], ("networks", network.key), "networks")
    for volume in export.desired.volumes:
        tell_lost(export.report, stack.volumes[volume.key], ("volumes", volume.key), "volumes")
    for service in export.desired.services.values():
        for section, name, source in stack.sources_of(service):
            tell_lost(export.report, source, (section, name), section)
    tell_lost(export.report, stack.tests, ("tests",), "tests")


def _secret(name: str, contents: Mapping[str, bytes], project: str) -> Keys:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": {PART_OF: project}},
        **in_manifest(contents, "stringData", "data"),
    }


def _documents(made: Iterable[Keys], head: Iterable[str]) -> str:
    top = "".join(f"# {comment(line)}".rstrip() + "\n" for line in head)
    return top + ("\n" if top else "") + "---\n".join(document(each, dense=True) for each in made)


def _head(made: Manifests, source: str) -> Iterator[str]:
    name = made.project
    lines = [(f"kubectl create namespace {name}", "a namespace of its own: names are short")]
    if made.secrets:
        lines.append((f"stackctl export k8s --secrets | kubectl -n {name} apply -f -", "the Secrets"))
    lines.append((f"kubectl -n {name} apply -f FILE", "bring it up, or change it"))
    lines.append((f"kubectl delete namespace {name}", "take it away, with its data"))
    width = max(len(line) for line, _ in lines)
    yield f"The stack {name}, written by `stackctl export k8s` from {source}."
    yield ""
    yield from (f"  {line:<{width + 3}}{what}" for line, what in lines)
    if made.secrets:
        yield ""
        yield "These Secrets do not stand here:"
        yield from (f"  {name}: {', '.join(contents)}" for name, contents in made.secrets.items())


def _report(lost: Iterable[Problem]) -> Iterator[str]:
    lost = [*lost]
    if not lost:
        return
    yield ""
    yield "What Kubernetes does not say, or says in another way:"
    for problem in lost:
        yield ""
        text = f"{problem.where}: {problem.message}"
        yield from textwrap.wrap(
            text,
            _WIDTH,
            initial_indent="  ",
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        if problem.hint:
            yield from textwrap.wrap(
                f"→ {problem.hint}",
                _WIDTH,
                initial_indent="    ",
                subsequent_indent="      ",
                break_long_words=False,
                break_on_hyphens=False,
            )
