"""Jobs in processes: how many at a time, what happens to those that fail, and that none is left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experimentation.executors import Job, JobsFailedError, LocalExecutor, visible_gpus
from trainer import TrainingInterrupted

from .conftest import APPS


def job(folder, name, code, **environment):
    return Job((sys.executable, "-c", code), environment, folder / "logs" / f"{name}.log", name)


def wait_for(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


def is_running(process_id):
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_jobs_run_with_their_environment_and_output_goes_to_their_logs(tmp_path):
    code = "import os; print(os.environ['OMP_NUM_THREADS'], os.environ['WHO'], os.environ.get('CUDA_VISIBLE_DEVICES'))"
    jobs = [job(tmp_path, name, code, WHO=name, CUDA_VISIBLE_DEVICES="none") for name in "abc"]
    done = []
    LocalExecutor(parallel=2, threads=3).run(jobs, done.append)
    assert sorted(each.name for each in done) == ["a", "b", "c"]
    assert [each.log.read_text() for each in jobs] == [f"3 {name} none\n" for name in "abc"]


def test_no_more_jobs_run_at_a_time_than_allowed(tmp_path):
    """Each job writes when it starts and ends; counting the differences gives how many ran at a time."""
    events = tmp_path / "events"
    code = f"""
import os, time
file = os.open({str(events)!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
os.write(file, b"+"); time.sleep(0.2); os.write(file, b"-")
"""
    LocalExecutor(parallel=2).run([job(tmp_path, str(number), code) for number in range(5)], lambda _: None)
    running, most = 0, 0
    for event in events.read_text():
        running += 1 if event == "+" else -1
        most = max(most, running)
    assert (running, most) == (0, 2)


def test_each_job_at_a_time_has_a_gpu_of_its_own(tmp_path):
    code = "import os, time; print(os.environ['CUDA_VISIBLE_DEVICES']); time.sleep(0.3)"
    jobs = [job(tmp_path, str(number), code) for number in range(3)]
    LocalExecutor(parallel=3, gpus=("4", "GPU-5")).run(jobs, lambda _: None)
    assert [each.log.read_text() for each in jobs] == ["4\n", "GPU-5\n", "4\n"]


def test_a_job_that_fails_stops_no_other(tmp_path):
    jobs = [
        job(tmp_path, "fails", "raise SystemExit(3)"),
        job(tmp_path, "is killed", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"),
        job(tmp_path, "is interrupted", "raise SystemExit(75)"),
        job(tmp_path, "works", "pass"),
    ]
    done = []
    with pytest.raises(JobsFailedError) as error:
        LocalExecutor().run(jobs, done.append)
    assert done == jobs[3:]
    assert [(each.job.name, each.reason) for each in error.value.failed] == [
        ("fails", "exit code 3"),
        ("is killed", "killed by SIGKILL"),
        ("is interrupted", "was interrupted"),
    ]
    assert str(error.value).startswith(f"3 of 4 jobs have failed: fails (exit code 3; see {jobs[0].log}), ")


SAVING = """
import os, signal, sys, time
def save(*_):
    print("saved"); sys.exit(75)
signal.signal(signal.SIGTERM, save)
print(os.getpid(), flush=True)
time.sleep(60)
"""
STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(os.getpid(), child.pid, flush=True)
time.sleep(60)
"""


def test_sigterm_stops_the_jobs_which_save(tmp_path):
    quick, saving, never = (
        job(tmp_path, "quick", "pass"),
        job(tmp_path, "saving", SAVING),
        job(tmp_path, "never", "pass"),
    )

    def ask_to_stop(_):
        wait_for(lambda: saving.log.exists() and saving.log.read_text())
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(TrainingInterrupted, match="SIGTERM: 1 of 3 jobs are done; start the same command again"):
        LocalExecutor(parallel=2).run([saving, quick, never], ask_to_stop)
    assert "saved" in saving.log.read_text()
    assert not never.log.exists()


def test_a_job_that_does_not_stop_is_killed_with_its_children(tmp_path):
    stubborn = job(tmp_path, "stubborn", STUBBORN)

    def ask_to_stop(_):
        wait_for(lambda: stubborn.log.exists() and stubborn.log.read_text())
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(TrainingInterrupted, match="SIGINT"):
        LocalExecutor(2, grace_seconds=0.2).run([stubborn, job(tmp_path, "quick", "pass")], ask_to_stop)
    processes = stubborn.log.read_text().split()
    assert len(processes) == 2
    wait_for(lambda: not any(map(is_running, processes)))


def test_an_error_of_the_caller_stops_the_jobs(tmp_path):
    saving = job(tmp_path, "saving", SAVING)

    def fail(_):
        wait_for(lambda: saving.log.exists() and saving.log.read_text())
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        LocalExecutor(parallel=2).run([saving, job(tmp_path, "quick", "pass")], fail)
    assert "saved" in saving.log.read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tie a process to its parent")
def test_killing_the_executor_ends_its_jobs(tmp_path):
    """SIGKILL cannot be handled; jobs that went on would be in the way of those that are started again."""
    program = f"""
import sys
sys.path.insert(0, {str(APPS)!r})
from pathlib import Path
from experimentation.executors import Job, LocalExecutor
job = Job((sys.executable, "-c", {SAVING!r}), {{}}, Path({str(tmp_path / "log")!r}), "job")
LocalExecutor().run([job], print)
"""
    executor = subprocess.Popen([sys.executable, "-c", program])
    log = tmp_path / "log"
    wait_for(lambda: log.exists() and log.read_text())
    executor.kill()
    executor.wait()
    wait_for(lambda: not is_running(log.read_text().split()[0]))
    assert "saved" not in log.read_text()


@pytest.mark.parametrize(("options", "message"), [({"parallel": 0}, "parallel is 0"), ({"threads": 0}, "threads is 0")])
def test_numbers_below_one_are_refused(options, message):
    with pytest.raises(ValueError, match=f"{message}: give at least 1"):
        LocalExecutor(**options)


def test_visible_gpus(tmp_path):
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": "1, GPU-8f"}) == ("1", "GPU-8f")
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": ""}) == visible_gpus({"CUDA_VISIBLE_DEVICES": "-1"}) == ()
    assert visible_gpus({"PATH": str(tmp_path)}) == ()
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nprintf '0\\n1\\n'\n")
    program.chmod(0o755)
    assert visible_gpus({"PATH": str(tmp_path)}) == ("0", "1")
