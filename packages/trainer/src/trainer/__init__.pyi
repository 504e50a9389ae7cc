from .checkpoints.checkpoint import (
    load_checkpoint as load_checkpoint,
)
from .checkpoints.checkpoint import (
    save_checkpoint as save_checkpoint,
)
from .checkpoints.format import CheckpointError as CheckpointError
from .config import (
    CheckpointConfig as CheckpointConfig,
)
from .config import (
    DataConfig as DataConfig,
)
from .config import (
    OptimizerConfig as OptimizerConfig,
)
from .config import (
    ReportingConfig as ReportingConfig,
)
from .config import (
    RunConfig as RunConfig,
)
from .config import (
    ScheduleConfig as ScheduleConfig,
)
from .config import (
    TrainConfig as TrainConfig,
)
from .config import (
    TrainingConfig as TrainingConfig,
)
from .config import (
    WandbConfig as WandbConfig,
)
from .config_files import (
    config_difference as config_difference,
)
from .config_files import (
    option_values as option_values,
)
from .config_files import (
    parse_config as parse_config,
)
from .config_files import (
    save_config as save_config,
)
from .config_values import ConfigError as ConfigError
from .data.token_files import DataError as DataError
from .data.training_data import (
    get_batch as get_batch,
)
from .data.training_data import (
    open_data as open_data,
)
from .evaluation import (
    SampleHook as SampleHook,
)
from .evaluation import (
    evaluate as evaluate,
)
from .evaluation import (
    perplexity as perplexity,
)
from .guards import DivergedError as DivergedError
from .plots.run_curves import (
    plot_loss as plot_loss,
)
from .plots.run_curves import (
    plot_runs as plot_runs,
)
from .reporting.metrics_file import read_metrics as read_metrics
from .run.directory import (
    RunDirectory as RunDirectory,
)
from .run.directory import (
    RunDirectoryError as RunDirectoryError,
)
from .run.directory import (
    new_run_directory as new_run_directory,
)
from .run.directory import (
    open_run_directory as open_run_directory,
)
from .runtime.device import choose_device as choose_device
from .runtime.interruption import (
    INTERRUPTED_EXIT_CODE as INTERRUPTED_EXIT_CODE,
)
from .runtime.interruption import (
    TrainingInterrupted as TrainingInterrupted,
)
from .step import (
    learning_rate as learning_rate,
)
from .step import (
    make_optimizer as make_optimizer,
)
from .step import (
    train_step as train_step,
)
from .training_run import (
    TrainingResult as TrainingResult,
)
from .training_run import (
    train as train,
)
