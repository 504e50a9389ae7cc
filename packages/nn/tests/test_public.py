"""What the package offers, and what it costs to import it."""

import ast
import doctest
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import nn
import nn.accounting
import nn.interchange

NAMES = {
    nn: [
        *("AttentionBackend", "AttentionFunction", "CausalMultiHeadSelfAttention", "DecodingMode", "DrawnToken"),
        *("Embedding", "context_window", "generate_tokens", "score"),
        *("KVCache", "Linear", "Mix", "ModelConfig", "RMSNorm", "ReLU2Network", "RotaryPositionalEmbedding"),
        *("SamplingConfig", "SiLUNetwork", "SwiGLU", "TransformerBlock", "TransformerLM", "causal_attention"),
        *(
            "causal_mask",
            "choose_backend",
            "compile_blocks",
            "cross_entropy",
            "generate",
            "generate_batch",
            "linear_cross_entropy",
        ),
        *("next_token_probabilities", "number_documents", "sample", "scaled_dot_product_attention", "silu"),
        *("soft_cap", "softmax", "use_float8"),
    ],
    nn.accounting: [
        *("FlopCount", "LossKind", "OptimizerKind", "PairKind", "ParameterCount", "PeakMemory", "PrecisionScheme"),
        *("ReferenceMemory", "TrainingMemory", "attention_pairs", "backward_flops", "count_parameters"),
        *("forward_flops", "kv_cache_bytes", "optimizer_values", "reference_activations", "reference_memory"),
        *("training_flops", "training_flops_by_rule", "training_memory", "training_seconds"),
    ],
    nn.interchange: [
        *("DTYPES", "DTYPE_NAMES", "InterchangeError", "check_exportable", "from_llama_config", "load_llama"),
        *("load_llama2c", "save_llama", "whole_folder", "write_llama"),
    ],
}


@pytest.mark.parametrize("package", NAMES, ids=lambda package: package.__name__)
def test_public_names(package):
    assert package.__all__ == sorted(NAMES[package])
    assert set(NAMES[package]) <= set(dir(package))
    assert all(getattr(package, name) is not None for name in package.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        package.nothing  # noqa: B018


@pytest.mark.parametrize(
    "code",
    [
        "import nn; dir(nn)",
        "from nn import DecodingMode, DrawnToken, ModelConfig, SamplingConfig, context_window; ModelConfig()",
        "from nn import ModelConfig; from nn.accounting import *; training_memory(ModelConfig()), PrecisionScheme",
        "from nn.interchange import DTYPE_NAMES, InterchangeError, check_exportable, from_llama_config, whole_folder",
    ],
)
def test_configurations_and_arithmetic_load_without_torch(code):
    """In a process of its own, because the tests have loaded everything already."""
    heavy = "{'torch', 'einx', 'numpy', 'jaxtyping', 'safetensors'}"
    program = f"{code}\nimport sys\nassert not {heavy} & sys.modules.keys(), {heavy} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_everything_is_written_from_scratch():
    """From torch.nn come only the base class, the parameter, the containers and init; kernels are in one file."""
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
