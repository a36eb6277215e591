"""A container that copies data from volumes to volumes: what it runs, and its steps in a plan.

It is made from an image that is here already and has `sh` and `cp`. The engine copies by itself then: no byte comes to this machine.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, structs

from stackctl.planner.steps.actions import (
    Action,
    CreateContainer,
    PauseContainer,
    RemoveContainer,
    StartContainer,
    UnpauseContainer,
    WaitFor,
)
from stackctl.planner.steps.facts import Fact
from stackctl.planner.steps.plan import Draft
from stackctl.planner.world import labels
from stackctl.planner.world.desired import DesiredContainer, DesiredHealthcheck, DesiredMount
from stackctl.planner.world.observed import ObservedContainer
from stackctl.spec.known import Connection
from stackctl.spec.model import Condition, Service
from stackctl.spec.text.parts import Text
from stackctl.version import __version__

FROM, TO = "/from", "/to"
PATIENCE = 3600.0
"""Seconds that one container may take to copy."""

PLAIN = """set -e
for from in /from/*; do cp -a "$from/." "/to/${from#/from/}/"; done
"""

# pg_basebackup copies the data directory as the server allows it. What else is in the volume is copied as it is.
POSTGRES = """set -e
trap '[ $? = 0 ] || echo "stackctl snapshot create NAME --pause copies its files as they are" >&2' EXIT
fail() { echo "$1" >&2; exit 1; }
place=${PGDATA%/}/
case $place in "$TARGET"/*) ;; *) fail "PGDATA ($PGDATA) is not in the volume at $TARGET";; esac
rest=${place#"$TARGET"/}; rest=${rest%/}
from=/from/0/$rest; to=/to/0/$rest
[ -f "$from/PG_VERSION" ] || fail "there is no data directory of Postgres at $PGDATA"
[ -z "$(ls -A "$from/pg_tblspc")" ] || fail "it has tablespaces, which only a pause can copy"
if [ -n "$rest" ]; then tar -C /from/0 -cf - --exclude="./$rest/*" . | tar -C /to/0 -xpf -; fi
pg_basebackup -h 127.0.0.1 -p "$SERVER_PORT" -U "$SERVER_USER" -w -D "$to" -X stream -c fast --no-sync
chown -R "$(stat -c %u:%g "$from")" "$to"
chmod "$(stat -c %a "$from")" "$to"
"""

# A file of Redis is replaced as a whole, and its log only grows, unless it is rewritten: then all is copied again.
REDIS = """set -e
trap '[ $? = 0 ] || echo "stackctl snapshot create NAME --pause copies its files as they are" >&2' EXIT
fail() { echo "$1" >&2; exit 1; }
cli() { "$CLIENT" -h 127.0.0.1 -p "$SERVER_PORT" "$@"; }
logs() { (cd /from/0 && find . -name '*.manifest' -exec cat {} +); }
case $(cli INFO persistence) in
*aof_enabled:1*) ;;
*aof_enabled:0*)
  while :; do
    answer=$(cli BGSAVE)
    case $answer in *started*) break;; *progress*) sleep 0.2;; *) fail "$answer";; esac
  done
  while cli INFO persistence | grep -q rdb_bgsave_in_progress:1; do sleep 0.1; done
  cli INFO persistence | grep -q rdb_last_bgsave_status:ok || fail "the server could not save its data";;
*) fail "$(cli INFO persistence)";;
esac
for try in 1 2 3 4 5; do
  before=$(logs)
  if cp -a /from/0/. /to/0/ && [ "$before" = "$(logs)" ]; then exit 0; fi
  for old in /to/0/* /to/0/.[!.]* /to/0/..?*; do rm -rf "$old"; done
done
fail "the server kept rewriting its files"
"""

# All data are copied beside the old ones first. Then only names change. A stop is obeyed until then, and not during that.
REPLACE = """new=.stackctl-new old=.stackctl-old
drop() { for to in /to/*; do rm -rf "$to/$new"; done; }
fail() { kill "$!" 2>/dev/null; wait; drop; exit 1; }
move() {
  for file in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    case ${file##*/} in "$new"|"$old") continue;; esac
    if [ -e "$file" ] || [ -L "$file" ]; then mv "$file" "$2/" || return 1; fi
  done
}
used() {
  for file in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    case ${file##*/} in "$new"|lost+found) continue;; esac
    if [ -e "$file" ] || [ -L "$file" ]; then return 0; fi
  done
  return 1
}
trap fail TERM
drop
for from in /from/*; do
  to=/to/${from#/from/}
  if [ -n "$ONLY_EMPTY" ] && used "$to"; then continue; fi
  mkdir "$to/$new" || fail
  cp -a "$from/." "$to/$new/" &
  wait "$!" || fail
done
trap '' TERM
for to in /to/*; do
  [ -d "$to/$new" ] || continue
  rm -rf "$to/$old" && mkdir "$to/$old" && move "$to" "$to/$old" && move "$to/$new" "$to" || exit 1
  chown "$(stat -c %u:%g "$to/$new")" "$to" && chmod "$(stat -c %a "$to/$new")" "$to" || exit 1
  rm -rf "$to/$new" "$to/$old"
done
"""


class CopyingServer(Struct, frozen=True):
    """A known database server that runs, and copies its data by itself."""

    script: str
    image: str
    environment: Mapping[str, str | None] = {}


def postgres(image: str, login: Connection, environment: Mapping[str, str | None]) -> CopyingServer:
    """A Postgres whose container has these variables."""
    own = {"PGDATA": environment["PGDATA"]} if environment.get("PGDATA") else {}
    return CopyingServer(POSTGRES, image, {**own, **_login(login, "PGPASSWORD"), "SERVER_USER": login.user})


def redis(image: str, login: Connection, client: str) -> CopyingServer:
    """A Redis or Valkey; `client` is the name of its program for clients."""
    return CopyingServer(REDIS, image, {**_login(login, "REDISCLI_AUTH"), "CLIENT": client})


def _login(login: Connection, password: str) -> dict[str, str]:
    known = {password: login.password.reveal()} if login.password else {}
    return {**known, "SERVER_PORT": str(login.port)}


class Copier(Struct, frozen=True, kw_only=True):
    """A container that copies from volumes to volumes: `pairs` are their names. With `into`, the second of each pair is the path of a
    volume in that container.
    """

    name: str
    image: str
    pairs: Sequence[tuple[str, str]]
    script: str
    own_labels: Mapping[str, str]
    environment: Mapping[str, str | None] = {}
    network_mode: str = "none"
    into: str = ""

    @property
    def container(self) -> DesiredContainer:
        mounts, links = [], []
        for number, (source, target) in enumerate(self.pairs):
            mounts.append(
                DesiredMount(type="volume", source=source, target=f"{FROM}/{number}", read_only=True)
            )
            if self.into:
                links.append(f"ln -s {shlex.quote(target)} {TO}/{number}\n")
            else:
                mounts.append(
                    DesiredMount(type="volume", source=target, target=f"{TO}/{number}", nocopy=True)
                )
        script = "".join([f"mkdir {TO}\n", *links, self.script]) if links else self.script
        return DesiredContainer(
            name=self.name,
            service="copy",
            kind="run",
            image=self.image,
            settings=Service(user=Text("0")),
            entrypoint=("sh", "-c"),
            command=(script,),
            environment=self.environment,
            labels=self.own_labels,
            mounts=tuple(mounts),
            volumes_from=(self.into,) if self.into else (),
            network_mode=self.network_mode,
            healthcheck=DesiredHealthcheck(test=("NONE",)),
        )


def labels_of_copier(project: str, instance: str, service: str) -> dict[str, str]:
    """It belongs to the project like a one-off: `down` removes what a killed run has left."""
    return {
        labels.PROJECT: project,
        labels.INSTANCE: instance,
        labels.SERVICE: service,
        labels.KIND: "run",
        labels.COPY: "",
        labels.VERSION: __version__,
    }


def plan_copy(
    draft: Draft,
    copier: Copier,
    why: str,
    *needs: Fact | int | None,
    pause: Iterable[ObservedContainer] = (),
) -> int:
    """Copy, while these containers are paused. Returns the step after which the copies are there."""
    paused = tuple(pause)
    own = {**copier.own_labels, labels.COPY: ",".join(c.id for c in paused)}
    spec = structs.replace(copier, own_labels=own).container
    back: tuple[Action, ...] = tuple(UnpauseContainer(c.id, c.name) for c in paused)
    made = draft.add(CreateContainer(spec, spec.name), why, *needs)
    still = [
        draft.add(
            PauseContainer(c.id, c.name),
            "its files must not change while they are copied",
            made,
            of=c.replica,
        )
        for c in paused
    ]
    started = draft.add(StartContainer(spec.name, spec.name), why, made, *still, rescue=back)
    wait = WaitFor(spec.name, spec.name, Condition.completed, timeout=PATIENCE)
    done = draft.add(wait, "until everything is copied", started, rescue=back)
    go_on = [
        draft.add(UnpauseContainer(c.id, c.name), "its files are copied", done, of=c.replica) for c in paused
    ]  # before the container goes whose label tells what is paused for it
    draft.add(RemoveContainer(spec.name, spec.name), "it has done its work", done, *go_on)
    return done
