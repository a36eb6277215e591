"""Each key of a service is either taken by the engine as it is, or has a way of its own."""

from stackctl.spec import plain_keys
from stackctl.spec.model import Service
from stackctl.spec.structure import deep_forms, forms
from stackctl.spec.text.parts import Text
from stackctl.spec.values import ByteSize

OWN_WAY = """
extends image build pull_policy command entrypoint environment env_file ports volumes tmpfs depends_on healthcheck builtin_check restart
container_name labels networks network_mode secrets configs develop pre_start post_start pre_stop stop_grace_period profiles scale label_file attach
"""


def test_no_key_is_forgotten() -> None:
    """A new key says what it is in the request, or somebody wrote what becomes of it."""
    named = {
        path[0]
        for path, form in deep_forms(Service)
        if form.metadata.get("body") or form.metadata.get("digest")
    }
    assert forms(Service).keys() - named == set(OWN_WAY.split())


def test_what_is_not_given_is_left_to_the_image_and_the_engine() -> None:
    assert dict(plain_keys.definition(Service())) == {}
    assert dict(plain_keys.lines(Service())) == {}


def test_values_are_written_as_the_engine_takes_them() -> None:
    service = Service(shm_size=ByteSize(1024), cap_add=("ALL",), init=False, extra_hosts={"a": Text("[::1]")})
    assert dict(plain_keys.definition(service)) == {
        "shm_size": 1024,
        "cap_add": ["ALL"],
        "init": False,
        "extra_hosts": [["a", "[::1]"]],
    }
    lines = dict(plain_keys.lines(service))
    assert lines["HostConfig.ShmSize"] == 1024
    assert lines["HostConfig.CapAdd"] == ["ALL"]
    assert lines["HostConfig.ExtraHosts"] == ["a:::1"]
