from .console import ConsoleAndLog as ConsoleAndLog
from .isolation import BestEffort as BestEffort
from .metrics_file import (
    MetricsError as MetricsError,
)
from .metrics_file import (
    MetricsFile as MetricsFile,
)
from .metrics_file import (
    read_metrics as read_metrics,
)
from .metrics_file import (
    rewind_metrics as rewind_metrics,
)
from .reporter import (
    Metrics as Metrics,
)
from .reporter import (
    Reporter as Reporter,
)
from .reporter import (
    ReportingError as ReportingError,
)
from .reporters import (
    Reporters as Reporters,
)
from .reporters import (
    make_reporters as make_reporters,
)
from .tensorboard import TensorBoard as TensorBoard
from .throughput import (
    Speed as Speed,
)
from .throughput import (
    Throughput as Throughput,
)
from .wandb import WeightsAndBiases as WeightsAndBiases
