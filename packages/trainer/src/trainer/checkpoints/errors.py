"""The errors of checkpoints, in a module of their own so that catching one does not load torch."""


class StateError(ValueError):
    """A state_dict contains something that a checkpoint cannot store, or a stored tree is malformed."""


class CheckpointError(ValueError):
    """A checkpoint is missing, damaged, or belongs to a different model."""


class CheckpointWriteError(OSError):
    """A checkpoint could not be written; no part of it is left behind, and earlier checkpoints are unchanged."""

    def __str__(self) -> str:
        return self.strerror or super().__str__()  # without "[Errno 28]" in front of a whole sentence
