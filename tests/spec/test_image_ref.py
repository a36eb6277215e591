"""References of images in their parts."""

import pytest

from stackctl.spec.image_ref import ImageRef, is_reference


@pytest.mark.parametrize(
    ("text", "parts", "familiar", "tagged"),
    [
        ("redis", ("", "redis", "", ""), "redis", "redis:latest"),
        ("redis:7", ("", "redis", "7", ""), "redis:7", "redis:7"),
        ("docker.io/library/redis:7", ("", "redis", "7", ""), "redis:7", "redis:7"),
        ("library/redis", ("", "redis", "", ""), "redis", "redis:latest"),
        ("host:5000/app:1", ("host:5000", "app", "1", ""), "host:5000/app:1", "host:5000/app:1"),
        ("docker.io/me/app", ("", "me/app", "", ""), "me/app", "me/app:latest"),
        ("me/library/app", ("", "me/library/app", "", ""), "me/library/app", "me/library/app:latest"),
        (
            "far.example:5000/a/b",
            ("far.example:5000", "a/b", "", ""),
            "far.example:5000/a/b",
            "far.example:5000/a/b:latest",
        ),
        ("localhost/a:2", ("localhost", "a", "2", ""), "localhost/a:2", "localhost/a:2"),
        ("redis:7@sha256:abc", ("", "redis", "7", "sha256:abc"), "redis:7@sha256:abc", "redis:7@sha256:abc"),
        ("redis@sha256:abc", ("", "redis", "", "sha256:abc"), "redis@sha256:abc", "redis@sha256:abc"),
        ("", ("", "", "", ""), "", ":latest"),
    ],
)
def test_the_parts_of_a_reference(text: str, parts: tuple[str, ...], familiar: str, tagged: str) -> None:
    ref = ImageRef.parse(text)
    assert (ref.registry, ref.repository, ref.tag, ref.digest) == parts
    assert (ref.familiar, ref.tagged) == (familiar, tagged)


def test_what_no_reference_is() -> None:
    assert is_reference("far.example:5000/a/b:2@sha256:abc")
    assert not is_reference("a b")
    assert not is_reference("")
