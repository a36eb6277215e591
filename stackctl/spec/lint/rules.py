"""The rules that find mistakes before anything runs. Each rule is one function, whose docstring is the rule's help page."""

from collections.abc import Collection, Mapping

from stackctl.errors import Problem
from stackctl.spec.lint.environment import missing_variables, misspelt_variables
from stackctl.spec.lint.exposure import privileged_ports, public_databases, unpinned_images
from stackctl.spec.lint.grants import open_hosts
from stackctl.spec.lint.health import (
    hasty_checks,
    localhost_checks,
    mysql_checks,
    redis_checks,
    socket_checks,
    unchecked_servers,
)
from stackctl.spec.lint.lifetime import deaf_shells, endless_jobs, idle_terminals, killed_servers
from stackctl.spec.lint.logins import raw_passwords, wrong_logins
from stackctl.spec.lint.names import duplicate_container_names, undefined_names, unknown_hosts
from stackctl.spec.lint.order import circular_dependencies, started_only, unwaited_services
from stackctl.spec.lint.ports import duplicate_ports
from stackctl.spec.lint.rule import Rule
from stackctl.spec.lint.secrets import missing_secret_files, unused_contents
from stackctl.spec.lint.storage import lost_volumes, misplaced_volumes, shared_data
from stackctl.spec.lint.subject import Subject
from stackctl.spec.lint.unkept_data import unkept_data
from stackctl.spec.lint.wiring import (
    advertised_localhost,
    illegal_hostnames,
    loopback_hosts,
    names_without_dns,
    published_ports,
    separate_networks,
    wrong_ports,
)
from stackctl.spec.lint.writing import literal_secrets, missing_values, slips
from stackctl.spec.model import Stack
from stackctl.spec.source.allow import misused

RULES: Mapping[str, Rule] = {
    "SC101": Rule("Undefined name", "error", undefined_names, fixable=True),
    "SC102": Rule("Unknown host", "error", unknown_hosts),
    "SC103": Rule("localhost is the container itself", "error", loopback_hosts),
    "SC104": Rule("Port of the host between containers", "error", published_ports),
    "SC105": Rule("Wrong port", "error", wrong_ports),
    "SC106": Rule("Login that the server does not know", "error", wrong_logins),
    "SC107": Rule("Password that cuts a URL", "warning", raw_passwords),
    "SC108": Rule("No network in common", "warning", separate_networks),
    "SC109": Rule("Container name taken twice", "error", duplicate_container_names),
    "SC111": Rule("Name that is not a hostname", "warning", illegal_hostnames),
    "SC113": Rule("Circular dependency", "error", circular_dependencies),
    "SC114": Rule("Names are not known here", "warning", names_without_dns),
    "SC116": Rule("Kafka advertises localhost", "warning", advertised_localhost),
    "SC201": Rule("Used, but not waited for", "warning", unwaited_services, fixable=True),
    "SC202": Rule("Started, but not ready", "warning", started_only),
    "SC204": Rule("Nothing tells whether it is ready", "info", unchecked_servers),
    "SC205": Rule("pg_isready over the socket", "warning", socket_checks),
    "SC206": Rule("mysqladmin ping over the socket", "warning", mysql_checks),
    "SC207": Rule("localhost in a health check", "warning", localhost_checks),
    "SC209": Rule("redis-cli ping without a look at the answer", "warning", redis_checks),
    "SC211": Rule("Health check that gives up too early", "warning", hasty_checks),
    "SC212": Rule("Finished work that starts again for ever", "warning", endless_jobs),
    "SC301": Rule("Required variable missing", "error", missing_variables),
    "SC302": Rule("Misspelt variable", "warning", misspelt_variables, fixable=True),
    "SC304": Rule("Secret in the file", "info", literal_secrets),
    "SC308": Rule("Variable that is passed through, but not set", "info", missing_values),
    "SC309": Rule("Typing mistake", "warning", slips),
    "SC310": Rule("File of a secret that is not there", "warning", missing_secret_files),
    "SC311": Rule("Secret or config that nothing uses", "info", unused_contents),
    "SC401": Rule("Data that is not kept", "warning", unkept_data, fixable=True),
    "SC402": Rule("Volume at the wrong path", "error", misplaced_volumes),
    "SC406": Rule("Volume shared by two databases", "warning", shared_data),
    "SC407": Rule("Data that the next container does not find", "warning", lost_volumes),
    "SC501": Rule("Port published twice", "error", duplicate_ports),
    "SC503": Rule("Port that needs root", "info", privileged_ports),
    "SC504": Rule("Database open to the network", "warning", public_databases, fixable=True),
    "SC601": Rule("Image without a version", "info", unpinned_images),
    "SC605": Rule("Shell that does not pass signals on", "info", deaf_shells),
    "SC606": Rule("Rights over the whole machine", "warning", open_hosts),
    "SC609": Rule("Database that is killed", "warning", killed_servers),
    "SC610": Rule("Terminal in the background", "info", idle_terminals),
}
"""The rules about the stack alone, by number. An error cannot work or loses data; a warning is probably a mistake; an info teaches."""

READING: Mapping[str, Rule] = {
    "SC001": Rule("Comment that allows nothing", "warning", misused),
    "SC112": Rule(
        "Not a stack.toml",
        "error",
        None,
        fixable=True,
        text="""
        The file has an unknown key, a value of the wrong type, or keys that do not fit together. The address of a port must be
        an IP address, because an engine takes any other text for "every address of this machine", and says nothing.

        Fix: do what the message suggests. Keys that begin with `x-` are for you; stackctl does not read them.

        Evidence: Compose refuses such a key, too, but without a suggestion: `additional properties 'enviroment' not allowed`.
        """,
    ),
    "SC303": Rule(
        "Unset variable",
        "error",
        None,
        text="""
        The file uses `${NAME}`, but neither the shell nor a file of variables sets `NAME`.

        Compose takes the empty text and goes on, and so a password may be empty. A variable that is set to the empty text counts
        as set.

        Fix: set the variable (the best place is `.env`), or give a default: `${NAME:-value}`. In a command, `$$NAME` is a variable of the
        container, for the shell that runs there.

        Evidence: `docker compose config` warns only, and ends with 0 (docker/compose#2123 lists the results).""",
    ),
}
"""The rules whose mistakes are found while the file and its comments are read."""


def lint(stack: Stack, only: Collection[str] = RULES, *, info: bool = False) -> tuple[Problem, ...]:
    """The problems that the rules (or `only` some of them) find in a stack, rule by rule. `info`: those of severity info, too."""
    subject = Subject(stack)
    return tuple(
        problem
        for number, rule in RULES.items()
        if number in only and (info or rule.severity != "info")
        for problem in rule.problems(number, subject)
        if info or problem.severity != "info"
    )
