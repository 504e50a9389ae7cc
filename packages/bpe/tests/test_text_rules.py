"""Texts on their way through added tokens and normalizer, in one part and in many."""

from bpe import Tokenizer
from bpe.added_tokens import AddedToken
from bpe.character_model import CharacterModel
from bpe.text_rules import Metaspace, TextRules


def test_the_mark_of_a_first_part_is_there_in_a_stream_too():
    added = (AddedToken("<a>", 3, lstrip=True), AddedToken("▁▁", 4, special=False, rstrip=True, normalized=True))
    tokenizer = Tokenizer(
        {0: b"<unk>", 1: "▁".encode(), 2: b"S"},
        [],
        {"<unk>": 0},
        pattern=r"[\s\S]+",
        rules=TextRules(added_tokens=added, metaspace=Metaspace("▁", "first")),
        characters=CharacterModel(unknown="<unk>"),
    )
    assert tokenizer.encode("S<a>") == list(tokenizer.encode_iterable(["S<a>"])) == [1, 2, 3]
