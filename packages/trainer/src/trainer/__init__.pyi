from .checkpoints.checkpoint import (
    load_checkpoint as load_checkpoint,
    save_checkpoint as save_checkpoint,
)
from .checkpoints.errors import CheckpointError as CheckpointError
from .config import (
    CheckpointConfig as CheckpointConfig,
    DataConfig as DataConfig,
    OptimizerConfig as OptimizerConfig,
    ReportingConfig as ReportingConfig,
    RunConfig as RunConfig,
    ScheduleConfig as ScheduleConfig,
    TrainConfig as TrainConfig,
    TrainingConfig as TrainingConfig,
    WandbConfig as WandbConfig,
)
from .config_files import (
    config_difference as config_difference,
    option_values as option_values,
    parse_config as parse_config,
    save_config as save_config,
)
from .config_values import ConfigError as ConfigError
from .data.token_files import DataError as DataError
from .data.training_data import open_data as open_data
from .data.windows import get_batch as get_batch
from .divergence import DivergedError as DivergedError
from .evaluation import (
    SampleHook as SampleHook,
    evaluate as evaluate,
    measure_loss as measure_loss,
    perplexity as perplexity,
)
from .optimization import (
    learning_rate as learning_rate,
    make_optimizer as make_optimizer,
)
from .reporting.metrics_file import read_metrics as read_metrics
from .run.directory import (
    RunDirectory as RunDirectory,
    new_run_directory as new_run_directory,
    open_run_directory as open_run_directory,
)
from .runtime.device import choose_device as choose_device
from .runtime.interruption import (
    INTERRUPTED_EXIT_CODE as INTERRUPTED_EXIT_CODE,
    TrainingInterrupted as TrainingInterrupted,
)
from .step import (
    StepResult as StepResult,
    train_step as train_step,
)
from .train_state import (
    TrainState as TrainState,
    build_train_state as build_train_state,
)
from .training_run import (
    TrainingResult as TrainingResult,
    train as train,
)
