"""What each key of stack.toml is on the command line of `docker`, and what one would see without it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, structs

from stackctl.spec import flags


class Lesson(Struct, frozen=True):
    """What a learner should know of a key.

    `option` says the same for `docker`; "" if no option does. In `_SERVICE` it is left out where the model
    names the flag. `without` is what one sees, or must do by hand, without the key.
    `rules` are the rules about it.
    """

    option: str
    without: str
    rules: tuple[str, ...] = ()


_SERVICE: Mapping[str, Lesson] = {
    "image": Lesson(
        "the word after the options of `docker run`",
        "There is nothing to run. A name without a tag means `latest`, which is another image next month.",
        ("SC603",),
    ),
    "build": Lesson(
        "docker build --tag NAME DIRECTORY",
        "You build by hand before each `docker run`, and run the old image on the day you forget it.",
    ),
    "pull_policy": Lesson("docker create --pull", "A missing image is pulled; one that is here is never renewed.", ("SC603",)),
    "command": Lesson("the words after the image", "The image's own command runs."),
    "entrypoint": Lesson("--entrypoint", "The image's own entrypoint runs."),
    "environment": Lesson(
        "--env",
        "The program starts with its defaults, or dies: postgres without POSTGRES_PASSWORD ends two seconds after "
        "`docker run -d` has printed an id and returned 0.",
        ("SC102", "SC301", "SC302", "SC303", "SC307"),
    ),
    "env_file": Lesson("--env-file", "Each variable is written out in `environment`.", ("SC303",)),
    "ports": Lesson(
        "--publish",
        'Only the containers of the same network reach it; your browser says "connection refused".',
        ("SC501", "SC502"),
    ),
    "expose": Lesson("", "Nothing changes: containers of one network reach every port of each other."),
    "volumes": Lesson(
        "--mount",
        "What it writes is in the container alone. After `docker rm` the rows are gone, and nothing says so.",
        ("SC401", "SC403", "SC408"),
    ),
    "tmpfs": Lesson("--mount type=tmpfs", "Temporary files are written to disk, into the container."),
    "secrets": Lesson(
        "docker cp, between `docker create` and `docker start`",
        "A password is a variable: `docker inspect`, each child process and many crash reports show it.",
        ("SC101", "SC303", "SC310"),
    ),
    "configs": Lesson(
        "docker cp, between `docker create` and `docker start`",
        "The file is mounted from the host, with the owner and the mode that it has there.",
        ("SC101",),
    ),
    "depends_on": Lesson(
        "",
        "You write the commands in the right order, with a loop that waits before each `docker run` that needs another. Of 49 "
        "public scripts 48 have no such loop: the program starts first, does not find its database, and dies.",
        ("SC101", "SC113", "SC201", "SC203"),
    ),
    "healthcheck": Lesson(
        "--health-cmd",
        '"Running" means only that the process exists. A database that reads its files for ten seconds runs, and refuses '
        "each connection.",
        ("SC203",),
    ),
    "extends": Lesson("", "Every service writes all of its keys itself."),
    "builtin_check": Lesson(
        "",
        "Then `up` waits only for the service's own health check, or the image's; without one it waits until the container runs. "
        "So Compose does it.",
    ),
    "restart": Lesson("--restart", "A container that ends stays ended, also after the machine starts again."),
    "container_name": Lesson(
        "--name", "It is called PROJECT-SERVICE-1, so that two projects do not want the same name.", ("SC109", "SC110")
    ),
    "init": Lesson(
        "",
        "PID 1 gets no default action for SIGTERM: a shell as PID 1 ignores it, and `docker stop` waits 10 s, then kills.",
    ),
    "labels": Lesson("--label", "Nothing changes, unless another program reads the label."),
    "networks": Lesson(
        "--network, and `docker network connect` for the others",
        "It joins the network `default` of the stack. With `docker run` alone it joins Docker's `bridge`, where containers do "
        "not know each other's names: \"bad address 'postgres'\".",
        ("SC101", "SC117"),
    ),
    "network_mode": Lesson("--network", "It has a network of its own, in the networks that it joins.", ("SC113",)),
    "hostname": Lesson("", "Its host name is the beginning of its id, another one after each recreation."),
    "extra_hosts": Lesson("", "Names that no DNS server knows are not found."),
    "user": Lesson("", "It runs as the image says, often as root: files in a bind mount belong to root then."),
    "working_dir": Lesson("", "It starts in the image's directory."),
    "stop_signal": Lesson("", "It is asked to stop with the image's signal, else SIGTERM."),
    "stop_grace_period": Lesson("--stop-timeout", "It is killed 10 s after it was asked to stop, even in the middle of a write."),
    "profiles": Lesson("", "It starts with every `up`."),
    "tty": Lesson("", "Programs see no terminal, and write without colours."),
    "stdin_open": Lesson("", "A shell as the command ends at once: its input is closed."),
    "read_only": Lesson("", "Whoever breaks in can change the files of the container."),
    "privileged": Lesson("", "It has only the usual rights, which is what nearly every program needs."),
    "cap_add": Lesson("", "It has Docker's usual 14 capabilities."),
    "cap_drop": Lesson("", "It keeps rights that it never uses, and that a break-in would use."),
    "domainname": Lesson("", "Its host name has no domain."),
    "deploy": Lesson("", "Nothing is limited. Write the limits as mem_limit and cpus: that is shorter."),
    "mem_limit": Lesson("", "One program that leaks takes the memory of the whole machine; then the kernel kills whom it likes."),
    "mem_reservation": Lesson("", "When the machine runs short of memory, nothing is kept for it."),
    "memswap_limit": Lesson("", "With mem_limit, it may use as much swap as memory."),
    "mem_swappiness": Lesson("", "The machine's own setting holds."),
    "cpus": Lesson("", "It uses all processors when it has enough to do."),
    "cpu_shares": Lesson("", "When the processors are busy, all containers get the same."),
    "cpu_period": Lesson("", "The period is 100 ms."),
    "cpu_quota": Lesson("", "Processor time is not limited. `cpus` says the same in one number."),
    "cpu_rt_period": Lesson("", "The machine's own setting holds."),
    "cpu_rt_runtime": Lesson("", "It has no real-time processor time."),
    "cpuset": Lesson("", "It may run on every processor."),
    "cpu_count": Lesson("", "Nothing changes on Linux."),
    "cpu_percent": Lesson("", "Nothing changes on Linux."),
    "blkio_config": Lesson("--blkio-weight and --device-read-bps", "A program that reads a whole disk slows down all others."),
    "ulimits": Lesson("", 'It has the limits of the engine: a server with many connections ends with "too many open files".'),
    "oom_kill_disable": Lesson("", "A process is killed when the memory of the container runs out."),
    "oom_score_adj": Lesson("", "It is as likely to be killed as all others when the machine has no memory."),
    "pids_limit": Lesson("", "A program that forks without end takes all process numbers of the machine."),
    "dns": Lesson("", "Names outside of the stack are asked from the host's name servers."),
    "dns_search": Lesson("", "A name without a dot is looked for as it is."),
    "dns_opt": Lesson("", "The options of the machine's /etc/resolv.conf hold."),
    "mac_address": Lesson("", "The engine chooses one."),
    "logging": Lesson("--log-driver and --log-opt", "The log grows without end, until the disk is full."),
    "security_opt": Lesson("", "A program can get more rights with a setuid file."),
    "devices": Lesson("", "It sees no device of the machine."),
    "device_cgroup_rules": Lesson("", "It may use the usual devices alone, such as /dev/null."),
    "gpus": Lesson("", "Its programs find no GPU."),
    "sysctls": Lesson("", "The settings of the machine's kernel hold, such as net.core.somaxconn."),
    "group_add": Lesson("", "Its user has the groups that the image gives."),
    "uts": Lesson("", "It has a host name of its own."),
    "userns_mode": Lesson("", "The setting of the engine holds."),
    "cgroup": Lesson("", "The setting of the engine holds."),
    "cgroup_parent": Lesson("", "Its cgroup is below that of the engine."),
    "isolation": Lesson("", "Nothing changes on Linux."),
    "runtime": Lesson("", "The engine's usual program runs it: runc."),
    "storage_opt": Lesson("", "It may fill the disk of the engine."),
    "annotations": Lesson("", "Nothing changes, unless the runtime reads the annotation."),
    "links": Lesson("--link", "It knows the other services by their own names: that is enough."),
    "external_links": Lesson("--link", "It knows the containers of other projects by their own names, in a shared network."),
    "volumes_from": Lesson("--volumes-from", "Each volume that it shares is written in `volumes`: that says more."),
    "platform": Lesson("--platform", "The image for the engine's own processor runs."),
    "label_file": Lesson("--label-file", "Each label is written out in `labels`."),
    "attach": Lesson("", "`up --follow` shows its log with the others."),
    "ipc": Lesson("", "It has shared memory of its own."),
    "pid": Lesson("", "It sees its own processes alone."),
    "shm_size": Lesson("", 'Its shared memory has 64 MB: a large query of postgres ends with "could not resize shared memory".'),
    "develop": Lesson("", "After a change you build and start by hand."),
    "pre_start": Lesson(
        "docker run --volumes-from, between `docker create` and `docker start`",
        "What must be done before the first start is a job of its own, or a script in the image.",
    ),
    "post_start": Lesson("docker exec, after `docker start`", "You run the command by hand after each start."),
    "pre_stop": Lesson("docker exec, before `docker stop`", "The program gets its stop signal with no word before it."),
    "scale": Lesson("docker run, once for each container", "It has one container."),
    "inputs": Lesson("", "Files that have changed do not make the job run again."),
}  # fmt: skip
_BUILD: Mapping[str, Lesson] = {
    "context": Lesson(
        "the last word of `docker build`",
        "It is the directory of the file: all of it is sent to the builder.",
    ),
    "dockerfile": Lesson("--file", "The file is called Dockerfile."),
    "dockerfile_inline": Lesson(
        "docker build --file - DIRECTORY, which reads its standard input",
        "The Dockerfile is a file of its own.",
    ),
    "target": Lesson(
        "",
        "The last stage is built: with one Dockerfile for tests and for production it may be the wrong one.",
    ),
    "args": Lesson(
        "--build-arg",
        "Each ARG of the Dockerfile has its default. A password as an argument stays in the image's history: use `secrets`.",
    ),
    "additional_contexts": Lesson(
        "--build-context",
        "Each COPY finds only the files of the context, and what it copies must be moved there.",
    ),
    "cache_from": Lesson("", "On a new machine, such as that of CI, each line of the Dockerfile runs again."),
    "cache_to": Lesson("", "The layers stay on this machine; another one builds them again."),
    "entitlements": Lesson("", "The builder refuses lines that need more rights."),
    "extra_hosts": Lesson("", "A RUN that asks for a name which no DNS server knows fails."),
    "isolation": Lesson("", "Nothing changes on Linux."),
    "labels": Lesson("", "Nothing changes, unless another program reads the label."),
    "network": Lesson("", "Each RUN reaches the internet. `none` shows what a build secretly downloads."),
    "no_cache": Lesson(
        "", "A line that has not changed does not run again: `apt-get update` of last month stays."
    ),
    "platforms": Lesson(
        "",
        'It is built for this machine\'s processor. An image from an arm64 laptop ends on a server with "exec format error".',
    ),
    "privileged": Lesson(
        "--allow security.insecure",
        "A RUN has no more rights than a usual container, which is what nearly every build needs.",
    ),
    "provenance": Lesson("", "The builder's default holds."),
    "pull": Lesson(
        "", "The base image is the one of the first build, with the holes that were closed since."
    ),
    "sbom": Lesson("", "The image does not say which packages are in it."),
    "secrets": Lesson(
        "--secret",
        "A token for a private package is an argument or a file, and stays in a layer that everybody can read.",
    ),
    "shm_size": Lesson("", "A RUN has 64 MB of shared memory: a browser in a test dies there."),
    "ssh": Lesson(
        "", "A private repository is cloned with a key that is copied into the image, and stays there."
    ),
    "tags": Lesson("", "It has one name. `docker tag` gives others."),
    "ulimits": Lesson("", "A RUN has the limits of the builder."),
}
_INNER: Mapping[tuple[str, str], Lesson] = {
    **{("build", key): lesson for key, lesson in _BUILD.items()},
    ("deploy", "replicas"): Lesson(
        "docker run, once for each container", "It has one container: while that is replaced, nobody answers."
    ),
    ("deploy", "resources"): Lesson(
        "--memory and --cpus", "One program that leaks takes the memory of the whole machine."
    ),
    ("deploy", "restart_policy"): Lesson(
        "--restart", "A container that ends stays ended, also after the machine starts again."
    ),
    ("logging", "driver"): Lesson(
        "", "The engine's default holds, mostly json-file: it does not rotate by itself."
    ),
    ("logging", "options"): Lesson("", "The log grows without end: `max-size` and `max-file` keep it small."),
}
"""The lessons of keys in a table of a service."""
_FILE: Mapping[str, Lesson] = {
    "file": Lesson("docker cp FILE CONTAINER:PATH", "The content comes from `environment`."),
    "environment": Lesson(
        'printf %s "$VARIABLE" | tar …, and docker cp - CONTAINER:/',
        "The content comes from a file, which git must not track if it is a secret.",
    ),
    "content": Lesson("tar …, and docker cp - CONTAINER:/", "The content comes from a file or a variable."),
    "name": Lesson("", "An external one is looked for under its key. Nothing else reads it."),
    "external": Lesson(
        "docker secret create, docker config create",
        "The content comes from this machine. An external one is in the Swarm already.",
        ("SC119",),
    ),
    "labels": Lesson(
        "docker secret create --label", "Nothing changes on one machine: only a Swarm has labels for it."
    ),
    "template_driver": Lesson(
        "docker secret create --template-driver", "The content reaches the container as it is.", ("SC119",)
    ),
    "driver": Lesson(
        "docker secret create --driver",
        "The Swarm itself keeps the content, which comes from this machine.",
        ("SC119",),
    ),
    "driver_opts": Lesson("", "The driver gets no options."),
}
_NETWORK: Mapping[str, Lesson] = {
    "name": Lesson("the last word of `docker network create`", "It is called PROJECT_KEY."),
    "external": Lesson("", "It is created with the first `up`, and removed with `down`.", ("SC117",)),
    "internal": Lesson("--internal", "Its containers reach the internet."),
    "attachable": Lesson("--attachable", "Nothing changes outside of a Swarm."),
    "driver": Lesson("--driver", "It is a bridge on the engine's machine."),
    "driver_opts": Lesson("--opt", "The driver's defaults hold."),
    "ipam": Lesson(
        "--subnet, --ip-range and --gateway",
        "The engine chooses free addresses, which is what nearly every stack needs.",
    ),
    "enable_ipv4": Lesson("--ipv4", "Its containers have IPv4 addresses."),
    "enable_ipv6": Lesson("--ipv6", "Its containers have IPv4 addresses alone."),
    "labels": Lesson("--label", "Nothing changes, unless another program reads the label."),
}
_VOLUME: Mapping[str, Lesson] = {
    "name": Lesson("the last word of `docker volume create`", "It is called PROJECT_KEY."),
    "external": Lesson("", "It is created with the first `up`; `down` keeps it.", ("SC117",)),
    "driver": Lesson("--driver", "It is a directory on the engine's machine."),
    "driver_opts": Lesson("--opt", "The driver's defaults hold."),
    "labels": Lesson("--label", "Nothing changes, unless another program reads the label."),
    "protect": Lesson("", "`down --volumes` removes it with its data."),
    "sticky": Lesson("", "On a Swarm a task that moves to another node finds an empty volume there."),
}
_TOP: Mapping[str, Lesson] = {
    "name": Lesson(
        "", "The project is called as its directory. With scripts, each name carries a prefix that you invent and repeat."
    ),
    "checkouts": Lesson(
        "", "Two checkouts on one machine have the same names and ports: the second one does not start, or takes the first one's data."
    ),
    "services": Lesson("docker run --detach, one for each", "There is nothing to bring up."),
    "jobs": Lesson(
        "docker run, and `docker wait` before what needs it",
        "A migration is a step that people must remember, and do in the right moment.",
    ),
    "networks": Lesson(
        "docker network create",
        "All services join the network `default`. In a script a forgotten `docker network create` stops `docker run` with exit "
        "code 125, and a dead container keeps the name.",
        ("SC101", "SC117"),
    ),
    "volumes": Lesson(
        "docker volume create",
        "A service that names a volume that is not here is an error: so no typing mistake makes a second, empty volume.",
        ("SC101", "SC117", "SC401"),
    ),
    "secrets": Lesson(
        "docker cp, into each container that uses one",
        "Passwords stand in variables, or in files that are mounted from the host.",
        ("SC101", "SC303", "SC305", "SC311"),
    ),
    "configs": Lesson("docker cp, into each container that uses one", "Each file is mounted from the host.", ("SC101", "SC311")),
    "include": Lesson("", "Everything stands in one file, or files are named with -f."),
    "templates": Lesson("", "Services that have much in common repeat it."),
    "tests": Lesson(
        'docker port shop-db-1 5432, and export DATABASE_URL="postgresql://…" with what it prints',
        "Each developer and each CI job exports the addresses by hand, before the tests are started.",
    ),
}  # fmt: skip
_TABLES = {
    "": _TOP,
    "services": _SERVICE,
    "jobs": _SERVICE,
    "networks": _NETWORK,
    "volumes": _VOLUME,
    "secrets": _FILE,
    "configs": _FILE,
}


def lesson(section: str, *keys: str) -> Lesson | None:
    """What to know of a key of a section, or of a key in a table of a service, such as `build`, `target`; of a key at the top if
    `section` is "". None for a key deeper in the file.
    """
    of_service = section in ("services", "jobs")
    if len(keys) == 1:
        found = _TABLES.get(section, {}).get(keys[0])
    else:
        found = _INNER.get((keys[0], keys[1])) if of_service and len(keys) == 2 else None
    if found is None or found.option or not of_service:
        return found
    flag = flags.by_key("build").get(keys[1:]) if keys[0] == "build" else flags.by_key().get(keys)
    return structs.replace(found, option=flag.option) if flag else found
