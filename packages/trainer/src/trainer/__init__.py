"""Training runs: memory-mapped data, safetensors checkpoints, the training loop."""

from trainer.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from trainer.command_line import ConfigError, option_values, parse_config, save_config
from trainer.config import (
    DataConfig,
    OptimizerConfig,
    ReportingConfig,
    RunConfig,
    ScheduleConfig,
    TrainConfig,
    TrainingConfig,
    WandbConfig,
)
from trainer.data import DataError, TrainingData, get_batch, open_data, open_tokens
from trainer.devices import choose_device
from trainer.environment import record_environment
from trainer.evaluation import Evaluation, SampleHook, evaluate, measure_loss, perplexity, validation_batches
from trainer.loop import DivergedError, TrainingResult, train
from trainer.memory import peak_memory_bytes
from trainer.metrics_file import MetricsError, read_metrics, rewind_metrics
from trainer.peak_flops import Precision, datasheet_peak_flops
from trainer.plots import Curve, PlotError, draw_curves, plot_loss, plot_runs, read_curves, save_figure
from trainer.reporter import Reporter, ReportingError
from trainer.reporting import Reporters, make_reporters
from trainer.run_directory import RunDirectory, RunDirectoryError, new_run_directory, open_run_directory
from trainer.state import StateError
from trainer.step import learning_rate, make_optimizer, train_step
from trainer.throughput import Speed, Throughput

__all__ = [
    "CheckpointError",
    "ConfigError",
    "Curve",
    "DataConfig",
    "DataError",
    "DivergedError",
    "Evaluation",
    "MetricsError",
    "OptimizerConfig",
    "PlotError",
    "Precision",
    "Reporter",
    "Reporters",
    "ReportingConfig",
    "ReportingError",
    "RunConfig",
    "RunDirectory",
    "RunDirectoryError",
    "SampleHook",
    "ScheduleConfig",
    "Speed",
    "StateError",
    "Throughput",
    "TrainConfig",
    "TrainingConfig",
    "TrainingData",
    "TrainingResult",
    "WandbConfig",
    "choose_device",
    "datasheet_peak_flops",
    "draw_curves",
    "evaluate",
    "get_batch",
    "learning_rate",
    "load_checkpoint",
    "make_optimizer",
    "make_reporters",
    "measure_loss",
    "new_run_directory",
    "open_data",
    "open_run_directory",
    "open_tokens",
    "option_values",
    "parse_config",
    "peak_memory_bytes",
    "perplexity",
    "plot_loss",
    "plot_runs",
    "read_curves",
    "read_metrics",
    "record_environment",
    "rewind_metrics",
    "save_checkpoint",
    "save_config",
    "save_figure",
    "train",
    "train_step",
    "validation_batches",
]
