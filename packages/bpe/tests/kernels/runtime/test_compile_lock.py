"""Of several processes one compiles; here threads, each of which opens the file for itself."""

import sys
import threading
import time

import pytest

from bpe.kernels.runtime.compile_lock import one_process

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="files are not locked there")


def test_one_after_another(tmp_path):
    path = tmp_path / "new folder" / "kernel.lock"
    events = []

    def work():
        with one_process([path], lambda: events.append("waits")):
            events.append("second")

    with one_process([path]):
        thread = threading.Thread(target=work)
        thread.start()
        while "waits" not in events:
            time.sleep(0.01)
        events.append("first")
    thread.join()
    assert events == ["waits", "first", "second"]
    assert not path.exists()


def test_the_wait_ends(tmp_path):
    path = tmp_path / "kernel.lock"
    with one_process([path]):
        waited = []
        with one_process([path], lambda: waited.append(1), longest_wait=0.2):
            assert waited == [1]


def test_the_lock_of_a_process_that_ended_does_not_matter(tmp_path):
    path = tmp_path / "kernel.lock"
    path.touch()
    with one_process([path], pytest.fail):
        assert path.exists()
    assert not path.exists()


def test_without_a_folder_that_can_be_written(tmp_path):
    (tmp_path / "file").touch()
    with one_process([tmp_path / "file" / "kernel.lock"], pytest.fail):
        pass
