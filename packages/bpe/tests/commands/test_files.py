"""Tokenizers in all formats, as the commands load them."""

import pytest

from bpe import Tokenizer
from bpe.commands import files

from ..conftest import END
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
