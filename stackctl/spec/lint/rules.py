"""The rules that find mistakes before anything runs. Each rule is one function, whose docstring is the rule's help page."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import get_args

from msgspec import Struct, structs

from stackctl.errors import Problem, Severity
from stackctl.spec.lint.environment import missing_variables, misspelt_variables
from stackctl.spec.lint.names import duplicate_container_names, undefined_names, unknown_hosts
from stackctl.spec.lint.order import circular_dependencies, unwaited_services
from stackctl.spec.lint.ports import duplicate_ports
from stackctl.spec.lint.subject import Subject
from stackctl.spec.lint.unkept_data import unkept_data
from stackctl.spec.model import Stack


class Rule(Struct, frozen=True):
    """A rule. `find` yields problems without the number of the rule: `lint` fills it in.

    `severity` is the gravest that a problem of the rule has. `find` may give a problem a weaker one.
    """

    title: str
    severity: Severity
    find: Callable[[Subject], Iterator[Problem]]


RULES: Mapping[str, Rule] = {
    "SC101": Rule("Undefined name", "error", undefined_names),
    "SC102": Rule("Unknown host", "error", unknown_hosts),
    "SC109": Rule("Container name taken twice", "error", duplicate_container_names),
    "SC113": Rule("Circular dependency", "error", circular_dependencies),
    "SC201": Rule("Used, but not waited for", "warning", unwaited_services),
    "SC301": Rule("Required variable missing", "error", missing_variables),
    "SC302": Rule("Misspelt variable", "warning", misspelt_variables),
    "SC401": Rule("Data that is not kept", "warning", unkept_data),
    "SC501": Rule("Port published twice", "error", duplicate_ports),
}
"""All rules by number. An error cannot work or loses data; a warning is probably a mistake; an info teaches."""

_WEAKEST_LAST: tuple[Severity, ...] = get_args(Severity)


def lint(stack: Stack, only: Collection[str] = RULES, *, info: bool = False) -> tuple[Problem, ...]:
    """The problems that the rules (or `only` some of them) find in a stack, rule by rule. `info`: those of severity info, too."""
    subject = Subject(stack)
    return tuple(
        structs.replace(problem, rule=number, severity=severity)
        for number, rule in RULES.items()
        if number in only and (info or rule.severity != "info")
        for problem in rule.find(subject)
        if (severity := max(rule.severity, problem.severity, key=_WEAKEST_LAST.index)) != "info" or info
    )
