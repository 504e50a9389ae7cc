from .background import CheckpointWriter as CheckpointWriter
from .checkpoint import (
    load_checkpoint as load_checkpoint,
    save_checkpoint as save_checkpoint,
)
from .format import (
    CheckpointError as CheckpointError,
    Progress as Progress,
)
from .reading import (
    Checkpoint as Checkpoint,
    open_checkpoint as open_checkpoint,
)
from .rng_state import (
    capture_rng as capture_rng,
    restore_rng as restore_rng,
)
from .state_tree import StateError as StateError
from .store import CheckpointStore as CheckpointStore
from .writing import CheckpointWriteError as CheckpointWriteError
