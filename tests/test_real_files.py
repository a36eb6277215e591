"""A test may fake its files; stackctl uses the real ones."""

from __future__ import annotations

import threading
from pathlib import Path

from pyfakefs.fake_filesystem_unittest import Patcher

from stackctl.engine.lock import held_if_free
from stackctl.real import real_files


def test_only_a_block_sees_the_real_files(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.touch()
    with Patcher():
        Path("/fake").touch()
        assert not Path(str(real)).exists()
        with real_files():
            with real_files():
                assert Path(str(real)).exists()
            assert Path(str(real)).exists(), "the outer block goes on"
        assert not Path(str(real)).exists()
        assert Path("/fake").exists()
    assert Path(str(real)).exists()


def test_the_last_of_several_threads_brings_the_fake_files_back(tmp_path: Path) -> None:
    real, inside, go = str(tmp_path), threading.Event(), threading.Event()
    seen: list[bool] = []

    def work() -> None:
        with real_files():
            inside.set()
            go.wait()
            seen.append(Path(real).exists())

    with Patcher():
        thread = threading.Thread(target=work)
        thread.start()
        inside.wait()
        with real_files():
            pass
        go.set()
        thread.join()
        assert seen == [True]
        assert not Path(real).exists()


def test_a_lock_is_a_real_one(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    with Patcher():
        with held_if_free(file) as first, held_if_free(file) as second:
            assert (first, second) == (True, False)
        with held_if_free(file) as again:
            assert again
    assert file.exists()
