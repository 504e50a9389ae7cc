from .console import ConsoleAndLog as ConsoleAndLog
from .isolation import BestEffort as BestEffort
from .metrics_file import (
    MetricsError as MetricsError,
    MetricsFile as MetricsFile,
    read_metrics as read_metrics,
    rewind_metrics as rewind_metrics,
)
from .reporter import Metrics as Metrics, Reporter as Reporter, ReportingError as ReportingError
from .reporters import Reporters as Reporters, make_reporters as make_reporters
from .tensorboard import TensorBoard as TensorBoard
from .throughput import Speed as Speed, Throughput as Throughput
from .wandb import WeightsAndBiases as WeightsAndBiases
