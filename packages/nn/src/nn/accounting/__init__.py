"""What a model costs, from its configuration alone: parameters, operations, memory, time.

All of it is plain arithmetic: torch is never loaded.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
