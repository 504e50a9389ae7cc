"""Checkpoints: safetensors and JSON, verified when they are read, written in the background.

It imports `trainer.config` and `trainer.runtime`, and nothing else of `trainer`.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
