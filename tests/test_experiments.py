"""Running experiments: once each, in any order of interruptions, and what is said about those that fail."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field

import pytest

import experiments
from experimentation import kinds
from experimentation.executors import FailedJob, JobsFailedError
from experimentation.results import read_experiment_results
from experimentation.workspace import Outcome
from folder_lock import lock_folder

from .conftest import APPS
from .experiment_table import BASE, write_table

LONG = {"title": "Long", "question": "?", "finding": "base", "kind": "training"}
TABLE = {
    "base": BASE,
    "rates": {**LONG, "members": {"same": {}, "hot": {"schedule.max_lr": 1e6}}, "finding": "learning_rate"},
    "broken": {**LONG, "members": {"too long": {"model.context_length": 60_000}, "fine": {"training.steps": 2}}},
    "decoding": {
        **LONG,
        "kind": "decoding",
        "uses": "base",
        "finding": "decoding",
        "members": {"grid": {"temperatures": [0.0], "top_ps": [1.0], "num_samples": 1, "max_new_tokens": 4}},
    },
}


@dataclass
class InThisProcess:
    """Runs jobs as calls of the command, which is faster than processes that load torch."""

    jobs: list = field(default_factory=list)

    def run(self, jobs, on_done):
        failed = []
        for job in jobs:
            self.jobs.append(job)
            try:
                experiments.main(list(job.command[2:]))
            except SystemExit as ended:
                failed.append(FailedJob(job, f"exit code {ended.code}"))
            else:
                on_done(job)
        if failed:
            raise JobsFailedError(failed, len(jobs))


@pytest.fixture
def here(monkeypatch):
    executor = InThisProcess()
    monkeypatch.setattr(experiments, "choose_executor", lambda *_: executor)
    return executor


def options(tmp_path, table=TABLE, **scale):
    folder = tmp_path / "table"
    if not folder.exists():
        write_table(folder, table, **scale)
    return ["--experiments", folder, "--directory", tmp_path / "results"]


def results_of(tmp_path, name):
    return read_experiment_results(tmp_path / "out" / "data" / f"{name}.json").members


def test_members_are_run_once_and_those_that_fail_are_named_at_the_end(call, tmp_path, here):
    shared = options(tmp_path)
    outcome = call(experiments.main, "run", "all", *shared)
    assert outcome.code == 1
    assert "4 experiments, 6 members, 5 to run" not in outcome.output  # `same` is `base`
    assert "4 experiments, 5 members, 5 to run" in outcome.output
    lines = outcome.errors.strip().splitlines()
    assert lines[-1].startswith("broken too long has failed: ")
    assert "tokens" in lines[-1]
    assert sum("has failed" in line for line in lines) == 1
    assert "base base: validation loss" in outcome.output
    assert "rates hot: diverged at step" in outcome.output

    call(experiments.main, "report", *shared, "--out", tmp_path / "out")
    (base,), (same, hot), (fine,) = (results_of(tmp_path, name) for name in ("base", "rates", "broken"))
    assert (same.name, same.settings, same.values, same.curves) == ("same", {}, base.values, base.curves)
    assert (hot.status, hot.settings) == ("diverged", {"schedule.max_lr": 1e6})
    assert 1 <= hot.values["diverged_at_step"] <= 6
    assert fine.name == "fine"
    assert (base.values["steps"], base.values["tokens"], base.status) == (6, 6 * 2 * 16, "finished")
    assert base.curves["train_loss"]["step"] == [1, 2, 3, 4, 5, 6]
    assert base.curves["valid_loss"]["step"] == [2, 4, 6]
    assert base.curves["valid_loss"]["value"][-1] == base.values["valid_loss"]
    assert "Base" in (tmp_path / "out" / "README.md").read_text()

    before = len(here.jobs)
    again = call(experiments.main, "run", "base", "rates", "decoding", *shared)
    assert (again.code, len(here.jobs)) == (0, before)
    assert "0 to run" in again.output
    listed = call(experiments.main, "list", *shared).output
    assert [line.split()[:3] for line in listed.splitlines()[1:5]] == [
        ["base", "1", "1"],
        ["broken", "2", "1"],
        ["decoding", "1", "1"],
        ["rates", "2", "2"],
    ]


def test_a_run_that_others_use_comes_first(call, tmp_path, here):
    assert call(experiments.main, "run", "decoding", *options(tmp_path)).code == 0
    assert [job.name for job in here.jobs] == ["base base", "decoding grid"]


def test_what_uses_a_failed_run_is_not_run(call, tmp_path, here):
    broken = {**BASE, "members": {"base": {"model.context_length": 60_000}}}
    outcome = call(
        experiments.main, "run", "decoding", *options(tmp_path, {"base": broken, "decoding": TABLE["decoding"]})
    )
    assert outcome.code == 1
    assert "decoding grid was not run, because it uses a run that has failed" in outcome.errors


def test_members_that_measure_time_come_last_and_one_at_a_time(call, tmp_path, here, monkeypatch):
    done = []

    def run(settings, seed, workspace):
        done.append(settings["corpus"])
        return Outcome({"found": 1})

    speed = {**LONG, "kind": "encoding_speed", "alone": True, "members": {n: {"corpus": n} for n in ("stories", "web")}}
    monkeypatch.setattr(kinds.load_kind("encoding_speed"), "run", run)
    table = {"a_speed": speed, "base": BASE, "seeds": {**BASE, "seeds": [0, 1]}}
    assert call(experiments.main, "run", "all", *options(tmp_path, table)).code == 0
    assert [job.name for job in here.jobs] == ["base base and 1 more", "a_speed stories", "a_speed web"]
    assert [dict(job.environment) for job in here.jobs] == [{"OMP_NUM_THREADS": "1"}, {}, {}]
    assert done == ["stories", "web"]


def test_group_and_tags_for_weights_and_biases(call, tmp_path, here):
    call(experiments.main, "run", "rates", *options(tmp_path), "--wandb.mode", "offline")
    orders = [json.loads(path.read_text()) for path in (tmp_path / "results").glob("members/*/member.json")]
    assert {(each["wandb_mode"], each["group"], *each["tags"]) for each in orders} == {
        ("offline", "rates", "cpu", "same"),
        ("offline", "rates", "cpu", "hot"),
    }
    stored = (tmp_path / "results").glob("members/*/run/wandb")
    assert len(list(stored)) == 2


def test_a_second_process_in_the_same_directory_is_refused(call, tmp_path, here):
    with lock_folder(tmp_path / "results", "running experiments"):
        outcome = call(experiments.main, "run", "base", *options(tmp_path))
    assert "another process is running experiments in" in outcome.one_line_error()
    assert not here.jobs


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give one of list, run, report, search"),
        (["start"], "'start' is not a command: give one of"),
        (["run"], "the following arguments are required: NAME"),
        (["run", "basis"], "there is no experiment 'basis': did you mean base?"),
        (["run", "base", "--scale", "huge"], "--scale is 'huge': choose one of smoke, cpu, gpu"),
        (["run", "base", "--parallel", "0"], "--parallel is 0: give at least 1"),
        (["run", "base", "--text", "a", "b"], "a (--text) is not a file"),
        (["run", "base", "--executor", "slurm"], "this machine has no Slurm"),
        (["report"], "has no results with these texts: run experiments first"),
    ],
)
def test_mistakes_on_the_command_line_are_answered_in_one_line(call, tmp_path, arguments, message):
    shared = options(tmp_path) if arguments and arguments[0] in ("run", "report") else []
    assert message in call(experiments.main, *arguments, *shared).one_line_error()


def test_mistakes_are_answered_without_torch(tmp_path):
    program = "import sys; import experiments; from experimentation import planning, running, collecting, member; " + (
        "experiments.main(['list', '--scale', 'cpu']); print('torch' in sys.modules, 'numpy' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "False False"


def environment():
    return {**os.environ, "PYTHONPATH": str(APPS), "OMP_NUM_THREADS": "1"}


def start(tmp_path, name):
    command = [sys.executable, APPS / "experiments.py", "run", "all", "--experiments", tmp_path / "table"]
    return subprocess.Popen(
        [*command, "--directory", tmp_path / name],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for(pattern, folder, seconds=120):
    deadline = time.monotonic() + seconds
    while not list(folder.glob(pattern)):
        assert time.monotonic() < deadline, f"{pattern} has not appeared"
        time.sleep(0.02)


def losses(folder):
    """The losses of all members by step: all that does not depend on the time."""
    found = {}
    for path in folder.glob("members/*/result.json"):
        result = json.loads(path.read_text())
        curves = {name: (curve["step"], curve["value"]) for name, curve in result["curves"].items()}
        kept = {name: result["values"].get(name) for name in ("valid_loss", "train_loss", "bits_per_byte", "tokens")}
        found[result["fingerprint"]] = (result["name"], result["status"], kept, curves)
    return found


def test_stopping_and_killing_changes_no_result(tmp_path):
    """SIGTERM saves, SIGKILL ends at once together with the members; in the end the results are the same."""
    training = {"training.steps": 200, "training.checkpoint_interval": 20, "training.eval_interval": 50}
    members = {"a": training, "b": {**training, "schedule.max_lr": 3e-2}}
    write_table(tmp_path / "table", {"rates": {**LONG, "members": members}})
    whole = start(tmp_path, "whole")
    output, _ = whole.communicate(timeout=300)
    assert whole.returncode == 0, output

    stopped = start(tmp_path, "interrupted")
    wait_for("members/*/run/checkpoints/step_*", tmp_path / "interrupted")
    stopped.send_signal(signal.SIGTERM)
    output, _ = stopped.communicate(timeout=120)
    assert stopped.returncode == 75, output
    assert "interrupted: SIGTERM: 0 of 1 jobs are done; start the same command again to continue" in output

    killed = start(tmp_path, "interrupted")
    pattern = "members/*/run/checkpoints/step_*"
    before = {path.name for path in (tmp_path / "interrupted").glob(pattern)}
    while {path.name for path in (tmp_path / "interrupted").glob(pattern)} == before:
        time.sleep(0.02)
    killed.kill()
    killed.communicate(timeout=120)

    again = start(tmp_path, "interrupted")
    output, _ = again.communicate(timeout=300)
    assert again.returncode == 0, output
    assert losses(tmp_path / "interrupted") == losses(tmp_path / "whole")
    assert len(losses(tmp_path / "whole")) == 2
