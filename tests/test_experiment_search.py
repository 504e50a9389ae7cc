"""The search for settings: its files, its command, and the processes that train."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import experiments
from experimentation.planning import plan
from experimentation.scales import EXPERIMENT_FILES, SCALES, read_scale
from experimentation.search_space import Dimension, read_search
from experimentation.search_training import Training
from experimentation.table import read_experiments
from experimentation.yaml_file import TableError
from run_request import read_request

from .experiment_table import BASE, write_table

SEARCH = {
    "title": "Tiny",
    "space": {"schedule.max_lr": {"choices": [1e-2, 1e6]}, "optimizer.weight_decay": {"uniform": [0.0, 0.1]}},
    "base": {"schedule.warmup_fraction": 0.0},
    "trials": 2,
    "pruner": "none",
}


def write_search(tmp_path, content=SEARCH, **scale):
    folder = write_table(tmp_path / "table", {"base": BASE}, **scale)
    (folder / "searches").mkdir()
    (folder / "searches" / "tiny.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder


def options(tmp_path):
    return ["tiny", "--experiments", tmp_path / "table", "--directory", tmp_path / "results"]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("path", sorted((EXPERIMENT_FILES / "searches").glob("*.yaml")), ids=lambda path: path.stem)
def test_each_search_that_comes_with_the_project_is_valid(path, scale):
    search = read_search(EXPERIMENT_FILES, path.stem, read_scale(scale))
    assert search.startup_trials < search.trials


def test_a_search_is_read_at_a_scale(tmp_path):
    kinds = {
        "schedule.max_lr": {"log_uniform": [1e-3, 1e-1]},
        "model.num_layers": {"integers": [1, 3]},
        "optimizer.betas": {"choices": [[0.9, 0.95], [0.9, 0.99]]},
    }
    folder = write_search(tmp_path, {**SEARCH, "space": kinds, "scales": {"gpu": {"trials": 50}}})
    search, larger = (read_search(folder, "tiny", read_scale(name, folder)) for name in ("cpu", "gpu"))
    assert (search.trials, larger.trials, search.base) == (2, 50, {"schedule.warmup_fraction": 0.0})
    assert search.space["schedule.max_lr"] == Dimension("log_uniform", (1e-3, 1e-1))
    assert [
        each.distribution().to_internal_repr(value)
        for each, value in zip(search.space.values(), (0.01, 2, "[0.9, 0.99]"), strict=True)
    ] == [0.01, 2, 1]
    parameters = {"schedule.max_lr": 0.01, "model.num_layers": 2, "optimizer.betas": "[0.9, 0.99]"}
    assert search.settings(parameters) == {**parameters, "optimizer.betas": [0.9, 0.99]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"space": {}}, "space is empty"),
        ({"space": {"schedule.max_lr": {"normal": [0, 1]}}}, "has the unknown key normal"),
        ({"space": {"schedule.max_lr": {}}}, "has 0 kinds of values: give one of uniform"),
        ({"space": {"schedule.max_lr": {"uniform": [1.0]}}}, "give the lowest and the highest value"),
        ({"space": {"schedule.max_lr": {"uniform": [2.0, 1.0]}}}, "give the lowest and the highest value"),
        ({"space": {"schedule.max_lr": {"log_uniform": [0, 1]}}}, "begins at 0: give a number above 0"),
        ({"space": {"model.num_layers": {"integers": [1.5, 2]}}}, "is 1.5: give numbers"),
        ({"space": {"optimizer.betas": {"choices": []}}}, "choices is empty"),
        ({"space": {"optimizer.betas": {"choices": [[0.9, 1.5]]}}}, "space.optimizer.betas: optimizer.betas is"),
        ({"space": {"schedule.max_rate": {"uniform": [0.0, 1.0]}}}, "did you mean"),
        ({"space": {"run.seed": {"integers": [0, 9]}}}, "run.seed is set by the runner"),
        ({"base": {"schedule.warmup": 1}}, "tiny.yaml: base: unknown option --schedule.warmup: did you mean"),
        ({"trials": 0}, "trials is 0: give at least 1"),
        ({"sampler": "grid"}, "sampler is 'grid': choose one of tpe, random"),
        ({"pruner": "mean"}, "pruner is 'mean': choose one of median, hyperband, none"),
        ({"scales": {"huge": {}}}, "unknown key huge"),
    ],
)
def test_a_wrong_file_is_answered_in_one_line(tmp_path, change, message):
    folder = write_search(tmp_path, {**SEARCH, **change})
    with pytest.raises(TableError) as raised:
        read_search(folder, "tiny", read_scale("cpu", folder))
    assert message in str(raised.value)
    assert str(folder / "searches" / "tiny.yaml") in str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: NAME"),
        (["rates"], "there is no search 'rates': "),
        (["tiny", "--trials", "0"], "--trials is 0: give at least 1"),
        (["tiny", "--parallel", "0"], "--parallel is 0: give at least 1"),
        (["tiny", "--show"], "run the search first, or give its --directory and --scale"),
        (["tiny", "--scale", "gpu"], "needs consent to the cost above: add --yes"),
    ],
)
def test_mistakes_on_the_command_line_are_answered_in_one_line(call, tmp_path, arguments, message):
    write_search(tmp_path)
    shared = options(tmp_path)[1:] if arguments else []
    outcome = call(experiments.main, "search", *arguments, *shared)
    assert message in outcome.one_line_error()
    assert outcome.output.startswith("cost: 2 members" if "gpu" in arguments else "")
    assert not list((tmp_path / "results").glob("members/*"))


def test_a_search_trains_continues_and_names_the_best_settings(call, tmp_path):
    """One of the two rates diverges, which is a result."""
    write_search(tmp_path)
    outcome = call(experiments.main, "search", *options(tmp_path), "--parallel", "2")
    assert (outcome.code, outcome.errors) == (0, ""), outcome
    lines = outcome.output.splitlines()
    assert sum(line.startswith("[") for line in lines) == 2
    assert "Tiny: 1 diverged, 1 finished" in lines
    command = lines[-1].split()
    assert command[:4] == ["uv", "run", "apps/train_tinystories.py", "--config"]

    again = call(experiments.main, "search", *options(tmp_path))
    assert again.output.splitlines() == lines[-len(again.output.splitlines()) :]
    shown = call(experiments.main, "search", *options(tmp_path), "--show").output.splitlines()
    assert (shown[0].split()[0], shown[-1]) == ("trial", "Tiny: 1 diverged, 1 finished")

    write = (tmp_path / "table" / "searches" / "tiny.yaml").write_text
    write(yaml.safe_dump({**SEARCH, "base": {"schedule.warmup_fraction": 0.5}}))
    assert (
        "have another space, other base settings"
        in call(experiments.main, "search", *options(tmp_path)).one_line_error()
    )

    config = read_request([*command[3:-1], str(tmp_path / "best")], "tinystories.yaml", "Train.").config
    assert (config.schedule.max_lr, config.run.directory) == (1e-2, str(tmp_path / "best"))
    assert all(Path(path).is_file() for path in (config.data.train_tokens, config.data.tokenizer))


def test_the_process_of_a_trial_can_be_stopped(tmp_path):
    folder = write_table(tmp_path / "table", {"base": BASE})
    table = read_experiments(folder)
    (member,) = plan(table, table, read_scale("cpu", folder), None)
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    training = Training(member, tmp_path / "results", process)
    assert (training.ended(), training.losses()) == (None, [])
    training.stop()
    training.close()
    assert training.ended().error.startswith("killed by SIGTERM; its folder is ")
    training.stop()
    training.close()
