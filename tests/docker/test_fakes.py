"""Tests that put something in the place of the clock, the files or the sockets: stackctl uses the real ones."""

from __future__ import annotations

import pytest
from suite import Suite

pytestmark = pytest.mark.docker

STACK = """
[services.cache]
image = "redis:7"
[services.web]
image = "busybox"
command = "httpd -f -p 80 -h /etc"
init = true
healthcheck = { http = ":80/passwd" }
[services.plain]
image = "busybox"
command = "httpd -f -p 80 -h /etc"
init = true
healthcheck = { tcp = 80 }
volumes = ["data:/data"]
[volumes.data]
"""
GUARD = ("--disable-socket", "--allow-unix-socket", "--allow-hosts=127.0.0.1", "-W", "error")


@pytest.mark.slow
def test_a_stack_must_start_and_work_beside_fakes(suite: Suite) -> None:
    suite.stack(STACK)
    suite.write(
        "test_it.py",
        """
        import time
        from pathlib import Path
        from urllib.request import urlopen

        import pytest
        from freezegun import freeze_time

        import stackctl

        def test_only_the_published_port_may_be_dialled(stack):
            for service in ("web", "plain"):
                with stack[service].restarted(grace=1):
                    pass
                assert b"root" in urlopen(stack[service].url("/passwd")).read()

        def test_files(stack, fs):
            fs.create_file("/only/here", contents="fake")
            with stack["cache"].database() as keys, stack["cache"].database() as others:
                assert keys.number != others.number
                assert Path("/only/here").read_text() == "fake"
            stack["plain"].copy_in("/only/here", "/data/file")
            stack["plain"].snapshot("one")
            stack["plain"].exec("rm", "/data/file", check=True)
            stack["plain"].restore("one")
            assert stack["plain"].copy_out("/data/file", "/only/there") == Path("/only/there")
            assert Path("/only/there").read_text() == "fake"

        @pytest.mark.stack_reset("cache", "plain")
        def test_reset(fs, stack):
            assert stack["plain"].exec("cat", "/data/file").stdout == "fake"

        @freeze_time("2001-02-03")
        def test_the_clock(stack):
            with pytest.raises(stackctl.ExecTimeoutError):
                stack["plain"].exec("sleep", "60", timeout=0.5)
            with stack["web"].killed():
                assert time.time() < 1e9
            assert b"root" in urlopen(stack["web"].url("/passwd")).read()

        def test_a_late_start(fs, stack_factory):
            with freeze_time("2001-02-03"):
                other = stack_factory(services=["web"])
                assert b"root" in urlopen(other["web"].url("/passwd")).read()
            assert not Path("/etc/passwd").exists()
        """,
    )
    suite.run(*GUARD, fakes=True, passed=5)
    assert suite.left() == []
