import os
import signal
import subprocess
import sys

import pytest

from trainer import open_data, train
from trainer.run.lock import RunInUseError, run_lock


def test_one_process_at_a_time(tmp_path):
    with (
        run_lock(tmp_path),
        pytest.raises(RunInUseError, match="is being trained by another process"),
        run_lock(tmp_path),
    ):
        pass
    with run_lock(tmp_path):  # the first has released it
        pass
    assert list(tmp_path.iterdir()) == []


def test_the_lock_of_a_killed_process_is_released(tmp_path):
    program = f"""
import time
from pathlib import Path
from trainer.run.lock import run_lock
with run_lock(Path({str(tmp_path)!r})):
    print("held", flush=True)
    time.sleep(600)
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    with pytest.raises(RunInUseError), run_lock(tmp_path):
        pass
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    with run_lock(tmp_path):
        pass


def test_a_run_in_use_is_not_changed(config, run):
    with run_lock(run.path), pytest.raises(RunInUseError):
        train(config, run, open_data(config.data, config.model))
    assert list(run.path.iterdir()) == []
    train(config, run, open_data(config.data, config.model))
