"""What the kernel tells of processes, asked about real ones."""

import subprocess
import sys

from stackctl.engine.proc import is_only_init

ANY = "/"
"""Is in the control group of every process."""
PROGRAM = """
import os, sys
if os.fork() == 0:
    sys.stdin.readline()
    os.execvp("sleep", ["sleep", "60"])
print("forked", flush=True)
os.wait()
"""


def test_an_init_is_alone_until_its_child_is_another_program() -> None:
    with subprocess.Popen(
        ["/sbin/docker-init", "-c", PROGRAM],
        executable=sys.executable,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as init:
        assert init.stdin
        assert init.stdout
        init.stdout.readline()
        try:
            assert is_only_init(init.pid, ANY)
            assert not is_only_init(init.pid, "the id of another container")
            init.stdin.write("go on\n")
            init.stdin.flush()
            while is_only_init(init.pid, ANY):
                assert init.poll() is None
        finally:
            subprocess.run(["pkill", "-P", str(init.pid)], check=False)
    assert not is_only_init(init.pid, ANY)


def test_a_program_without_a_child_is_no_init() -> None:
    with subprocess.Popen(["sleep", "60"]) as program:
        try:
            assert not is_only_init(program.pid, ANY)
        finally:
            program.kill()
