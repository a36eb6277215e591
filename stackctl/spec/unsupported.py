"""Keys of the Compose Specification that stackctl knows but does not support, each with the reason or what to do."""

_LATER = "this version of stackctl does not have it"
_SWARM = "it has a meaning only in a Swarm"

SERVICE_KEYS = {
    **dict.fromkeys(
        (
            "annotations attach cgroup cgroup_parent credential_spec develop device_cgroup_rules devices dns_opt "
            "dns_search extends external_links gpus group_add ipc isolation label_file links logging mac_address models "
            "pid platform post_start pre_start pre_stop provider runtime security_opt "
            "storage_opt sysctls use_api_socket userns_mode uts volumes_from"
        ).split(),
        _LATER,
    ),
    "links": "use the service's name: every service is reachable by it on a shared network",
    "container_labels": "write labels",
}

DEPLOY_KEYS = {
    **dict.fromkeys(
        ("mode", "placement", "update_config", "rollback_config", "endpoint_mode", "labels"), _SWARM
    ),
}
"""Compose ignores these, with a warning."""

BUILD_KEYS = dict.fromkeys(
    (
        "additional_contexts cache_from cache_to dockerfile_inline entitlements extra_hosts isolation labels network no_cache platforms "
        "privileged provenance pull sbom secrets shm_size ssh tags ulimits"
    ).split(),
    _LATER,
)

STACK_KEYS = {"include": _LATER, "templates": _LATER, "models": _LATER}

_ONLY_HERE = "stackctl copies the content into containers itself: give file or environment"
FILE_KEYS = {
    "external": f"a Swarm keeps such contents, Docker Compose refuses it, too; {_ONLY_HERE}",
    "driver": f"{_SWARM}; {_ONLY_HERE}",
    "driver_opts": f"{_SWARM}; {_ONLY_HERE}",
    "template_driver": f"{_SWARM}; variables in `content` of a config are replaced",
    "labels": _SWARM,
}
"""The keys of secrets and configs."""
