"""Models from and for other libraries: Hugging Face's Llama folders, out and in, and llama2.c's checkpoints, in."""

from nn.interchange.conversion import DTYPES
from nn.interchange.errors import InterchangeError
from nn.interchange.llama2c import load_llama2c
from nn.interchange.llama_config import check_exportable
from nn.interchange.llama_export import save_llama, write_llama
from nn.interchange.llama_import import load_llama
from nn.interchange.whole_folder import whole_folder

__all__ = [
    "DTYPES",
    "InterchangeError",
    "check_exportable",
    "load_llama",
    "load_llama2c",
    "save_llama",
    "whole_folder",
    "write_llama",
]
