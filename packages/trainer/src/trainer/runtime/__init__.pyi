from .compilation import (
    LossFunction as LossFunction,
    estimate_run_flops as estimate_run_flops,
    missing_compiler as missing_compiler,
    why_not_compiled as why_not_compiled,
)
from .device import choose_device as choose_device, device_name as device_name
from .distributed import (
    DistributedError as DistributedError,
    LostProcessError as LostProcessError,
    World as World,
    process_group as process_group,
)
from .interruption import (
    INTERRUPTED_EXIT_CODE as INTERRUPTED_EXIT_CODE,
    Interruption as Interruption,
    TrainingInterrupted as TrainingInterrupted,
)
from .memory import TooLittleMemoryError as TooLittleMemoryError, peak_memory_bytes as peak_memory_bytes
from .peak_flops import MatmulFormat as MatmulFormat, datasheet_peak_flops as datasheet_peak_flops
from .precision import computes_in_bfloat16 as computes_in_bfloat16, computes_in_float8 as computes_in_float8
from .sharding import (
    distribute as distribute,
    full_state_dict as full_state_dict,
    no_sync as no_sync,
    reshard as reshard,
    shard_like as shard_like,
)
