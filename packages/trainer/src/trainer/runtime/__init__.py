"""What a run computes on and how: device, precision, compilation, processes, memory, interruption.

It imports `trainer.config` and nothing else of `trainer`.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
