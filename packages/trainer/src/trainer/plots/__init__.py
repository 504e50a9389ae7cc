"""Plots of one or several runs, as PNG or SVG.

It imports `trainer.reporting` and `trainer.run`, and nothing else of `trainer`; matplotlib is loaded by the first plot.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
