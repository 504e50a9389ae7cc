import json

import pytest

from bpe.added_tokens import AddedToken
from bpe.normalizers import Lowercase, Prepend, Replace, Strip, UnicodeForm
from bpe.plain_values import from_plain, to_plain
from bpe.templates import TEXT, Piece, Template
from bpe.text_rules import Metaspace, TextRules

RULES = TextRules(
    added_tokens=(AddedToken("<a>", 3, special=False, lstrip=True), AddedToken("😀", 4)),
    normalizer=(UnicodeForm("NFKD"), Lowercase(), Strip(True, False), Prepend("▁"), Replace("a", "b", is_regex=True)),
    prefix_space=True,
    metaspace=Metaspace(prepend="first"),
    template=Template((Piece("<s>", (1, 2)), TEXT)),
)


@pytest.mark.parametrize("value", [None, True, 3, "text", (), ((1, "a"), None), frozenset({3, 1}), RULES, TextRules()])
def test_there_and_back_through_json(value):
    found = from_plain(json.loads(json.dumps(to_plain(value))))
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("value", [object(), [1], {1: 2}, 1.5, b"bytes", int])
def test_values_of_other_types_are_errors(value):
    with pytest.raises(TypeError, match="has no plain form"):
        to_plain((value,))


@pytest.mark.parametrize("name", ["os:system", "bpe.tokenizer:Tokenizer", "bpe.templates:TEXT", "bpe.templates:none"])
def test_only_dataclasses_of_this_package_are_made(name):
    with pytest.raises(ValueError, match="is not a dataclass of this package"):
        from_plain({name: {}})
