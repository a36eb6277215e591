"""Keys of the Compose Specification that stackctl knows but does not support, each with the reason or what to do."""

_LATER = "this version of stackctl does not have it"
_SWARM = "it has a meaning only in a Swarm"

SERVICE_KEYS = {
    "credential_spec": "only Windows reads it: leave it out",
    "models": "start the model's server as a service, and give its address in environment",
    "provider": "what a provider starts is no container: start it before, and give its address in environment",
    "use_api_socket": 'mount the socket: volumes = ["/var/run/docker.sock:/var/run/docker.sock"]',
    "volume_driver": "write the driver in [volumes.NAME]",
    "container_labels": "write labels",
}

IGNORED_BY_COMPOSE = {
    "services": {"credential_spec", "pull_refresh_after"},
    "secrets": {"labels"},
    "configs": {"labels"},
}
"""Keys that Compose reads and does nothing with, by the table they stand in."""

STACK_KEYS = {"models": _LATER}

_ONLY_HERE = "stackctl copies the content into containers itself: give file or environment"
FILE_KEYS = {
    "external": f"a Swarm keeps such contents, Docker Compose refuses it, too; {_ONLY_HERE}",
    "driver": f"{_SWARM}; {_ONLY_HERE}",
    "driver_opts": f"{_SWARM}; {_ONLY_HERE}",
    "template_driver": f"{_SWARM}; variables in `content` of a config are replaced",
    "labels": _SWARM,
}
"""The keys of secrets and configs."""
