"""Jobs through submitit, on its local executor: there is no cluster here, and nothing of Slurm is imitated."""

import os
import signal
import sys

import pytest

from experimentation.executors import Job, JobsFailedError
from experimentation.slurm import SlurmExecutor, SlurmOptions
from trainer import TrainingInterrupted

from .test_experiment_executors import SAVING, wait_for


def executor(folder, **options):
    return SlurmExecutor(folder / "slurm", SlurmOptions(gpus=0, **options), cluster="local", poll_seconds=0.05)


def job(folder, name, code, **environment):
    return Job((sys.executable, "-c", code), environment, folder / f"{name}.log", name)


def test_jobs_run_and_those_that_fail_are_named(tmp_path):
    code = "import os, sys; print(os.environ['OMP_NUM_THREADS'], os.environ['WHO']); sys.exit(os.environ['WHO'] == 'b')"
    jobs = [job(tmp_path, name, code, WHO=name) for name in "ab"]
    done = []
    with pytest.raises(JobsFailedError, match=r"1 of 2 jobs have failed: b \(exit code 1; see .*b\.log\)"):
        executor(tmp_path, cpus=3).run(jobs, done.append)
    assert done == jobs[:1]
    assert [each.log.read_text() for each in jobs] == ["3 a\n", "3 b\n"]


# Slurm announces the time limit by a signal to the process that has started the command; here the command sends it.
OUT_OF_TIME = """
import os, signal, sys, time
from pathlib import Path
saved = Path(sys.argv[1])
def save(*_):
    saved.touch(); print("saved", flush=True); sys.exit(75)
if saved.exists():
    print("continued"); sys.exit()
signal.signal(signal.SIGTERM, save)
os.kill(os.getpid(), signal.SIGUSR2)  # which Slurm sends to all processes: it must not end this one
os.kill(os.getppid(), signal.SIGUSR2)
time.sleep(60)
"""


@pytest.mark.parametrize("resubmissions", [1, 0])
def test_a_job_out_of_time_saves_and_is_submitted_again(tmp_path, resubmissions):
    command = (sys.executable, "-c", OUT_OF_TIME, str(tmp_path / "saved"))
    out_of_time = Job(command, {}, tmp_path / "log", "long")
    done = []
    if resubmissions:
        executor(tmp_path, minutes=5, max_resubmissions=1).run([out_of_time], done.append)
        assert done == [out_of_time]
        assert out_of_time.log.read_text() == "saved\ncontinued\n"
    else:
        with pytest.raises(JobsFailedError, match=r"long \(Slurm job \d+ was ended, see .*\.err"):
            executor(tmp_path, minutes=5, max_resubmissions=0).run([out_of_time], done.append)
        assert out_of_time.log.read_text() == "saved\n"


def test_sigterm_cancels_the_jobs(tmp_path):
    quick, saving = job(tmp_path, "quick", "pass"), job(tmp_path, "saving", SAVING)

    def ask_to_stop(_):
        wait_for(lambda: saving.log.exists() and saving.log.read_text())
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(TrainingInterrupted, match="SIGTERM: 1 of 2 jobs are done"):
        executor(tmp_path).run([saving, quick], ask_to_stop)
    wait_for(lambda: "saved" in saving.log.read_text())


def test_without_slurm_one_line_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match=r"this machine has no Slurm \(no program sbatch\)"):
        SlurmExecutor(tmp_path, SlurmOptions())


def test_the_options_reach_the_script_of_slurm(tmp_path, monkeypatch):
    """The programs of Slurm are only looked for; the script is what submitit would give to sbatch."""
    for program in ("sbatch", "srun"):
        (tmp_path / program).write_text("#!/bin/sh\n")
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    options = SlurmOptions(minutes=90, partition="gpus", account="lab", gpus=2, cpus=8, memory_gb=40)
    submitter = SlurmExecutor(tmp_path / "slurm", options, parallel=7)._submitter()
    script = submitter._executor._make_submission_file_text("command", "id")
    for line in ("time=90", "partition=gpus", "account=lab", "gpus-per-node=2", "cpus-per-task=8", "mem=40GB"):
        assert f"#SBATCH --{line}\n" in script
    assert "#SBATCH --signal=USR2@150\n" in script
    assert submitter._executor.parameters["array_parallelism"] == 7
    assert submitter._executor.max_num_timeout == 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"minutes": 4}, "minutes of Slurm jobs is 4: give at least 5"),
        ({"memory_gb": 0}, "memory_gb of Slurm jobs is 0"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        SlurmOptions(**options)
