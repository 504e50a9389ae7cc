import struct

import pytest
import sentencepiece
import tokenizers
from hypothesis import given, settings

from bpe import Tokenizer, TokenizerFileError

from .conftest import stable_texts
from .sentencepiece_models import chunk, train_model, varint

BYTES = {"byte_fallback": True, "vocab_size": 640}
KINDS = {
    "plain": {},
    "bytes": {**BYTES, "remove_extra_whitespaces": False},  # as Llama 2
    "llama2c": {**BYTES, "split_digits": True, "allow_whitespace_only_pieces": True},
    "no prefix": {**BYTES, "add_dummy_prefix": False, "remove_extra_whitespaces": False},
    "across spaces": {"split_by_whitespace": False, "remove_extra_whitespaces": False},
    "symbols": {**BYTES, "user_defined_symbols": ["<sep>", "▁▁", "<se", "a.b"], "control_symbols": ["[INST]"]},
    "symbols without prefix": {
        "user_defined_symbols": ["<sep>", "▁▁", "\n"],
        "add_dummy_prefix": False,
        "remove_extra_whitespaces": False,
    },
    "other names": {"bos_piece": "<begin>", "unk_piece": "<what>", "pad_id": 3},
}


@pytest.fixture(scope="module", params=KINDS)
def model(request, tmp_path_factory):
    """The processor of a model, our tokenizer, and ours and theirs from the tokenizer.json that we write."""
    path = tmp_path_factory.mktemp("model") / "tokenizer.model"
    processor = train_model(path, **KINDS[request.param])
    ours = Tokenizer.load(path)
    ours.save(path.with_name("tokenizer.json"))
    again = Tokenizer.load(path.with_name("tokenizer.json"))
    assert again.fingerprint == ours.fingerprint
    return processor, ours, tokenizers.Tokenizer.from_file(str(path.with_name("tokenizer.json")))


@settings(max_examples=120)
@given(text=stable_texts("<sep>", "<se", "a.b", "[INST]", "<0x41>", "    ", "▁▁", "▁ ", "the", "return", "\t", " x"))
def test_ids_are_those_of_sentencepiece(model, text):
    processor, ours, theirs = model
    ids = processor.encode(text)
    assert ours.encode_ordinary(text) == ids
    assert ours.encode(text) == theirs.encode(text, add_special_tokens=False).ids
    parts = [text[i : i + 3] for i in range(0, len(text), 3)]
    assert list(ours.encode_iterable(parts)) == ours.encode(text)
    if processor.unk_id() not in ids and "▁" not in text:  # the unknown piece is " ⁇ " there, a mark may be removed
        assert ours.decode(ids) == processor.decode(ids)


def test_special_tokens(model):
    processor, ours, _ = model
    control = {processor.id_to_piece(i): i for i in range(processor.get_piece_size()) if processor.is_control(i)}
    assert ours.special_tokens == {processor.id_to_piece(processor.unk_id()): processor.unk_id()} | control
    assert ours.begin_ids == (processor.bos_id(),)
    assert ours.vocab_size == processor.get_piece_size()
    ids = ours.encode("the fox", add_special_tokens=True)
    assert ids == [processor.bos_id(), *processor.encode("the fox")]
    assert ours.decode(ids, skip_special_tokens=True) == "the fox"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model_type": "unigram", "vocab_size": 200}, "its model is of type unigram, not BPE"),
        ({"model_type": "word", "vocab_size": 60}, "its model is of type word, not BPE"),
        ({"model_type": "char", "vocab_size": 60}, "its model is of type char, not BPE"),
        ({"normalization_rule_name": "nmt_nfkc"}, r"normalizes characters by a table \(nmt_nfkc\)"),
        ({"treat_whitespace_as_suffix": True}, "treat_whitespace_as_suffix is true"),
    ],
)
def test_models_that_cannot_be_reproduced_are_refused_for_the_reason(tmp_path, options, message):
    train_model(tmp_path / "tokenizer.model", **options)
    with pytest.raises(TokenizerFileError, match=message):
        Tokenizer.load(tmp_path / "tokenizer.model")


def model_file(path, pieces, trainer=b"\x18\x02", normalizer=b""):
    """Write a model of type BPE with these pieces: text, score, type."""
    content = b""
    for text, score, kind in [("<unk>", 0.0, 2), *pieces]:
        content += chunk(1, chunk(1, text.encode()) + b"\x15" + struct.pack("<f", score) + b"\x18" + varint(kind))
    path.write_bytes(content + chunk(2, trainer) + chunk(3, normalizer))
    return path


CHARACTERS = [("▁", -10.0, 1), ("a", -11.0, 1), ("b", -12.0, 1), ("c", -13.0, 1)]


@settings(max_examples=60)
@given(text=stable_texts("a", "b", "aa", "abc", "    ", "   "))
@pytest.mark.parametrize(
    "more",
    [
        [("▁" * length, -5.0, 1) for length in (2, 3, 4, 5, 8)],
        [("▁" * length, -5.0, 1) for length in (2, 4, 6, 7)],
        [("ab", -2.0, 1), ("abc", -1.0, 1), ("bc", -3.0, 1), ("aab", -4.0, 1)],
        [("abcb", -1.0, 1), ("ab", -2.0, 1), ("▁ab", -3.0, 1)],  # abcb is never made
        [("aaa", -1.0, 1), ("aa", -2.0, 1)],
    ],
)
def test_scores_in_any_order(tmp_path_factory, more, text):
    path = model_file(tmp_path_factory.mktemp("m") / "x.model", CHARACTERS + more, normalizer=b"\x20\x00")
    assert Tokenizer.load(path).encode_ordinary(text) == sentencepiece.SentencePieceProcessor(str(path)).encode(text)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ([("ab", -1.0, 1), ("bc", -1.0, 1)], "'ab' and 'bc' have the same score"),
        ([("aa", -1.0, 1), ("aaa", -1.0, 1), ("aab", -2.0, 1)], "'aaa' and 'aa' have the same score"),
        ([("xy", -1.0, 1)], "'xy' is made from 'x', which is not a piece"),
        ([("ab", -1.0, 5)], "'ab' is marked as unused"),
        ([("ab", -1.0, 9)], "piece 5 .'ab'. has the type 9, which is unknown"),
        ([("ab", -1.0, 1), ("ab", -2.0, 1)], "pieces 5 and 6 are both 'ab'"),
        ([("ab", float("nan"), 1)], "piece 5 is 'ab' with the score nan"),
        ([("", -1.0, 1)], "piece 5 is ''"),
        ([("<x>", -1.0, 2)], "has 2 unknown pieces, not one"),
        ([("<0x00>", -1.0, 6)], "has 1 byte pieces, not <0x00> to <0xFF>"),
        ([("x", -1.0, 3)], "control piece 'x' is a character, which texts contain"),
        ([("a b", 0.0, 4)], "user-defined piece 'a b' contains a space"),
        ([("x" * 257, 0.0, 4)], "1 user-defined pieces have 257 characters, 257 in the longest"),
        ([("<s>", 0.0, 4), ("abcb", -1.0, 1)], "'abcb', which no merge makes"),
    ],
)
def test_pieces_that_are_refused(tmp_path, more, message):
    with pytest.raises(TokenizerFileError, match=message):
        Tokenizer.load(model_file(tmp_path / "x.model", CHARACTERS + more))


def test_a_file_with_too_many_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr("bpe.formats.scored_pieces.MAX_PIECES", 4)
    path = model_file(tmp_path / "x.model", CHARACTERS)
    with pytest.raises(TokenizerFileError, match="has more than 4 pieces"):
        Tokenizer.load(path)


def test_the_table_of_a_denormalizer_is_refused(tmp_path):
    path = model_file(tmp_path / "x.model", CHARACTERS)
    path.write_bytes(path.read_bytes() + chunk(5, chunk(2, b"table")))
    with pytest.raises(TokenizerFileError, match="changes decoded texts by a table"):
        Tokenizer.load(path)


def test_the_first_file_of_llama_3_is_named_for_what_it_is(tmp_path):
    (tmp_path / "tokenizer.model").write_bytes(b"IQ== 0\nIg== 1\n")
    with pytest.raises(TokenizerFileError, match=r"not a SentencePiece model but a \.tiktoken file"):
        Tokenizer.load(tmp_path / "tokenizer.model")


@pytest.mark.parametrize("damage", ["cut", "byte"])
def test_damaged_files(tmp_path, damage):
    """Each gives an error or a tokenizer, never another exception."""
    path = model_file(tmp_path / "x.model", [*CHARACTERS, ("ab", -1.0, 1), ("▁▁", -2.0, 4)])
    content = path.read_bytes()
    errors = 0
    for place in range(len(content)):
        changed = content[:place] if damage == "cut" else content[:place] + b"\xff" + content[place + 1 :]
        path.write_bytes(changed)
        try:
            Tokenizer.load(path)
        except TokenizerFileError:
            errors += 1
    assert len(content) // 2 < errors < len(content)
