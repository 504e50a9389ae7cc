"""Training runs: memory-mapped data, safetensors checkpoints, the training loop."""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
