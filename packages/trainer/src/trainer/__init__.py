"""Training runs: memory-mapped data, safetensors checkpoints, the training loop."""

from trainer.background_writing import CheckpointWriter
from trainer.batches import TrainingBatches
from trainer.checkpoint import load_checkpoint, save_checkpoint
from trainer.checkpoint_format import CheckpointError, Progress
from trainer.checkpoint_reading import Checkpoint, open_checkpoint
from trainer.checkpoint_store import CheckpointConfig, CheckpointStore
from trainer.checkpoint_writing import CheckpointWriteError
from trainer.command_line import ConfigError, config_difference, option_values, parse_config, save_config
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
from trainer.data import TrainingData, get_batch, open_data
from trainer.devices import choose_device
from trainer.environment import record_environment
from trainer.evaluation import Evaluation, SampleHook, evaluate, measure_loss, perplexity, validation_batches
from trainer.fingerprint import (
    DataFingerprint,
    fingerprint_data,
    load_fingerprint,
    refuse_other_data,
    save_fingerprint,
)
from trainer.guards import DivergedError
from trainer.interruption import INTERRUPTED_EXIT_CODE, TrainingInterrupted
from trainer.memory import peak_memory_bytes
from trainer.metrics_file import MetricsError, read_metrics, rewind_metrics
from trainer.peak_flops import Precision, datasheet_peak_flops
from trainer.plots import Curve, PlotError, draw_curves, plot_loss, plot_runs, read_curves, save_figure
from trainer.prefetch import Prefetcher
from trainer.reporter import Reporter, ReportingError
from trainer.reporting import Reporters, make_reporters
from trainer.rng import capture_rng, restore_rng
from trainer.run_directory import RunDirectory, RunDirectoryError, new_run_directory, open_run_directory
from trainer.state import StateError
from trainer.step import learning_rate, make_optimizer, train_step
from trainer.throughput import Speed, Throughput
from trainer.token_files import DataError, TokenFile, open_token_file, open_tokens
from trainer.training_run import TrainingResult, train

__all__ = [
    "INTERRUPTED_EXIT_CODE",
    "Checkpoint",
    "CheckpointConfig",
    "CheckpointError",
    "CheckpointStore",
    "CheckpointWriteError",
    "CheckpointWriter",
    "ConfigError",
    "Curve",
    "DataConfig",
    "DataError",
    "DataFingerprint",
    "DivergedError",
    "Evaluation",
    "MetricsError",
    "OptimizerConfig",
    "PlotError",
    "Precision",
    "Prefetcher",
    "Progress",
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
    "TokenFile",
    "TrainConfig",
    "TrainingBatches",
    "TrainingConfig",
    "TrainingData",
    "TrainingInterrupted",
    "TrainingResult",
    "WandbConfig",
    "capture_rng",
    "choose_device",
    "config_difference",
    "datasheet_peak_flops",
    "draw_curves",
    "evaluate",
    "fingerprint_data",
    "get_batch",
    "learning_rate",
    "load_checkpoint",
    "load_fingerprint",
    "make_optimizer",
    "make_reporters",
    "measure_loss",
    "new_run_directory",
    "open_checkpoint",
    "open_data",
    "open_run_directory",
    "open_token_file",
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
    "refuse_other_data",
    "restore_rng",
    "rewind_metrics",
    "save_checkpoint",
    "save_config",
    "save_figure",
    "save_fingerprint",
    "train",
    "train_step",
    "validation_batches",
]
