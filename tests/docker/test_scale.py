"""Several containers of one service."""

from __future__ import annotations

from scenario import Project, free_ports

STACK = """\
[services.web]
image = "busybox"
command = "httpd -f -p 80"
stop_grace_period = "0s"
labels = {{ v = "{}" }}
ports = ["{}-{}:80"]
scale = 2
[services.asker]
image = "busybox"
command = "sleep infinity"
stop_grace_period = "0s"
depends_on = ["web"]
"""


def web(project: Project) -> dict[int, str]:
    """The containers of `web` that run, by number."""
    return {
        int(c["Labels"]["stackctl.number"]): c["Id"]
        for c in project.containers()
        if c["Labels"]["stackctl.service"] == "web" and c["State"] == "running"
    }


def addresses(project: Project) -> set[str]:
    """The addresses of these containers in the stack's network."""
    inside = [
        project.api.inspect_container(id_)["NetworkSettings"]["Networks"] for id_ in web(project).values()
    ]
    return {networks[f"{project.name}_default"]["IPAddress"] for networks in inside}


def test_one_name_must_reach_every_container_and_going_down_must_keep_what_fits(project: Project) -> None:
    [first] = free_ports(1)
    ports = range(first, first + 20)
    project.write(STACK.format(1, first, ports[-1]))
    project.run("up")
    assert sorted(web(project)) == [1, 2]

    project.write(STACK.format(2, first, ports[-1]))
    project.run("up", "--no-recreate", "--scale", "web=4")
    assert sorted(web(project)) == [1, 2, 3, 4]
    asked = project.run("exec", "asker", "nslookup", "web").stdout
    assert addresses(project) <= {line.split()[-1] for line in asked.splitlines() if line.strip()}
    chosen = [port["PublicPort"] for c in project.containers() for port in c["Ports"]]
    assert len(chosen) == len({*chosen} & {*ports}) == 4
    assert int(project.run("port", "web", "80", "--index", "4").stdout.rpartition(":")[2]) in chosen

    before = web(project)
    assert "one more than asked for" in project.run("plan").stdout
    project.run("scale", "web=2")
    assert web(project) == {number: before[number] for number in (3, 4)}
    project.run("plan", "--detailed-exitcode")
    project.run("up", "--scale", "web=0")
    assert web(project) == {}
