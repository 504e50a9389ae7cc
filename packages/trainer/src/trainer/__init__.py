"""Training runs: memory-mapped data, safetensors checkpoints, the training loop."""

from trainer.batches import TrainingBatches
from trainer.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from trainer.command_line import ConfigError, option_values, parse_config, save_config
from trainer.config import (
    DataConfig,
    OptimizerConfig,
    RunConfig,
    ScheduleConfig,
    TrainConfig,
    TrainingConfig,
    WandbConfig,
)
from trainer.data import TrainingData, get_batch, open_data
from trainer.devices import choose_device
from trainer.evaluation import evaluate, perplexity
from trainer.evaluation_windows import EvaluationBatch, EvaluationWindows
from trainer.fingerprint import (
    DataFingerprint,
    fingerprint_data,
    load_fingerprint,
    refuse_other_data,
    save_fingerprint,
)
from trainer.loop import DivergedError, TrainingResult, train
from trainer.plots import plot_loss
from trainer.prefetch import Prefetcher
from trainer.reporting import read_metrics
from trainer.run_directory import RunDirectory, RunDirectoryError, new_run_directory, open_run_directory
from trainer.state import StateError
from trainer.step import learning_rate, make_optimizer, train_step
from trainer.token_files import DataError, TokenFile, open_token_file, open_tokens

__all__ = [
    "CheckpointError",
    "ConfigError",
    "DataConfig",
    "DataError",
    "DataFingerprint",
    "DivergedError",
    "EvaluationBatch",
    "EvaluationWindows",
    "OptimizerConfig",
    "Prefetcher",
    "RunConfig",
    "RunDirectory",
    "RunDirectoryError",
    "ScheduleConfig",
    "StateError",
    "TokenFile",
    "TrainConfig",
    "TrainingBatches",
    "TrainingConfig",
    "TrainingData",
    "TrainingResult",
    "WandbConfig",
    "choose_device",
    "evaluate",
    "fingerprint_data",
    "get_batch",
    "learning_rate",
    "load_checkpoint",
    "load_fingerprint",
    "make_optimizer",
    "new_run_directory",
    "open_data",
    "open_run_directory",
    "open_token_file",
    "open_tokens",
    "option_values",
    "parse_config",
    "perplexity",
    "plot_loss",
    "read_metrics",
    "refuse_other_data",
    "save_checkpoint",
    "save_config",
    "save_fingerprint",
    "train",
    "train_step",
]
