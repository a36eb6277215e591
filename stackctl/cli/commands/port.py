"""stackctl port"""

from __future__ import annotations

import json

import click

from stackctl.cli.options import complete_services, pass_settings
from stackctl.cli.settings import Settings
from stackctl.errors import EngineError
from stackctl.looking import Looking
from stackctl.planner.world.containers import with_number

VERSION = 1
"""The version of the JSON; version 1 only ever gains keys."""


@click.command("port")
@click.argument("service", shell_complete=complete_services)
@click.argument("target", type=int, metavar="[PRIVATE_PORT]", required=False)
@click.option(
    "--protocol", type=click.Choice(["tcp", "udp", "sctp"]), default="tcp", help="The protocol (tcp)."
)
@click.option("--index", type=int, default=1, metavar="N", help="Which replica (1).")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_settings
def command(
    settings: Settings, service: str, target: int | None, protocol: str, index: int, as_json: bool
) -> int:
    """Print where a port is published

    \b
    Examples:
      stackctl port api 8000     127.0.0.1:8000
      stackctl port api          all of its ports
    """
    stack = settings.load_leniently()
    found = Looking(stack, settings.engine()).containers([service])
    settings.tell_whose(stack, (c.source for c in found))
    if not found:
        raise EngineError(f"{service} has no container", f"stackctl up {service} makes one")
    (container, *_) = with_number(found, index)
    ports = [
        p
        for p in container.ports
        if ":" not in p.host_ip and (target is None or (p.target, p.protocol) == (target, protocol))
    ]
    if not ports:
        what = f"port {target}/{protocol}" if target else "any port"
        raise EngineError(
            f"{service} does not publish {what}", f"add it to services.{service}.ports, or start the service"
        )
    if as_json:
        told = [
            {"target": p.target, "protocol": p.protocol, "host_ip": p.host_ip, "published": p.published}
            for p in ports
        ]
        print(json.dumps({"version": VERSION, "service": service, "number": index, "ports": told}, indent=2))
        return 0
    for port in ports if target is None else ports[:1]:
        address = f"{port.host_ip}:{port.published}"
        print(address if target else f"{port.target}/{port.protocol} -> {address}")
    return 0
