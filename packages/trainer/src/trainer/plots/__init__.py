"""Curves of one run or of several, as PNG or SVG."""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
