import base64
import json

import pytest
import tiktoken
from hypothesis import given, settings

from bpe import PATTERNS, Tokenizer, TokenizerFileError

from ..conftest import END
from .conftest import stable_texts

NUM_SPECIAL = 30


def content(trained, *, size=None, version="v3", **more):
    """Return the content of a file whose vocabulary is that of a tokenizer, in the order in which it was learned."""
    _, merges = trained
    tokens = [*(bytes([byte]) for byte in range(256)), *(left + right for left, right in merges)]
    return {
        "config": {
            "pattern": PATTERNS["o200k"],
            "num_vocab_tokens": len(tokens),
            "default_vocab_size": NUM_SPECIAL + (len(tokens) if size is None else size),
            "default_num_special_tokens": NUM_SPECIAL,
            "version": version,
        },
        "vocab": [
            {"rank": rank, "token_bytes": base64.b64encode(token).decode(), "token_str": None}
            for rank, token in enumerate(tokens)
        ],
        **more,
    }


def write(path, tree):
    path.write_text(json.dumps(tree), "utf-8")
    return path


@pytest.fixture(scope="module", params=[None, 700])
def both(request, trained, tmp_path_factory):
    """Our tokenizer, and tiktoken's as `mistral-common` builds it; the number of special tokens is added to its ids."""
    tree = content(trained, size=request.param)
    ranks = {base64.b64decode(entry["token_bytes"]): entry["rank"] for entry in tree["vocab"][: request.param]}
    theirs = tiktoken.Encoding("x", pat_str=tree["config"]["pattern"], mergeable_ranks=ranks, special_tokens={})
    return Tokenizer.load(write(tmp_path_factory.mktemp("tekken") / "tekken.json", tree)), theirs


@settings(max_examples=150)
@given(text=stable_texts("<s>", "[INST]"))
def test_ids_are_those_of_mistral_common(both, text):
    ours, theirs = both
    ids = [NUM_SPECIAL + token_id for token_id in theirs.encode(text, disallowed_special=())]
    assert ours.encode_ordinary(text) == ids
    assert ours.decode(ids) == text


def test_special_tokens_of_early_versions(both):
    ours, theirs = both
    assert list(ours.special_tokens.values()) == list(range(NUM_SPECIAL))
    assert ours.special_tokens["[INST]"] == 3
    assert ours.special_tokens["[TOOL_CONTENT]"] == 19
    assert ours.special_tokens["<SPECIAL_20>"] == 20
    assert ours.begin_ids == (1,)
    assert ours.vocab_size == NUM_SPECIAL + theirs.n_vocab
    assert ours.encode("[INST]", add_special_tokens=True) == [1, 3]


def test_special_tokens_in_the_file(trained, tmp_path):
    special = [{"rank": i, "token_str": token, "is_control": True} for i, token in enumerate(["<unk>", END, "<s>"])]
    path = write(tmp_path / "any.json", content(trained, version="v13", special_tokens=special))
    ours = Tokenizer.load(path)
    assert ours.special_tokens[END] == 1
    assert ours.special_tokens["<SPECIAL_3>"] == 3
    assert ours.begin_ids == (2,)
    assert Tokenizer.from_tekken(path).fingerprint == ours.fingerprint
    ours.save(tmp_path / "tokenizer.json")
    assert Tokenizer.load(tmp_path / "tokenizer.json").fingerprint == ours.fingerprint


def test_a_token_that_no_merge_makes(trained, tmp_path):
    tree = content(trained)
    tree["vocab"].append({"rank": len(tree["vocab"]), "token_bytes": base64.b64encode(b"zqxj").decode()})
    tree["config"]["default_vocab_size"] += 1
    ours = Tokenizer.load(write(tmp_path / "tekken.json", tree))
    assert ours.ignore_merges
    assert ours.encode("zqxj") == [ours.vocab_size - 1]


def changed(tree, path, value):
    """Replace a value deep in a tree."""
    *parents, last = path
    for key in parents:
        tree = tree[key]
    tree[last] = value


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["config", "pattern"], r"\w+", r"has '\\\\w\+' at character 0"),
        (["config", "pattern"], None, "'pattern' is missing"),
        (["config", "default_vocab_size"], 10**9, "default_vocab_size is 1000000000"),
        (["config", "default_vocab_size"], 5000, "leaves 4970 tokens besides the 30 special ones"),
        (["config", "default_vocab_size"], 7, "leaves -23 tokens"),
        (["config", "default_num_special_tokens"], True, "default_num_special_tokens is True"),
        (["config", "default_num_special_tokens"], 19, "special token 19 of 19"),
        (["config", "version"], "v11", "is of version 'v11' and has no special_tokens"),
        (["vocab", 300, "rank"], 7, "token 300: expected the rank 300"),
        (["vocab", 300, "token_bytes"], "é", "token 300: expected"),
        (["vocab", 300, "token_bytes"], "", "token 300: expected"),
        (["vocab", 300, "token_bytes"], "YQ==", "token 300: it has the bytes of token 97"),
        (["vocab", 300], [], "token 300: expected"),
        (["special_tokens"], {}, "special token 0 of 30"),
        (["special_tokens"], [{"rank": 1, "token_str": "x"}], "special token 0 of 30: expected the rank 0"),
        (["special_tokens"], [{"rank": 0, "token_str": "<SPECIAL_9>"}], "<SPECIAL_9> of another rank"),
    ],
)
def test_damaged_files(trained, tmp_path, path, value, message):
    tree = content(trained)
    changed(tree, path, value)
    with pytest.raises(TokenizerFileError, match=message):
        Tokenizer.load(write(tmp_path / "tekken.json", tree))
