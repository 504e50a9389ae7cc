"""What a run reports, and where: metrics file, console and log, Weights & Biases, TensorBoard.

It imports `trainer.config` and `trainer.run`, and nothing else of `trainer`.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
