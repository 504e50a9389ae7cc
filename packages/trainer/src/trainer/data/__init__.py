"""The data of a run: token files, the batches of each step, validation batches, fingerprints.

It imports `trainer.config` and nothing else of `trainer`.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
