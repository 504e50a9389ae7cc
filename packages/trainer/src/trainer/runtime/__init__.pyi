from .compilation import (
    missing_compiler as missing_compiler,
)
from .compilation import (
    why_not_compiled as why_not_compiled,
)
from .device import (
    choose_device as choose_device,
)
from .device import (
    device_name as device_name,
)
from .distributed import (
    DistributedError as DistributedError,
)
from .distributed import (
    World as World,
)
from .interruption import (
    INTERRUPTED_EXIT_CODE as INTERRUPTED_EXIT_CODE,
)
from .interruption import (
    TrainingInterrupted as TrainingInterrupted,
)
from .memory import peak_memory_bytes as peak_memory_bytes
from .peak_flops import datasheet_peak_flops as datasheet_peak_flops
from .precision import computes_in_bfloat16 as computes_in_bfloat16
