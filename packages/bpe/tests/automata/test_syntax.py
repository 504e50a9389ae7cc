import pytest

from bpe.automata.code_points import EVERYTHING, complement
from bpe.automata.syntax import (
    Ahead,
    Alternatives,
    Characters,
    NotTranslatableError,
    Repeat,
    Sequence,
    parse,
)
from bpe.patterns import compile_pattern


def one(*characters):
    return Characters(tuple((ord(c), ord(c)) for c in sorted(characters)))


@pytest.mark.parametrize(
    ("pattern", "tree"),
    [
        ("a", one("a")),
        ("a|b", Alternatives((one("a"), one("b")))),
        ("ab+", Sequence((one("a"), Repeat(one("b"), 1, None, "greedy")))),
        ("a{2,3}?", Repeat(one("a"), 2, 3, "lazy")),
        ("a{,3}+", Repeat(one("a"), 0, 3, "possessive")),
        ("a{2}", Repeat(one("a"), 2, 2, "greedy")),
        (r"\t", one("\t")),
        (r"\u72d0\x41\.", Sequence((one("狐"), one("A"), one(".")))),
        ("[]a-]", one("]", "a", "-")),
        ("[^a]", Characters(complement(((97, 97),)))),
        (r"[\s\S]", Characters(EVERYTHING)),
        ("(?i:s)", Characters(((83, 83), (115, 115), (0x17F, 0x17F)))),
        ("(?i)s", Characters(((83, 83), (115, 115), (0x17F, 0x17F)))),
        ("$", Ahead((), end=True, final_newline=True)),
        ("(?=a|$)", Ahead(((97, 97),), end=True, final_newline=True)),
        (r"(?!\n)", Ahead(complement(((10, 10),)), end=True, final_newline=False)),
    ],
)
def test_trees(pattern, tree):
    assert parse(pattern) == tree


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"(a)\1", r"at character 3, '\\\\1', there is an escape that has no automaton"),
        (r"\bword", "an escape that has no automaton"),
        ("(?<=a)b", "a group that has no automaton"),
        ("(?<!a)b", "a group that has no automaton"),
        ("(?>a|ab)", "a group that has no automaton"),
        ("(?P<name>a)", "a group that has no automaton"),
        ("(?s:.)", "a group that has no automaton"),
        ("^a", r"the sign \^"),
        ("(?:ab)++", "a possessive quantifier after more than one character"),
        ("(?:a?)*", "a repetition of what may be empty"),
        ("(?=ab)a", "a look-ahead at more than one character"),
        ("[a[b]", "a set in a set"),
        ("[a&&b]", "a set in a set"),
        ("a{5000}", "a repetition of more than 1000 times"),
        ("a{e}", "the sign {"),
        (r"b|(?i:\p{Lu})", r"at character 6, '\\\\p{Lu}\)', there is a property that depends on case"),
        (r"(?i)[\d\P{Ll}]", "a property that depends on case where case is ignored"),
        (r"\N{DIGIT ONE}", "an escape that has no automaton"),
        ("(" * 21 + "a" + ")" * 21, "a group in more than 20 others"),
    ],
)
@pytest.mark.filterwarnings("ignore:Possible")
def test_what_is_refused_is_named(pattern, reason):
    compile_pattern(pattern)  # is a regular expression
    with pytest.raises(NotTranslatableError, match=reason):
        parse(pattern)
