import ast
import doctest
import importlib
import pkgutil
from pathlib import Path

import nn
import nn.interchange


def test_public_names():
    assert nn.__all__ == [
        "CausalMultiHeadSelfAttention",
        "Embedding",
        "KVCache",
        "Linear",
        "ModelConfig",
        "RMSNorm",
        "ReLU2Network",
        "RotaryPositionalEmbedding",
        "SamplingConfig",
        "SiLUNetwork",
        "SwiGLU",
        "TransformerBlock",
        "TransformerLM",
        "causal_mask",
        "cross_entropy",
        "generate",
        "generate_batch",
        "next_token_probabilities",
        "sample",
        "scaled_dot_product_attention",
        "silu",
        "soft_cap",
        "softmax",
    ]
    assert all(hasattr(nn, name) for name in nn.__all__)


def test_public_names_of_interchange():
    assert nn.interchange.__all__ == [
        "DTYPES",
        "InterchangeError",
        "check_exportable",
        "load_llama",
        "load_llama2c",
        "save_llama",
        "whole_folder",
        "write_llama",
    ]
    assert all(hasattr(nn.interchange, name) for name in nn.interchange.__all__)


def test_everything_is_written_from_scratch():
    """From torch.nn come only the base class, the parameter, the containers and init; kernels stay in one file."""
    allowed = {"Module", "ModuleList", "Parameter", "init"}
    files = [file for file in Path(nn.__file__).parent.rglob("*.py") if file.name != "attention_backends.py"]
    assert len(files) > 10
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "torch.nn":
                assert {alias.name for alias in node.names} <= allowed, file
            if isinstance(node, ast.ImportFrom) and node.module:
                assert not node.module.startswith("torch.nn."), file
            if isinstance(node, ast.Import):
                assert not any(alias.name.startswith("torch.nn") for alias in node.names), file
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "torch":
                assert node.attr not in {"nn", "softmax", "rms_norm", "embedding"}, file


def test_the_examples_in_the_docstrings():
    modules = [nn, *(importlib.import_module(entry.name) for entry in pkgutil.walk_packages(nn.__path__, "nn."))]
    results = [doctest.testmod(module) for module in modules]
    assert sum(result.failed for result in results) == 0
    assert sum(result.attempted for result in results) > 0
