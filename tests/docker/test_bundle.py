"""A stack goes along to an engine that has no network and no image. The commands are those of the guide."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pages
import pytest
from private_engine import alone, why_not
from scenario import ROOT, Project

from stackctl.bundle.archive import BundledImage, Inventory, read, write
from stackctl.bundle.unpacking import load_images
from stackctl.looking import connect

pytestmark = pytest.mark.docker
GUIDE = ROOT / "docs" / "guide" / "daily-loop.md"
BLOCKS = pages.section(GUIDE, "Add a service; take a stack along")
BUILT = """
[services.built]
image = "localhost/{name}-built"
build = "."
command = "sleep infinity"
stop_grace_period = "0s"
"""


def do(command: pages.Command, project: Project, at: Path, **environ: str) -> None:
    """Run a command of the guide, and compare what it says. The project has its own name in place of `shop`."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    ran = subprocess.run(
        ["bash", "-c", command.text.replace("shop/", f"{project.name}/")],
        cwd=at,
        env=project.environment | {"PATH": path} | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=180,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    assert "pull" not in ran.stdout
    assert pages.is_as_shown(command.shown, ran.stdout.replace(project.name, "shop").splitlines()), ran.stdout


def test_a_stack_must_come_up_from_a_bundle_where_there_is_no_network(
    project: Project, tmp_path: Path
) -> None:
    assert not why_not(), why_not()
    for piece in BLOCKS:
        if isinstance(piece, pages.File):
            project.write(piece.text, piece.name)
    project.write("TOKEN=hunter2\n", ".env")
    commands = [c for each in BLOCKS if isinstance(each, pages.Block) for c in pages.commands(each)]
    bundling, *loading = (command for command in commands if not command.text.startswith("stackctl add"))
    assert [command.text.split()[-1] for command in loading] == ["shop.tar", "up"]
    project.write("FROM busybox\nRUN echo made > /made\n", "Dockerfile")
    spec = project.directory / "stack.toml"
    spec.write_text(spec.read_text() + BUILT.format(name=project.name))
    project.run("build")
    do(bundling, project, project.directory)
    project.api.remove_image(f"localhost/{project.name}-built", force=True)
    other = tmp_path / "other"
    other.mkdir()
    (project.directory / "shop.tar").rename(other / "shop.tar")
    with alone() as machine, closing(machine.api) as api:
        assert api.images() == []
        for command in loading:
            do(command, project, other, DOCKER_HOST=machine.host)
        names = {name for row in api.containers() for name in row["Names"]}
        assert names == {f"/{project.name}-web-1", f"/{project.name}-built-1"}
        asks = ["sh", "-c", "until wget -qO- http://127.0.0.1:8080/; do :; done"]
        made = api.exec_create(f"{project.name}-web-1", asks)
        assert api.exec_start(made["Id"]).endswith(b"hello\n")
        _named_by_digest(project, tmp_path / "by-digest.tar", machine.host)


def _named_by_digest(project: Project, path: Path, host: str) -> None:
    """What is asked for by its id, as an image that is named by a digest, gets a tag on the other engine."""
    ref = f"{project.name}:bundled"
    with closing(connect()) as here, path.open("wb") as out:
        id_ = here.observe().images["busybox:latest"]
        about = Inventory(
            stackctl="1",
            project=project.name,
            named=True,
            directory=".",
            spec=(),
            files=(),
            images=(BundledImage(ref=ref, id=id_),),
        )
        write(out, about, {}, here.save_images([id_]), {id_: [ref]})
    with closing(connect(host)) as there:
        load_images(read(path), there)
        assert there.images([ref])[ref].id == id_
