"""What commands import before they know that they need torch does not load it."""

import subprocess
import sys

WITHOUT_TORCH = [
    *(f"trainer.checkpoints.{name}" for name in ("errors", "folders", "format")),
    *(f"trainer.data.{name}" for name in ("token_files", "fingerprint", "mixture", "shuffling")),
    *(f"trainer.plots.{name}" for name in ("curves", "figure", "run_curves", "style")),
    *(f"trainer.reporting.{name}" for name in ("append_file", "console", "isolation", "metrics_file", "reporter")),
    *(f"trainer.run.{name}" for name in ("directory", "lock", "source_revision")),
    *(f"trainer.runtime.{name}" for name in ("interruption", "peak_flops")),
]

NAMES = {
    "trainer": (
        "CheckpointError ConfigError DataError INTERRUPTED_EXIT_CODE RunDirectory TrainConfig TrainingInterrupted "
        "new_run_directory open_run_directory parse_config read_metrics save_config"
    ),
    "trainer.checkpoints": "CheckpointError CheckpointWriteError StateError Progress",
    "trainer.data": "DataError TokenFile open_token_file open_tokens fingerprint_file load_fingerprint",
    "trainer.plots": "PlotError draw_curves plot_loss plot_runs read_curves run_labels save_figure",
    "trainer.reporting": "MetricsError Reporter ReportingError read_metrics",
    "trainer.run": "RunInUseError RunDirectory RunDirectoryError open_run_directory",
    "trainer.runtime": "Interruption TrainingInterrupted datasheet_peak_flops",
}

PROGRAM = """
import sys
for statement in sys.argv[1:]:
    exec(statement)
    print(*(name for name in ("torch", "matplotlib") if name in sys.modules), statement, sep=" after ")
"""


def test_nothing_here_loads_torch_or_matplotlib():
    statements = [f"import {module}" for module in WITHOUT_TORCH]
    statements += [f"from {package} import {', '.join(names.split())}" for package, names in NAMES.items()]
    done = subprocess.run([sys.executable, "-c", PROGRAM, *statements], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == statements


def test_a_configuration_is_read_without_torch():
    program = (
        "import sys; from trainer import TrainConfig, parse_config; parse_config(TrainConfig, []); "
        "print(*({'torch', 'einx', 'wandb', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_run_can_be_looked_up_without_torch(tmp_path):
    (tmp_path / "config.yaml").touch()
    (tmp_path / "checkpoints" / "step_00000007").mkdir(parents=True)
    program = (
        "import sys; from trainer import open_run_directory; run = open_run_directory(sys.argv[1]); "
        "print(run.latest_checkpoint().name, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["step_00000007", "False"]
