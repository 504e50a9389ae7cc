"""The folder of a run, its lock, and the record of its environment.

It imports `trainer.checkpoints` and `trainer.runtime`, and nothing else of `trainer`.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
