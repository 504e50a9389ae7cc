"""Small tokenizers in the form of published ones, in our library and in `tokenizers`."""

import json
import unicodedata
from typing import NamedTuple

import pytest
import tokenizers
from hypothesis import strategies as st

from bpe import Tokenizer

from ..conftest import END


class Both(NamedTuple):
    """The same file, read by this package and by the `tokenizers` library."""

    ours: Tokenizer
    theirs: tokenizers.Tokenizer

    def check(self, text: str) -> None:
        """Compare the ids of a text, encoded at once, and as a stream cut into small parts."""
        ids = self.theirs.encode(text, add_special_tokens=False).ids
        assert self.ours.encode(text) == ids, text
        for size in (1, 3, 7):
            chunks = [text[i : i + size] for i in range(0, len(text), size)]
            assert list(self.ours.encode_iterable(chunks)) == ids, (text, size)


@pytest.fixture(scope="session")
def load_both(trained, tmp_path_factory):
    """Return a function that writes a file with some parts replaced and reads it with both libraries.

    It also checks that saving what was loaded gives a file with equal ids.
    """
    folder = tmp_path_factory.mktemp("both")
    vocab, merges = trained
    num_merges = 150  # few, since the file is read often
    small = {token_id: token for token_id, token in vocab.items() if token_id < 257 + num_merges}
    Tokenizer(small, merges[:num_merges], [END]).save(folder / "plain.json")
    plain = json.loads((folder / "plain.json").read_text("utf-8"))

    def load(added_tokens=(), **parts) -> Both:
        content = plain | parts
        ids = dict(plain["model"]["vocab"])
        for token in added_tokens:  # those that are not in the vocabulary are numbered after it
            ids.setdefault(token["content"], len(ids))
        content["added_tokens"] = [
            *plain["added_tokens"],
            *({"id": ids[token["content"]]} | token for token in added_tokens),
        ]
        (folder / "file.json").write_text(json.dumps(content), "utf-8")
        loaded = Tokenizer.load(folder / "file.json")
        theirs = tokenizers.Tokenizer.from_file(str(folder / "file.json"))
        loaded.save(folder / "again.json")
        again = Tokenizer.load(folder / "again.json")
        assert again.fingerprint == loaded.fingerprint
        return Both(again, theirs)

    return load


def added(content, **options):
    """Return an added token as it is in a file."""
    defaults = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
    return {"content": content, **defaults, **options}


def _is_stable(character: str) -> bool:
    """Return whether a character is so old that all libraries agree on what it is."""
    return unicodedata.ucd_3_2_0.category(character) not in ("Cn", "Co", "Cs")


STABLE = st.characters(codec="utf-8").filter(_is_stable)
AWKWARD = [
    *["'", "'s", "’", " ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "\u2028", "/", ".", "...", "_", "-", "\x00"],
    *["a", "the", " the", "Ab", "WORD", "9", "12345", "½", "²", "Ⅷ", "٣", "é", "e\u0301", "\u0301", "\u0323", "Å"],
    *["狐", "狐狸", "ひらがな", "カタカナ", "한", "\u1112\u1161\u11ab", "👍🏽", "👩\u200d👩\u200d👧", "ſ", "K"],
    *["ﬁ", "İ", "Σ", "ß", "ΑΣ", "ي", "ﷺ", "①", "™", END, "<", "<|", "|>", "endoftext", "<mask>", "<s>", "▁", "Ġ"],
]


def stable_texts(*more: str, max_size: int = 25) -> st.SearchStrategy[str]:
    """Return texts of words, spaces, marks, special tokens and characters that all Unicode versions have."""
    return st.lists(st.sampled_from([*AWKWARD, *more]) | STABLE, max_size=max_size).map("".join)
