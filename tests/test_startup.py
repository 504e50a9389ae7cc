"""Command lines are read, and mistakes reported, before torch is loaded: importing it takes seconds."""

import json
import subprocess
import sys

import pytest

from .conftest import APPS, ROOT

TRAINING = ("train_tinystories.py", "train_owt.py", "leaderboard.py")
MISSING = ("uv run apps/prepare_data.py ", "--data.train_text PATH --data.valid_text PATH")
COMMANDS = {
    **{f"{app} {option}": (app, option) for app in TRAINING for option in ("--offline", "--help")},
    **{
        f"train_owt.py {' '.join(options)}": ("train_owt.py", *options)
        for options in (
            ("--print-config",),
            ("--data.corpus=null",),
            ("--traning.steps=3",),
            ("--training.steps=abc",),
            ("--config=none.yaml",),
            ("--data.train_text=none.txt", "--data.valid_text=none.txt"),
            ("--resume=none",),
            ("--resume=RUN", "--model.num_layers=9"),
            ("--data.train_text=TEXT", "--data.valid_text=TEXT", "--run.directory=RUN"),
        )
    },
    **{
        f"{app} {' '.join(options)}": (f"{app}.py", *options)
        for app, *options in (
            ("quickstart", "--help"),
            ("quickstart", "--corpus_bytes=many"),
            ("account", "--help"),
            ("account", "--json"),
            ("account", "--account.mfu=2"),
            ("generate", "--help"),
            ("generate", "none"),
            ("generate", "RUN", "--temperature=warm"),
            ("generate", "RUN", "--top-p=2"),
            ("generate", "RUN", "--checkpoint=none"),
            ("playground", "--help"),
            ("playground", "none"),
            ("export_run", "--help"),
            ("export_run", "none", "OUT"),
            ("export_run", "RUN", "RUN"),
            ("import_model", "--help"),
            ("import_model", "none", "OUT"),
            ("prepare_data", "--help"),
            ("prepare_data", "none.txt"),
            ("prepare_data", "owt", "--vocab-size=10"),
            ("prepare_data", "TEXT", "--valid=2"),
            ("encode_with_ray", "--help"),
            ("encode_with_ray", "RUN/tokenizer.json", "none", "--out=OUT"),
            ("run_report", "--help"),
            ("run_report", "none"),
            ("plot_runs", "--help"),
            ("plot_runs", "none", "--out=OUT.svg"),
            ("plot_runs", "RUN", "--out=OUT.svg"),
            ("run_report", "RUN"),
        )
    },
}

RUNNER = """
import contextlib, io, json, runpy, sys
from pathlib import Path

results = []
for app, *arguments in json.loads(sys.argv[1]):
    sys.argv, sys.path[0] = [app, *arguments], str(Path(app).parent)
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            runpy.run_path(app, run_name="__main__")
        except SystemExit as exited:
            code = exited.code
    loaded = [name for name in ("torch", "einx", "numba", "matplotlib", "numpy", "wandb") if name in sys.modules]
    results.append((code, output.getvalue(), errors.getvalue(), loaded))
print(json.dumps(results))
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory, trained_run):
    """What each command prints, and which large libraries it has loaded: all in one fresh process, plots last."""
    folder = tmp_path_factory.mktemp("answers")
    places = {"RUN": str(trained_run), "OUT": str(folder / "out"), "TEXT": str(trained_run / "log.txt")}
    commands = [
        [str(APPS / app), *(_replaced(option, places) for option in options if option)]
        for app, *options in COMMANDS.values()
    ]
    done = subprocess.run(
        [sys.executable, "-c", RUNNER, json.dumps(commands)], cwd=folder, capture_output=True, text=True, check=True
    )
    return dict(zip(COMMANDS, json.loads(done.stdout), strict=True))


def _replaced(option, places):
    for name, place in places.items():
        option = option.replace(name, place)
    return option


@pytest.mark.parametrize("command", COMMANDS)
def test_torch_is_not_loaded(outcomes, command):
    _, _, errors, loaded = outcomes[command]
    assert "torch" not in loaded, errors
    assert "wandb" not in loaded
    if command not in ("plot_runs RUN --out=OUT.svg", "run_report RUN"):
        assert loaded == []


@pytest.mark.parametrize("app", TRAINING)
def test_missing_data_is_one_line(outcomes, app):
    code, output, errors, _ = outcomes[f"{app} --offline"]
    assert (code, output) == (2, "")
    assert errors.count("\n") == 1
    for part in MISSING:
        assert part in errors


@pytest.mark.parametrize("command", [name for name in COMMANDS if "--help" in name])
def test_help(outcomes, command):
    code, output, errors, _ = outcomes[command]
    assert (code, errors) == (0, "")
    assert output.index("usage: ") < output.index("examples:") < output.index("--help")
    if command.startswith(TRAINING):
        for part in ("--data.train_text", "--resume", "--dry-run", "--print-config", "--config FILE"):
            assert part in output
        assert output.index("groups of keys:") < 3000
        assert "Decay rates of AdamW" in output


def test_the_other_answers(outcomes):
    code, output, errors, _ = outcomes["train_owt.py --print-config"]
    assert (code, errors) == (0, "")
    assert "vocab_size: 32000" in output
    assert json.loads(outcomes["account --json"][1])["parameters"]["total"] == 22_696_448
    assert outcomes["plot_runs RUN --out=OUT.svg"][0] == 0
    assert outcomes["run_report RUN"][0] == 0
    mistakes = {
        "train_owt.py --data.corpus=null": "no data to train on: give --data.train_text FILE and ",
        "train_owt.py --traning.steps=3": "unknown option --traning.steps: did you mean --training.steps?",
        "train_owt.py --training.steps=abc": "training.steps is 'abc': give a whole number",
        "train_owt.py --resume=none": "none is not a run",
        "generate none": "none is not a run",
        "generate RUN --checkpoint=none": "checkpoint none does not exist: give a folder in ",
        "playground none": "none is not a folder: give a run or a folder of runs",
        "export_run none OUT": "none is not a run",
        "import_model none OUT": "none does not exist: give a model's folder",
        "plot_runs none --out=OUT.svg": "none is not a run",
        "prepare_data none.txt": "none.txt is neither a file nor one of the corpora tinystories, owt, fineweb",
        "prepare_data owt --vocab-size=10": "--vocab-size is 10: give 257",
        "prepare_data TEXT --valid=2": "--valid is 2.0: give a share between 0 and 1, or files",
        "run_report none": "none is not a run",
    }
    for command, message in mistakes.items():
        code, output, errors, _ = outcomes[command]
        assert (code, output) == (2, ""), command
        assert errors.startswith(f"error: {message}"), errors
    existing = "train_owt.py --data.train_text=TEXT --data.valid_text=TEXT --run.directory=RUN"
    assert "already exists: choose another run.directory" in outcomes[existing][2]
    assert "is not empty" in outcomes["export_run RUN RUN"][2]


def test_importing_the_packages_loads_nothing_large():
    code = (
        "import sys, bpe, nn, optim, trainer; "
        "print([name for name in ('torch', 'einx', 'numpy', 'numba', 'wandb', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"
