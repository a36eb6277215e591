"""What containers are once they run, seen from the engine and from inside, without what is different at each start."""

from __future__ import annotations

import re
from typing import Any

from made import Made, anonymous, without_empty
from scenario import Project

_LOOK = r"""
env | grep -v -e ^HOSTNAME= -e ^PWD= -e ^SHLVL= | sort
echo "# id $(id)"
echo "# directory $(pwd)"
echo "# first $(tr '\0' ' ' </proc/1/cmdline)"
echo "# limits $(ulimit -H -n) $(ulimit -H -u)"
echo "# score $(cat /proc/self/oom_score_adj)"
grep -e ^Cap -e ^NoNewPrivs -e '^Seccomp:' /proc/self/status
grep -v -e ^# /etc/resolv.conf
sed 's/[\t ]\+/ /g' /etc/hosts | sort
for each in /run/secrets /var/run/secrets /greeting /etc/greeting; do
  if [ -e $each ]; then find $each/ $each -type f 2>/dev/null | sort | while read -r file; do
    echo "# file $(stat -c '%a %u %g %n' $file)"; cat $file; echo; done; fi
done
cut -d' ' -f2- /proc/mounts | sort
ls /dev
cat /proc/sys/net/core/somaxconn
for each in /sys/class/net/*; do echo "# interface ${each##*/} $(cat $each/mtu)"; done
"""
"""The script of what a container sees."""

_MADE_UP = ("^/ overlay ", r"^/(proc|sys|dev)(/\S*)? ", r"^/etc/(hosts|hostname|resolv\.conf) ")
"""Mounts of every container."""


def alive(project: Project) -> Made:
    """Every container of the project, by name."""
    return {name: _container(project, name) for name in project.resources()["containers"]}


def _container(project: Project, name: str) -> Made:
    there = project.api.inspect_container(name)
    state, settings = there["State"], there["NetworkSettings"]
    own_names = {there["Id"][:12], name}
    found: Made = {
        "State": {key: state[key] for key in ("Status", "ExitCode", "OOMKilled", "Error")}
        | {"Health": state.get("Health", {}).get("Status")},
        "Ports": {
            port: [(place["HostIp"], _fixed(place["HostPort"])) for place in places or ()]
            for port, places in settings["Ports"].items()
        },
        "Networks": {
            network: sorted(set(place["Aliases"] or ()) - own_names)
            for network, place in settings["Networks"].items()
        },
        "Mounts": sorted(
            (mount["Destination"], mount["Type"], mount["RW"], anonymous(mount), mount["Propagation"])
            for mount in there["Mounts"]
        ),
        "Log": _log(project, name, there),
    }
    if state["Status"] == "running":
        made = project.api.exec_create(name, ["sh", "-c", _LOOK])
        seen = project.api.exec_start(made["Id"]).decode(errors="replace")
        # The engine chooses the address of the host's own name, and makes a name of the id.
        own = re.escape(there["Config"]["Hostname"])
        seen = re.sub(rf"(?m)^\S+ ({own}\b.*|[0-9a-f]{{12}})$", "OWN ADDRESS", seen)
        found["Inside"] = [
            line for line in seen.splitlines() if not any(re.search(p, line) for p in _MADE_UP)
        ]
    kept: Made = without_empty(found)
    return kept


def _fixed(port: str) -> str:
    """The port, if it was asked for; the engine gives others from the kernel's range."""
    return port if int(port) < 32768 or 38000 <= int(port) < 39000 else "any"


def _log(project: Project, name: str, there: dict[str, Any]) -> str:
    if there["HostConfig"]["LogConfig"]["Type"] == "none":
        return ""
    written: bytes = project.api.logs(name)
    return written.decode(errors="replace")
