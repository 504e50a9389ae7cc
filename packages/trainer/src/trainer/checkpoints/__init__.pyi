from .background import CheckpointWriter as CheckpointWriter
from .checkpoint import load_checkpoint as load_checkpoint, save_checkpoint as save_checkpoint
from .errors import (
    CheckpointError as CheckpointError,
    CheckpointWriteError as CheckpointWriteError,
    StateError as StateError,
)
from .format import Progress as Progress
from .reading import Checkpoint as Checkpoint, open_checkpoint as open_checkpoint
from .rng_state import capture_rng as capture_rng, restore_rng as restore_rng
from .store import CheckpointStore as CheckpointStore
