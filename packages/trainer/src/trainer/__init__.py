"""Training runs: memory-mapped data, safetensors checkpoints, the training loop."""

from trainer.background_writing import CheckpointWriter
from trainer.checkpoint import load_checkpoint, save_checkpoint
from trainer.checkpoint_format import CheckpointError, Progress
from trainer.checkpoint_reading import Checkpoint, open_checkpoint
from trainer.checkpoint_store import CheckpointConfig, CheckpointStore
from trainer.checkpoint_writing import CheckpointWriteError
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
from trainer.data import DataError, TrainingData, get_batch, open_data, open_tokens
from trainer.devices import choose_device
from trainer.evaluation import evaluate, perplexity
from trainer.guards import DivergedError
from trainer.interruption import INTERRUPTED_EXIT_CODE, TrainingInterrupted
from trainer.plots import plot_loss
from trainer.reporting import read_metrics
from trainer.rng import capture_rng, restore_rng
from trainer.run_directory import RunDirectory, RunDirectoryError, new_run_directory, open_run_directory
from trainer.state import StateError
from trainer.step import learning_rate, make_optimizer, train_step
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
    "DataConfig",
    "DataError",
    "DivergedError",
    "OptimizerConfig",
    "Progress",
    "RunConfig",
    "RunDirectory",
    "RunDirectoryError",
    "ScheduleConfig",
    "StateError",
    "TrainConfig",
    "TrainingConfig",
    "TrainingData",
    "TrainingInterrupted",
    "TrainingResult",
    "WandbConfig",
    "capture_rng",
    "choose_device",
    "evaluate",
    "get_batch",
    "learning_rate",
    "load_checkpoint",
    "make_optimizer",
    "new_run_directory",
    "open_checkpoint",
    "open_data",
    "open_run_directory",
    "open_tokens",
    "option_values",
    "parse_config",
    "perplexity",
    "plot_loss",
    "read_metrics",
    "restore_rng",
    "save_checkpoint",
    "save_config",
    "train",
    "train_step",
]
