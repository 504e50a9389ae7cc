"""Tokenizers in all formats, as the commands load them."""

import pytest

from bpe import Tokenizer
from bpe.commands import files

from ..conftest import END
from ..formats.test_tekken import content, write
from .conftest import TEXT, lines


@pytest.mark.parametrize("name", ["tokenizer.json", "pair", "."])
def test_tokenizers_of_every_format(run, tokenizer, name):
    assert run("encode", name, "text.txt") == (0, lines(tokenizer.encode(TEXT)), "")


def test_options_give_what_a_folder_does_not_contain(run, trained, folder):
    expected = Tokenizer(*trained, ["once", END], pattern="cl100k")
    options = ["--special-token", "once", "--special-token", END, "--pattern", "cl100k"]
    assert run("encode", "pair", "text.txt", "other.txt", *options)[1] == lines(
        expected.encode(TEXT) + expected.encode("once upon a time")
    )
    assert files.load_tokenizer(folder / "pair").special_tokens == {END: 0}


def test_files_of_other_libraries(run, folder, trained):
    write(folder / "pair" / "tekken.json", content(trained))  # a folder's complete file goes before a pair of files
    expected = Tokenizer.load(folder / "pair" / "tekken.json")
    for name in ("pair", "pair/tekken.json"):
        assert run("encode", name, "other.txt") == (0, lines(expected.encode("once upon a time")), "")
    code, _, errors = run("encode", "pair", "other.txt", "--pattern", "gpt2")
    assert code == 2
    assert "tekken.json contains its special tokens and pattern: remove" in errors
    (folder / "empty").mkdir()
    code, _, errors = run("encode", "empty", "other.txt")
    assert code == 2
    assert "contains neither tokenizer.json, tekken.json, tokenizer.model, tokenizer.bin nor both vocab.json" in errors
