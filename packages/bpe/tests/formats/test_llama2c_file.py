import struct

import pytest
from hypothesis import given, settings

from bpe import Tokenizer, TokenizerFileError

from .conftest import stable_texts
from .sentencepiece_models import train_model


def write_as_llama2c(processor, path):
    """Write a `tokenizer.bin` as the function `export` of llama2.c's tokenizer.py does."""
    tokens = []
    for token_id in range(processor.get_piece_size()):
        piece = processor.id_to_piece(token_id)
        if token_id in (processor.bos_id(), processor.eos_id()):
            piece = f"\n{piece}\n"
        tokens.append((piece.replace("▁", " ").encode(), processor.get_score(token_id)))
    content = struct.pack("<I", max(len(token) for token, _ in tokens))
    for token, score in tokens:
        content += struct.pack("<fI", score, len(token)) + token
    path.write_bytes(content)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The processor of a model with bytes, and a folder with the model and the same as a `tokenizer.bin`."""
    folder = tmp_path_factory.mktemp("llama2c")
    options = {"byte_fallback": True, "vocab_size": 640, "remove_extra_whitespaces": False}
    processor = train_model(folder / "tokenizer.model", **options)
    write_as_llama2c(processor, folder / "tokenizer.bin")
    return processor, folder


@pytest.fixture(scope="module")
def ours(files):
    return Tokenizer.load(files[1] / "tokenizer.bin")


def test_the_tokenizer_is_that_of_the_model(files, ours):
    _, folder = files
    assert ours.fingerprint == Tokenizer.load(folder / "tokenizer.model").fingerprint
    assert ours.fingerprint == Tokenizer.from_llama2c(folder / "tokenizer.bin").fingerprint
    assert ours.special_tokens == {"<unk>": 0, "<s>": 1, "</s>": 2}
    assert ours.begin_ids == (1,)


@settings(max_examples=50)
@given(text=stable_texts("    ", "the", "\n", "<0x0A>"))
def test_ids_are_those_of_sentencepiece(files, ours, text):
    processor, _ = files
    assert ours.encode_ordinary(text) == processor.encode(text)
    assert ours.decode(processor.encode(text)) == processor.decode(processor.encode(text))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: b"", "has 0 bytes, too few"),
        (lambda content: content[:4], "does not begin with an unknown piece"),
        (lambda content: content[:2000], "does not begin with an unknown piece|offset"),
        (lambda content: content + b"\x00" * 7, r"offset \d+: the file ends within an entry"),
        (lambda content: content + struct.pack("<fI", 0.0, 3), r"offset \d+: a piece of 3 bytes"),
        (lambda content: content + struct.pack("<fI", 0.0, 2**31), r"offset \d+: a piece of 2147483648 bytes"),
        (lambda content: content + struct.pack("<fI", 0.0, 1) + b"\xff", r"offset \d+: b'\\xff' is not UTF-8"),
        (lambda content: content + struct.pack("<fI", 0.0, 1) + b"a", "are both 'a'"),
        (lambda content: content.replace(b"\n<s>\n", b"\n<S>\n"), "does not begin with an unknown piece, <s>"),
        (lambda content: content.replace(b"<0x0A>", b"<0x0a>"), "does not begin with an unknown piece"),
        (lambda content: struct.pack("<7i", 2, 3, 1, 1, 1, 4, 8) + b"\x00" * 400, "not a tokenizer.bin of llama2.c"),
    ],
)
def test_damaged_files(files, tmp_path, change, message):
    (tmp_path / "tokenizer.bin").write_bytes(change((files[1] / "tokenizer.bin").read_bytes()))
    with pytest.raises(TokenizerFileError, match=message):
        Tokenizer.load(tmp_path / "tokenizer.bin")
