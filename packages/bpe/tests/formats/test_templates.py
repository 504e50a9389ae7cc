import pytest

from bpe import StreamDecoder, Tokenizer, TokenizerFileError

from ..conftest import END, SCRIPTS
from .conftest import added

BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
BOS = added("<s>", special=True)


def token(name, type_id=0):
    return {"SpecialToken": {"id": name, "type_id": type_id}}


def text(name, type_id=0):
    return {"Sequence": {"id": name, "type_id": type_id}}


PAIR = [text("A"), text("B", 1)]


def template(single, pair=PAIR, ids=(407,)):
    tokens = {name: {"id": name, "ids": list(ids), "tokens": [name] * len(ids)} for name in ("<s>",)}
    tokens[END] = {"id": END, "ids": [0], "tokens": [END]}
    return {"type": "TemplateProcessing", "single": list(single), "pair": list(pair), "special_tokens": tokens}


def sequence(*steps):
    return {"type": "Sequence", "processors": list(steps)}


BEGIN = template([token("<s>"), text("A")], [token("<s>"), text("A"), token("<s>", 1), text("B", 1)])
ROBERTA = {"type": "RobertaProcessing", "cls": ["<s>", 407], "sep": [END, 0], "trim_offsets": True}
ROBERTA["add_prefix_space"] = True
TEMPLATES = [
    (BEGIN, (407,), ()),
    (sequence(BYTE_LEVEL, BEGIN), (407,), ()),
    (sequence(BEGIN, sequence(BYTE_LEVEL)), (407,), ()),
    (template([token("<s>"), token(END), text("A"), token(END)]), (407, 0), (0,)),
    (template([text("A"), token("<s>")], ids=(5, 407)), (), (5, 407)),
    ({"type": "BertProcessing", "cls": ["<s>", 407], "sep": [END, 0]}, (407,), (0,)),
    (
        {
            "type": "RobertaProcessing",
            "cls": ["<s>", 407],
            "sep": [END, 0],
            "trim_offsets": True,
            "add_prefix_space": True,
        },
        (407,),
        (0,),
    ),
    (BYTE_LEVEL, (), ()),
    (sequence(), (), ()),
    (None, (), ()),
]


@pytest.mark.parametrize(("post_processor", "begin", "end"), TEMPLATES)
def test_tokens_around_a_text(load_both, tmp_path, post_processor, begin, end):
    ours, theirs = load_both([BOS], post_processor=post_processor)
    assert (ours.begin_ids, ours.end_ids) == (begin, end)
    for sample in ("", "a", f"b<s>{END}", SCRIPTS):
        ids = theirs.encode(sample).ids
        assert ours.encode(sample, add_special_tokens=True) == ids
        assert ours.encode(sample) == theirs.encode(sample, add_special_tokens=False).ids
        assert ours.encode_batch([sample, sample], add_special_tokens=True) == [ids, ids]
        assert ours.encode_to_numpy(sample, add_special_tokens=True).tolist() == ids
        assert ours.count_tokens(sample, add_special_tokens=True) == len(ids)
        assert ours.encode_with_offsets(sample, add_special_tokens=True)[0] == ids
        compiled = Tokenizer(ours.vocab, ours.merges, ours.special_tokens, rules=ours.rules, engine="compiled")
        assert compiled.encode_batch([sample], add_special_tokens=True) == [ids]
        numpy_ids = compiled.encode_to_numpy(sample, add_special_tokens=True)
        assert (numpy_ids.tolist(), numpy_ids.dtype) == (ids, "uint16")


@pytest.mark.parametrize(("post_processor", "begin", "end"), TEMPLATES)
def test_pairs_keep_their_template(load_both, tmp_path, post_processor, begin, end):
    """It is not used here, but saving a file does not lose it."""
    from tokenizers import Tokenizer as Library

    ours, theirs = load_both([BOS], post_processor=post_processor)
    ours.save(tmp_path / "tokenizer.json")
    again = Library.from_file(str(tmp_path / "tokenizer.json"))
    assert again.encode("a b", "c d").ids == theirs.encode("a b", "c d").ids


def test_decoding_without_special_tokens(load_both):
    ours, theirs = load_both([BOS, added("<tool>")], post_processor=BEGIN)
    ids = ours.encode(f"Déjà<tool> vu<s>狐{END}", add_special_tokens=True)
    for skip in (False, True):
        expected = theirs.decode(ids, skip_special_tokens=skip)
        assert ours.decode(ids, skip_special_tokens=skip) == expected
        assert ours.decode_batch([ids], skip_special_tokens=skip) == [expected]
        assert ours.decode_bytes(ids, skip_special_tokens=skip) == expected.encode()
        stream = StreamDecoder(ours, skip_special_tokens=skip)
        assert "".join([*map(stream.feed, ids), stream.finish()]) == expected
    assert ours.decode(ids, skip_special_tokens=True) == "Déjà<tool> vu狐"


def test_offsets_of_tokens_around_a_text(load_both):
    ours, theirs = load_both([BOS], post_processor=BEGIN)
    encoding = theirs.encode("né x")
    assert ours.encode_with_offsets("né x", add_special_tokens=True) == (encoding.ids, encoding.offsets)


def test_there_are_no_offsets_in_a_text_that_is_changed(load_both):
    ours, _ = load_both(normalizer={"type": "Lowercase"})
    assert ours.encode_with_offsets("abc")[0] == ours.encode("abc")
    with pytest.raises(ValueError, match="changes the text before it encodes it"):
        ours.encode_with_offsets("ABC")


def test_templates_do_not_change_the_fingerprint(load_both):
    with_template, without = load_both([BOS], post_processor=BEGIN).ours, load_both([BOS]).ours
    assert with_template.fingerprint == without.fingerprint


@pytest.mark.parametrize(
    ("post_processor", "message"),
    [
        (sequence(BEGIN, BEGIN), "has 2 steps that add tokens"),
        ({"type": "Other"}, "its post_processor has a step of type 'Other'"),
        ({"type": "TemplateProcessing"}, "a TemplateProcessing with missing or wrong fields"),
        ({"type": "BertProcessing", "cls": "<s>", "sep": ["x", 1]}, "a BertProcessing with missing or wrong fields"),
        (template([token("<s>")]), "has 0 places for texts"),
        (template([text("A"), text("A")]), "has 2 places for texts"),
        (template([token("<unknown>"), text("A")]), "has the piece .*<unknown>"),
        (template([text("A"), token("<s>")], ids=(9999,)), "adds '<s>' with the id 9999, which is not in the vocab"),
        (template([text("A"), token("<s>")], ids=("x",)), "'<s>' has the id 'x'"),
    ],
)
def test_what_cannot_be_reproduced_is_an_error(load_both, post_processor, message):
    with pytest.raises(TokenizerFileError, match=message):
        load_both([BOS], post_processor=post_processor)
