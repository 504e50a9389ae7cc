"""Models from and for other libraries.

Hugging Face's Llama folders are read and written, llama2.c's checkpoints are read.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
