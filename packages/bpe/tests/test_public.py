import doctest
import importlib
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import bpe
from bpe import commands
from bpe.cli import main


def test_public_names():
    assert bpe.__all__ == [
        "PATTERNS",
        "Progress",
        "ShardInfo",
        "ShardManifest",
        "StreamDecoder",
        "TextFileError",
        "TokenFileError",
        "TokenFileInfo",
        "Tokenizer",
        "TokenizerFileError",
        "TrainingReport",
        "check_portable_pattern",
        "cut_stream",
        "describe_tokens",
        "encode_documents",
        "encode_file",
        "encode_shard",
        "encode_stream",
        "file_format",
        "open_token_file",
        "read_documents",
        "read_shard_manifest",
        "read_text",
        "read_text_stream",
        "read_token_file_info",
        "shard_name",
        "train_bpe",
        "train_bpe_with_report",
        "write_shard_manifest",
        "write_token_file",
    ]
    assert all(hasattr(bpe, name) for name in bpe.__all__)


def test_importing_loads_neither_torch_nor_numpy():
    program = "import sys, bpe; print(sorted({'torch', 'numpy', 'numba', 'einx'} & set(sys.modules)))"
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"


def test_training_encoding_and_writing_work_without_numpy(tmp_path):
    """numpy is an extra: only `open_token_file` needs it."""
    program = """
import sys
sys.modules["numpy"] = None
from bpe import *
from pathlib import Path
Path("text.txt").write_text("low low low lower newest widest " * 9)
tokenizer = Tokenizer(*train_bpe("text.txt", 262, ["<|endoftext|>"]), ["<|endoftext|>"])
tokenizer.save("tokenizer.json")
tokenizer = Tokenizer.load("tokenizer.json")
info = encode_file(tokenizer, "text.txt", "text.bin")
print(info.count, read_token_file_info("text.bin").count)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    count, again = map(int, done.stdout.split())
    assert count == again > 0


def test_the_examples_in_the_docstrings():
    names = [*pkgutil.iter_modules(bpe.__path__, "bpe."), *pkgutil.iter_modules(commands.__path__, "bpe.commands.")]
    modules = [bpe, *(importlib.import_module(entry.name) for entry in names)]
    results = [doctest.testmod(module) for module in modules]
    assert sum(result.failed for result in results) == 0
    assert sum(result.attempted for result in results) > 0


def test_the_command_is_declared():
    declared = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
    assert declared["project"]["scripts"] == {"bpe": f"{main.__module__}:{main.__name__}"}
