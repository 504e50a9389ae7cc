import pytest
import tiktoken
from hypothesis import example, given, strategies as st

from bpe import PATTERNS, Tokenizer

from .conftest import END
from .test_special_tokens import naive_split

BYTES = {byte: bytes([byte]) for byte in range(256)}
OVERLAPPING = [
    "<a>",
    "a><",
    ">b",
    END,
]  # no prefixes of each other: between those tiktoken's choice is arbitrary
NESTED = ["<a>", "<a><a>", "a><", "<a><a><a>b"]


def subsets(tokens):
    return st.sets(st.sampled_from(tokens))


def text_of(tokens):
    return st.lists(st.sampled_from([*tokens, "<", "a", ">", "b", "<a", "><", " "]), max_size=12).map("".join)


def outcome(encode, text, **choice):
    try:
        return encode(text, **choice)
    except ValueError:
        return "error"


@pytest.fixture(scope="module")
def overlapping():
    ours = Tokenizer(BYTES, [], OVERLAPPING)
    oracle = tiktoken.Encoding(
        "ours",
        pat_str=PATTERNS["gpt2"],
        mergeable_ranks={token: token_id for token_id, token in BYTES.items()},
        special_tokens=ours.special_tokens,
    )
    return ours, oracle


@given(
    text=text_of(OVERLAPPING),
    allowed=subsets(OVERLAPPING) | st.just("all"),
    disallowed=subsets(OVERLAPPING) | st.just("all") | st.just(()),
)
@example(text="<a><a>", allowed={"a><"}, disallowed=())
@example(text="<a>b", allowed={">b"}, disallowed={"<a>"})
@example(text=END, allowed={END}, disallowed={END})
def test_equal_to_tiktoken(overlapping, text, allowed, disallowed):
    ours, oracle = overlapping
    choice = {"allowed_special": allowed, "disallowed_special": disallowed}
    assert outcome(ours.encode, text, **choice) == outcome(oracle.encode, text, **choice)


def test_the_defaults_of_tiktoken(overlapping):
    ours, oracle = overlapping
    for text in ["plain", f"a{END}", "<a", "x>b"]:
        assert outcome(ours.encode, text, allowed_special=(), disallowed_special="all") == outcome(oracle.encode, text)


@given(text=text_of(NESTED), allowed=subsets(NESTED))
def test_the_longest_allowed_token_is_found(text, allowed):
    tokenizer = Tokenizer(BYTES, [], NESTED)
    expected = []
    for part, is_special in naive_split(text, allowed):
        expected += [tokenizer.special_tokens[part]] if is_special else part.encode()
    assert tokenizer.encode(text, allowed_special=allowed) == expected


def test_every_way_to_encode_has_these_arguments(overlapping):
    tokenizer, _ = overlapping
    text = f"é<a> {END} <a>c"
    for choice in [
        {},
        {"allowed_special": {"<a>"}},
        {"allowed_special": [">b"], "disallowed_special": {"a><"}},
        {"allowed_special": ()},
    ]:
        ids = tokenizer.encode(text, **choice)
        assert tokenizer.encode_batch([text, "", text], **choice) == [ids, [], ids]
        assert tokenizer.encode_to_numpy(text, **choice).tolist() == ids
        assert tokenizer.encode_with_offsets(text, **choice)[0] == ids
        assert tokenizer.count_tokens(text, **choice) == len(ids)
    arguments = {"allowed_special": {"<a>"}, "disallowed_special": "all"}
    for encode in [
        tokenizer.encode,
        tokenizer.encode_to_numpy,
        tokenizer.encode_with_offsets,
        tokenizer.count_tokens,
        lambda text, **choice: tokenizer.encode_batch(["fine", text], **choice),
    ]:
        with pytest.raises(ValueError, match=r"special token '<\|endoftext\|>' at character 5"):
            encode(text, **arguments)


def test_the_error_for_a_disallowed_token_names_token_position_and_what_to_do(overlapping):
    with pytest.raises(ValueError) as error:
        overlapping[0].encode(f"żółw {END}", allowed_special=(), disallowed_special="all")
    assert str(error.value) == (
        "the text contains the special token '<|endoftext|>' at character 5, which is disallowed: allow it "
        "with allowed_special={'<|endoftext|>'}, or encode it as ordinary text with disallowed_special=()"
    )


@pytest.mark.parametrize("argument", ["allowed_special", "disallowed_special"])
@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (END, r'is the string .*: give "all" or a set of strings, such as \{.<\|endoftext\|>.\}'),
        ({"<ende>"}, r"contains '<ende>', which is not a special token of this tokenizer \('<a>', 'a><', '>b', "),
    ],
)
def test_a_name_that_is_not_a_special_token_is_an_error(overlapping, argument, choice, message):
    with pytest.raises(ValueError, match=f"{argument} {message}"):
        overlapping[0].encode("text", **{argument: choice})
