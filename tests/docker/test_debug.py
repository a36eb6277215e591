"""`stackctl debug` must open a shell beside a service that runs or has crashed, also if its image has none, and leave nothing."""

from __future__ import annotations

from scenario import NOTHING, Project, eventually

STACK = """
[services.bare]
build = { context = ".", dockerfile_inline = '''
FROM scratch
COPY --from=busybox /bin/busybox /httpd
ENTRYPOINT ["/httpd", "-f", "-p", "8080"]
''' }
user = "1000"
volumes = ["data:/data"]
environment.NAME = "bare"
read_only = true
cap_drop = ["ALL"]
stop_grace_period = "0s"
[services.crashed]
image = "busybox"
command = "sh -c 'echo because > /data/why; exit 3'"
volumes = ["/data"]
environment.NAME = "crashed"
[volumes.data]
"""


def test_a_shell_must_open_beside_what_runs_and_what_has_crashed(project: Project) -> None:
    project.write(STACK)
    project.run("up", "--wait-timeout", "60", code=None)
    assert project.states() == {"bare": "running", "crashed": "exited"}
    made = project.resources()

    script = 'touch /data/x; ls /data /proc/1/root/httpd; echo "$NAME"; id -u; ps | grep -q "[h]ttpd -f" && echo seen; wget -q localhost:8080; exit 7'
    told = project.run("debug", "bare", "--", "sh", "-c", script, code=7)
    assert told.stdout == "/proc/1/root/httpd\n\n/data:\nx\nbare\n0\nseen\n"
    assert "the image of bare has no shell: this is busybox" in told.stderr
    assert "the files of bare are under /proc/1/root" in told.stderr
    assert "404 Not Found" in told.stderr

    told = project.run(
        "debug", "crashed", stdin='cat /data/why; echo "$NAME"; nslookup bare | grep -c Name; ps\n'
    )
    assert told.stdout.startswith("because\ncrashed\n1\n")
    assert "crashed does not run" in told.stderr

    project.run("debug", "--image", "no-such-image", "bare", code=1)
    project.run("debug", "--pull", "bare", code=2)
    project.run("debug", "crashed", "--", "no-such-program", code=127)
    project.run("debug", "crashed", "--", "/etc", code=126)

    with project.start("debug", "bare") as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write("echo begun\n")
        process.stdin.flush()
        assert process.stdout.readline() == "begun\n"
        process.kill()
    eventually(lambda: project.resources() == made)

    (route,) = project.json("reach", "bare", "bare")["routes"]  # asked from a container beside it
    assert (route["port"], route["reachable"]) == (8080, True)
    assert project.resources() == made
    project.run("down", "--volumes")
    assert project.resources() == NOTHING
