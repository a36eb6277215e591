"""What a Dockerfile asks of its builder."""

from __future__ import annotations

import pytest

from stackctl.engine.docker.images.dockerfile import base_images, copied, needs_buildkit


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("FROM a\nRUN --mount=type=cache,target=/c pip install x\n", "line 2: RUN --mount"),
        ("FROM a\n# note\n\nCOPY --chown=1 --chmod=644 a b\n", "line 4: COPY --chmod"),
        ("FROM a\nCOPY --link a b", "line 2: COPY --link"),
        ("FROM a\nADD --checksum=sha256:1 http://x y", "line 2: ADD --checksum"),
        ("FROM a\nRUN <<EOF\necho hi\nEOF\n", "line 2: RUN with a here-document"),
        ('FROM a\nCOPY <<-"EOF" /x\nhi\nEOF\n', "line 2: COPY with a here-document"),
        ("FROM --platform=$BUILDPLATFORM a", "line 1: FROM --platform=$BUILDPLATFORM"),
        ("# syntax=example/frontend:1\nFROM a", "# syntax=example/frontend:1"),
        ("FROM a\nRUN a \\\n # in between\n && b\nrun --network=none c", "line 5: RUN --network"),
    ],
)
def test_features_that_need_buildkit(text: str, what: str) -> None:
    assert needs_buildkit(text) == what


@pytest.mark.parametrize(
    "text",
    [
        "FROM a\nRUN pip install --mount x\n",
        "FROM a\nRUN python -c 'print(1 << n)'\n",
        "FROM a\nRUN cat <<<word\n",
        "# syntax=docker/dockerfile:1\nFROM a\nCOPY --chown=1:1 --from=b a b\n",
        "FROM a\nRUN echo x; \\\n  tool --mount=y\n",
        'FROM a\nRUN ["cat", "<<EOF"]\n',
        "FROM --platform=linux/amd64 a\n",
        "",
    ],
)
def test_what_every_builder_can_do(text: str) -> None:
    assert needs_buildkit(text) == ""


def test_the_images_it_is_built_on() -> None:
    text = """
        ARG V=1
        FROM python:3.11-slim AS build
        FROM build as test
        FROM --platform=linux/amd64 registry.example:5000/base:2
        FROM python:$V
        FROM scratch
        FROM python:3.11-slim
    """
    assert base_images(text) == ["python:3.11-slim", "registry.example:5000/base:2"]


MANY = """
FROM node AS deps
WORKDIR /build
COPY package*.json ./
RUN npm ci
FROM scratch AS unused
COPY secret /
FROM python AS base
WORKDIR /srv
COPY --chown=1 ["req.txt", "setup.cfg", "conf/"]
RUN pip install -r conf/req.txt
FROM base AS dev
WORKDIR app
COPY --from=deps /build/dist static/
COPY src .
ADD entry.sh /
COPY $WHERE x
COPY a \\
  b
"""


@pytest.mark.parametrize(
    ("text", "stage", "what"),
    [
        (MANY, None, "req.txt > /srv/conf/ used, setup.cfg > /srv/conf/ used, src > /srv/app/./, entry.sh > /, a > /srv/app/b, package*.json >  used"),
        (MANY, "base", "req.txt > /srv/conf/ used, setup.cfg > /srv/conf/ used"),
        ("FROM a\nCOPY . .\nCOPY . /x", None, ". > , . > /x"),
        ("FROM a\nCOPY <<EOF /x\nhi\nEOF\nADD https://a/b c", None, ""),
        ("", None, ""),
    ],
)  # fmt: skip
def test_what_it_copies_and_what_a_run_makes_of_it(text: str, stage: str | None, what: str) -> None:
    found = [f"{c.source} > {c.target}{' used' if c.used else ''}" for c in copied(text, stage)]
    assert ", ".join(found) == what
