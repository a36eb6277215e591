"""Keys of the Compose Specification that stackctl knows but does not support, each with the reason or what to do."""

_LATER = "this version of stackctl does not have it"

SERVICE_KEYS = {
    "credential_spec": "only Windows reads it: leave it out",
    "models": "start the model's server as a service, and give its address in environment",
    "provider": "what a provider starts is no container: start it before, and give its address in environment",
    "use_api_socket": 'mount the socket: volumes = ["/var/run/docker.sock:/var/run/docker.sock"]',
    "volume_driver": "write the driver in [volumes.NAME]",
    "container_labels": "write labels",
}

IGNORED_BY_COMPOSE = {"credential_spec", "pull_refresh_after"}
"""Keys of a service that Compose reads and does nothing with."""

STACK_KEYS = {"models": _LATER}

_NO_DRIVER = "a Swarm keeps configs itself: give file, environment or content"
CONFIG_KEYS = {"driver": _NO_DRIVER, "driver_opts": _NO_DRIVER}
