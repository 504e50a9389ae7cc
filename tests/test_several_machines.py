"""Runs on several machines: two groups of processes on this one, each with its own launcher, one of which is killed.

The run is stopped in two ways, one after the other, and must end like one that was not disturbed.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from safetensors.torch import load_file

from trainer import INTERRUPTED_EXIT_CODE, RunDirectory, read_metrics

from .conftest import APPS, ROOT, TINY_MODEL, token_options

STEPS = 150
OPTIONS = [
    *TINY_MODEL,
    "--training.parallel=ddp",
    "--training.batch_size=4",
    "--training.log_interval=1",
    "--training.eval_interval=50",
    "--training.eval_batches=1",
    "--training.checkpoint_interval=10",
    f"--training.steps={STEPS}",
]
LIMIT = 120
"""Seconds in which all processes must have ended after one was killed; on an idle machine they need five."""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def start(tmp_path):
    """Start a process that stands for a machine; what still runs at the end of the test is killed."""
    machines = []

    def start(name, *command, **variables):
        log = tmp_path / f"{name}.txt"
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **variables}
        with log.open("w") as output:
            process = subprocess.Popen(
                list(map(str, command)), stdout=output, stderr=subprocess.STDOUT, env=environment
            )
        machines.append(Machine(process, log))
        return machines[-1]

    yield start
    for machine in machines:
        for pid in machine.children():
            os.kill(pid, signal.SIGKILL)
        machine.process.kill()
        machine.process.wait()


@dataclass
class Machine:
    """The process that was started on a machine, which trains, or is a torchrun that starts one that does."""

    process: subprocess.Popen
    log: Path

    def children(self):
        try:
            return list(
                map(int, Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split())
            )
        except OSError:
            return []

    def wait(self):
        try:
            return self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            pytest.fail(f"{self.log.name} has not ended: {self.log.read_text()[-2000:]}")


def under_torchrun(start, name, options):
    """With an agent on each machine; the first one is where they meet."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1"]
    torchrun += ["--rdzv-backend=c10d", f"--rdzv-endpoint=127.0.0.1:{free_port()}", "--rdzv-id=test"]
    command = [APPS / "train_owt.py", *options]
    return [
        start(f"{name}{number}", *torchrun, f"--rdzv-conf=is_host={is_host}", *command)
        for number, is_host in enumerate((1, 0))
    ]


def under_slurm(start, name, options):
    """As `srun` starts them: each process by itself, with its rank in the environment."""
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2", "LOCAL_RANK": "0"}
    command = [sys.executable, APPS / "train_owt.py", *options]
    return [start(f"{name}{rank}", *command, RANK=str(rank), **shared) for rank in range(2)]


def wait_for_step(run, step, machines):
    while last_step(run) < step:
        for machine in machines:
            assert machine.process.poll() is None, machine.log.read_text()
        time.sleep(0.01)


def last_step(run):
    """The last step in the file, while another process may be writing to it."""
    try:
        return json.loads(run.metrics.read_bytes().rsplit(b"\n", 2)[-2])["step"]
    except (OSError, IndexError, ValueError):
        return 0


def is_running(pid):
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="the processes of torchrun are found in /proc")
def test_a_run_that_is_stopped_on_one_side_ends_on_both_and_loses_nothing(tmp_path, trained_run, start):
    options = [*OPTIONS, *token_options(trained_run / "tokens")]
    run, undisturbed = RunDirectory(tmp_path / "run"), RunDirectory(tmp_path / "undisturbed")
    whole = under_slurm(start, "whole", [*options, f"--run.directory={undisturbed.path}"])
    options += [f"--run.directory={run.path}", "--resume=auto"]

    # 1. All processes of a machine are killed, in the middle of training: those of the other one end.
    machines = under_torchrun(start, "killed", options)
    wait_for_step(run, 25, machines)
    processes = [pid for machine in machines for pid in machine.children()]
    for pid in machines[1].children():
        os.kill(pid, signal.SIGKILL)
    machines[1].process.kill()
    assert [machine.wait() for machine in machines] == [1, -signal.SIGKILL]
    assert len(processes) == 2
    assert not any(map(is_running, processes))
    (message,) = [line for line in machines[0].log.read_text().splitlines() if line.startswith("error: ")]
    assert " of 2 has lost the others" in message
    assert "start all of them again with --resume auto" in message
    reached, saved = last_step(run), saved_step(run)
    assert reached - 10 <= saved + 1

    # 2. One process is asked to stop: all save the same step, and end with the exit code for that.
    machines = under_slurm(start, "asked", options)
    wait_for_step(run, saved + 15, machines)
    machines[1].process.send_signal(signal.SIGTERM)
    assert [machine.wait() for machine in machines] == [INTERRUPTED_EXIT_CODE] * 2
    saved = saved_step(run)
    assert saved == last_step(run)
    assert f"asked to stop (another process): step {saved} is saved" in run.log.read_text()

    machines = under_slurm(start, "resumed", options)
    assert [machine.wait() for machine in (*machines, *whole)] == [0] * 4
    assert f"resuming after step {saved}" in run.log.read_text()
    weights, expected = (load_file(folder.checkpoint(STEPS) / "model.safetensors") for folder in (run, undisturbed))
    assert all(weights[name].equal(expected[name]) for name in expected)
    assert curve(run) == curve(undisturbed)


def saved_step(run):
    return int(run.latest_checkpoint().name.removeprefix("step_"))


def curve(run):
    return [(entry["step"], entry.get("train_loss"), entry.get("valid_loss")) for entry in read_metrics(run.metrics)]


def test_a_folder_that_is_not_shared_is_reported(tmp_path):
    from shared_run import FolderNotSharedError, wait_for_run

    (tmp_path / ".run.12345678").mkdir()  # left by a process that was killed
    with pytest.raises(FolderNotSharedError, match=r"choose a run\.directory on storage that all machines share"):
        wait_for_run(RunDirectory(tmp_path / "run"), silence_limit=0.3)
    with pytest.raises(FolderNotSharedError):
        wait_for_run(RunDirectory(tmp_path / "no" / "such" / "folder"), silence_limit=0.3)


def test_preparing_may_take_longer_than_the_limit(tmp_path):
    from shared_run import being_prepared, wait_for_run
    from trainer import new_run_directory

    def prepare():
        with new_run_directory(tmp_path / "run") as unfinished, being_prepared(unfinished.path, interval=0.1):
            time.sleep(2)
            unfinished.config.touch()

    thread = threading.Thread(target=prepare)
    thread.start()
    wait_for_run(RunDirectory(tmp_path / "run"), silence_limit=1)
    thread.join()
    assert (tmp_path / "run" / "config.yaml").is_file()


def test_the_page_shows_the_batch_script():
    docs = ROOT / "docs"
    script = (docs / "slurm" / "train.sbatch").read_text()
    assert f"```bash\n{script}```" in (docs / "several_machines.md").read_text()
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
