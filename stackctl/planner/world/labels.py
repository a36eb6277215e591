"""Every label stackctl writes or reads.

Docker is the database: only these labels remember anything between two commands.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

PREFIX = "stackctl."
PROJECT = PREFIX + "project"
"""The stack that the object belongs to."""
SERVICE = PREFIX + "service"
"""On a container its service or job, on a network or volume its key in the spec."""
NUMBER = PREFIX + "number"
"""The replica, from 1."""
KIND = PREFIX + "kind"
"""service, job or run (a one-off); on a volume only `anonymous`, `contents`, `pending` or `lease`."""
ANONYMOUS = "anonymous"
CONTENTS = "contents"
"""An anonymous volume that holds secrets and configs alone."""
PENDING = "pending"
"""An empty volume. It tells that a container was started, and that its `post_start` hooks have not all succeeded."""
LEASE = "lease"
"""An empty volume. It tells how long the stack is wanted (`up --for`); nothing uses it, so it can be made anew."""
INSTANCE = PREFIX + "instance"
"""One for each project: it tells a project from another one that has the same name."""
DIGEST = PREFIX + "digest"
"""The digest of the whole definition."""
FIELDS = PREFIX + "fields"
"""A short digest of each field: a plan can name what changed, and no value is stored."""
SOURCE = PREFIX + "source"
"""The path of the spec; on containers and networks, and on all of an isolated checkout. It is not part of the digest."""
CHECKOUT = PREFIX + "checkout"
"""The name that the spec gives its project, on all that is made for one checkout alone: the project there has the checkout's name as well."""
PLACE = PREFIX + "place"
"""Where the directory of the spec is, as `engine/directories.py` writes it: so it can be told whether the directory is gone. On what
has a path of the spec, and not part of the digest.
"""
REPLACES = PREFIX + "replaces"
"""The id of the container that this one is about to replace."""
PROTECT = PREFIX + "protect"
"""On volumes: `down --volumes` leaves it alone."""
RUN = PREFIX + "run"
"""The test run that the object was made for: it goes when the run has ended."""
OWNER = PREFIX + "owner"
"""The process whose end is the end of the run, as `planner/runs/owner.py` writes it."""
BUILD = PREFIX + "build"
"""On images: the digest of what stackctl built it from, as `engine/build_context.py` writes it. It is the same in every project."""
VERSION = PREFIX + "version"
"""The stackctl that made it."""
CREATED = PREFIX + "created"
"""On volumes: when it was made, in whole seconds since the epoch; old engines do not know."""

SNAPSHOT = PREFIX + "snapshot"
"""On the volumes of a snapshot its name. They carry no project: no plan of a project counts them as its own."""
SNAPSHOT_OF = PREFIX + "snapshot.project"
"""The project whose data it holds."""
SNAPSHOT_ID = PREFIX + "snapshot.id"
"""Random: two snapshots that got one name, one after the other, have different ids."""
SNAPSHOT_PART = PREFIX + "snapshot.part"
"""The key of the volume that was copied into this one."""
SNAPSHOT_PARTS = PREFIX + "snapshot.parts"
"""On the volume that is made last, once everything is copied: JSON that says what the snapshot holds."""
COPY = PREFIX + "copy"
"""On a container that copies data between volumes, and goes when it is done: the ids of the containers that are paused until then."""
FOR = PREFIX + "for"
"""On a lease: for how long the stack is wanted, in whole seconds from when the lease was made."""

DEPENDS = PREFIX + "depends"
"""On a service of a Swarm: a JSON list of the services that come before it."""
AGAIN = PREFIX + "again"
"""On a service of a Swarm: its version when an update that stood still was begun anew."""

# `docker stack` finds a stack by the first, and shows the image of a service by the second.
STACK = "com.docker.stack.namespace"
STACK_IMAGE = "com.docker.stack.image"

# Desktop tools group a stack by these. Containers alone carry them, without config-hash, so that `docker compose down` cannot see the stack.
COMPOSE_PROJECT = "com.docker.compose.project"
COMPOSE_SERVICE = "com.docker.compose.service"
COMPOSE_NUMBER = "com.docker.compose.container-number"
COMPOSE_ONEOFF = "com.docker.compose.oneoff"

# What Compose makes carries these as well.
COMPOSE_HASH = "com.docker.compose.config-hash"
COMPOSE_NETWORK = "com.docker.compose.network"
COMPOSE_DIRECTORY = "com.docker.compose.project.working_dir"
COMPOSE_FILES = "com.docker.compose.project.config_files"


def directory_of(source: str) -> str:
    """The directory of a spec by its path; "" if there is no path."""
    return source and (source.rpartition("/")[0] or "/")


def pack_fields(fields: Mapping[str, str]) -> str:
    return json.dumps(dict(sorted(fields.items())), separators=(",", ":"))


def unpack_fields(label: str | None) -> dict[str, str]:
    """The inverse of `pack_fields`; a label that somebody broke counts as empty."""
    try:
        fields = json.loads(label or "{}")
    except ValueError:
        return {}
    return {str(k): str(v) for k, v in fields.items()} if isinstance(fields, dict) else {}
