"""Pickles of tokenizers: the same for equal tokenizers, in every process, before and after use."""

import hashlib
import os
import pickle
import subprocess
import sys

import pytest

from bpe import Tokenizer
from bpe.added_tokens import AddedToken
from bpe.character_model import CharacterModel
from bpe.normalizers import Lowercase, Replace
from bpe.pickling import PackedBytes
from bpe.pre_tokenizers import Split, SplitSteps
from bpe.templates import TEXT, Piece, Template
from bpe.text_rules import TextRules

from .conftest import END, SCRIPTS

RULES = TextRules(
    added_tokens=(AddedToken("<mask>", 9000, special=False, lstrip=True),),
    normalizer=(Lowercase(), Replace("a", "b")),
    template=Template((Piece("<s>", (1,)), TEXT)),
)
OPTIONS = {
    "plain": {"special_tokens": [END, "<|pad|>"]},
    "ids": {"special_tokens": {END: 5000, "<|pad|>": 7000}, "ignore_merges": True, "engine": "reference"},
    "rules": {"special_tokens": [END], "rules": RULES},
    "steps": {"pattern": SplitSteps([Split(r"\d", "Isolated"), Split(" ", "MergedWithNext", invert=True)], "x")},
    "characters": {"characters": CharacterModel(unknown=END, mark=""), "special_tokens": [END]},
}


def build(trained, options):
    return Tokenizer(*trained, **{"special_tokens": [], **OPTIONS[options]})


@pytest.mark.parametrize("options", OPTIONS)
def test_a_pickle_is_the_same_for_equal_tokenizers_and_after_use(trained, options):
    tokenizer, other = build(trained, options), build(trained, options)
    data = pickle.dumps(tokenizer)
    ids = tokenizer.encode(SCRIPTS)
    copy = pickle.loads(data)
    assert copy.encode(SCRIPTS) == ids
    assert data == pickle.dumps(tokenizer) == pickle.dumps(other) == pickle.dumps(copy)
    for name in ("fingerprint", "special_tokens", "added_tokens", "vocab", "merges", "rules", "characters"):
        assert getattr(copy, name) == getattr(tokenizer, name)
    assert copy._engine == tokenizer._engine


def test_a_pickle_is_about_as_long_as_the_tokens(gpt2):
    gpt2.load_kernels(1)
    gpt2.encode(SCRIPTS * 100)
    num_bytes = sum(map(len, gpt2.vocab.values())) + sum(len(left + right) for left, right in gpt2.merges)
    assert len(pickle.dumps(gpt2)) < 3 * num_bytes


PROGRAM = """
import hashlib, pickle, sys
from bpe import Tokenizer
tokenizer = Tokenizer.load(sys.argv[1])
tokenizer.encode("to be or not to be" * int(sys.argv[2]))
print(hashlib.sha256(pickle.dumps(tokenizer)).hexdigest())
"""


def test_a_pickle_is_the_same_in_every_process(tokenizer, tmp_path):
    path = tmp_path / "tokenizer.json"
    Tokenizer(tokenizer.vocab, tokenizer.merges, [END, "<|pad|>"], rules=RULES).save(path)
    digests = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM, path, seed],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert digests == {hashlib.sha256(pickle.dumps(Tokenizer.load(path))).hexdigest()}


class Named(Tokenizer):
    def __init__(self, name, *arguments):
        super().__init__(*arguments)
        self.name = name


def test_a_subclass_with_arguments_and_attributes_of_its_own(trained):
    copy = pickle.loads(pickle.dumps(Named("mine", *trained, [END])))
    assert (type(copy), copy.name, copy.encode("to be")) == (Named, "mine", Tokenizer(*trained, [END]).encode("to be"))


def test_packed_bytes():
    items = [b"", b"to", b"", bytes(range(256)), b"be"]
    assert PackedBytes.of(items).unpack() == items
    assert PackedBytes.of([]).unpack() == []
