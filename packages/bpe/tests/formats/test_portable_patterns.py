import pytest
import regex
import tokenizers
from hypothesis import assume, given, strategies as st

from bpe import PATTERNS
from bpe.formats.portable_patterns import check_portable_pattern
from bpe.patterns import compile_pattern, split_pieces


@pytest.mark.parametrize(
    "pattern",
    [
        *PATTERNS.values(),
        r"[^\s\p{L}]+?|\p{Han}{1,3}|\u00e9|\.|[一-龥]+|a(?=b)|(?<!x)y|(?>a+)b|.",
        r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+",
        "'(?i:[sdmt]|ll|ve|re)|(?i:'re)",
        r"(?i:'s)\p{Lu}|(?i:\p{L})[\p{Ll}x]",
        "(?:(?!a)b|(?:c(?=d)|e)?f)+|(?!x)(?:g)?h|i{1,2}j*|(?:k+|l)?m{0}n",
    ],
)
def test_the_patterns_of_tokenizers_in_use_are_portable(pattern):
    check_portable_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "place"),
    [
        (r"a\w", 1),  # the two libraries differ on which characters are words
        (r"a\b", 1),
        (r"\h", 0),
        (r"^a", 0),
        (r"a$", 1),
        (r"\s++$", 4),
        (r"\p{N}{1,3}+", 5),
        (r"a{,3}", 1),
        (r"a{1000}", 1),
        (r"x(?1)", 1),
        (r"(?R)", 0),
        (r"(?P<n>a)", 0),
        (r"(?:a){e<=1}", 5),
        (r"(*PRUNE)a", 0),
        (r"(?m:a)", 0),
        (r"(?i)a", 0),
        (r"(?i:\p{Lu})", 4),  # in regex any letter with case
        (r"\p{Lu}(?i:a(?:[x\P{Ll}]))", 14),
        ("(?!a)?b", 4),
        ("(?:x(?:(?=a)|b)+)", 14),
        ("(?:|a)?b", 5),
        (r"\1", 0),
        (r"\xff", 0),
        (r"\ud83d", 0),
        ("\ud83d", 0),
        (r"[a&&b]", 0),
        (r"[a--b]", 0),
        (r"[a[b]]", 0),
        (r"[[:alpha:]]", 0),
        (r"[]a]", 0),
        (r"[^]a]", 0),
        (r"\p{Script=Han}", 0),
        (r"\p{Alphabetic}", 0),
        (r"a\Kb", 1),
        (r"\X", 0),
        (r"\R{999}", 0),
        ("(?:" * 21 + "a" + ")" * 21, 60),
    ],
)
def test_ambiguous_or_dangerous_patterns_are_errors(pattern, place):
    with pytest.raises(ValueError, match=f"at character {place}: other libraries may interpret it differently"):
        check_portable_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("a" * 4097, "has 4097 characters; tokenizer files allow at most 4096"),
        ("a*", r"'a\*' can match the empty text"),
        (r"\s+|", "can match the empty text"),
        (r"(?=\s)|a", "can match the empty text"),  # which it does before a space
        (r"(?=a)[ab]?", "can match the empty text"),
        (r"a|(?:b|c{0,2})(?<=x)", "can match the empty text"),
        ("(a", r"'\(a' is neither one of"),
        ("a{3,2}", "is neither one of"),
    ],
)
def test_other_reasons(pattern, message):
    with pytest.raises(ValueError, match=message):
        check_portable_pattern(pattern)


fragments = st.sampled_from(
    [
        *(r"\p{L}", r"\p{N}", r"\P{L}", r"\s", r"\S", r"\d", r"\D", r"\.", r"\n", r"\u00e9"),
        *("[^a]", "[a-b1]", r"[^\s\p{L}]", "a", "b", "A", " ", "é", "'", "s", "1", "-", "."),
        *("|", "|", "(", "(?:", "(?i:", "(?=", "(?!", "(?<=", "(?<!", "(?>", ")", ")", ")"),
        *("*", "+", "?", "++", "*+", "?+", "+?", "*?", "??", "{2}", "{1,3}", "{2,}"),
    ]
)


@given(
    pattern=st.lists(fragments, min_size=1, max_size=7).map("".join),
    text=st.text("abAé 1'sS\n.-", max_size=12),
)
def test_portable_patterns_split_equally_in_both_libraries(pattern, text):
    try:
        check_portable_pattern(pattern)
        theirs = tokenizers.pre_tokenizers.Split(tokenizers.Regex(pattern), "isolated")
    except Exception:  # an error of either library (that of tokenizers is not a ValueError)
        assume(False)
    matches = [match.span() for match in regex.finditer(pattern, text)]
    assume(all(start < end for start, end in matches))  # look-around alone can match the empty text
    assert split_pieces(text, compile_pattern(pattern)) == [piece for piece, _ in theirs.pre_tokenize_str(text)]
