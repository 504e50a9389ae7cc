"""Checkpoints: safetensors and JSON, verified when they are read, written in the background."""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
