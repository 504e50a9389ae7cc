"""Random tokenizers: the same one with each engine, and in the `tokenizers` library where it can be saved for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import tokenizers

from bpe import Tokenizer
from bpe.added_tokens import AddedToken
from bpe.character_model import CharacterModel
from bpe.kernels import loading
from bpe.normalizers import Lowercase, Prepend, Replace, Step, Strip, UnicodeForm
from bpe.patterns import WHOLE_TEXT
from bpe.pre_tokenizers import Split, SplitSteps, steps_for_mark
from bpe.text_rules import Metaspace, TextRules

from . import vocabularies
from .differences import DifferenceError
from .split_rules import fuzz_pattern, fuzz_steps, takes_long
from .texts import fuzz_text

_BYTES = [bytes([byte]) for byte in range(256)]
_MARK = "▁"
_TOKENS = (
    *("<|endoftext|>", "<|end|>", "<|", "<s>", "</s>", "<<", "<", "the", "he", "aa", "a", " ", "  ", "\n", "\n\n", "é"),
    *("e\u0301", "狐", "[X]", "Ab", "'s", "\u0301", "▁", "▁▁", "<mask>", "<mask><s>", "s><", "9", "👍", "\x00", "ﬁ"),
)
_FORMS = ("NFC", "NFD", "NFKC", "NFKD")


@dataclass(frozen=True)
class Subject:
    """A tokenizer in all forms that are compared."""

    reference: Tokenizer
    compiled: Tokenizer
    library: "tokenizers.Tokenizer | None"
    """The one of the `tokenizers` library, if there is one."""
    loaded: Tokenizer | None
    """The tokenizer after it was saved and loaded, if it can be."""
    pattern: str | SplitSteps
    """What splits a text."""
    strings: tuple[str, ...]
    """Strings that mean something to this tokenizer, to put into texts."""

    def __str__(self) -> str:
        """What it consists of, in one line."""
        ours = self.reference
        parts: list[object] = [f"{len(ours.vocab)} tokens, {len(ours.merges)} merges", f"pattern {ours.pattern!r}"]
        parts += list(ours.added_tokens)
        parts += [ours.rules.normalizer] if ours.rules.normalizer else []
        parts += ["ignore_merges"] if ours.ignore_merges else []
        parts += ["prefix space"] if ours.rules.prefix_space else []
        parts += [part for part in (ours.rules.metaspace, ours.characters) if part]
        return "; ".join(map(str, parts))


def fuzz_subject(random: Random, folder: Path) -> Subject:
    """Return a random tokenizer.

    Args:
        random: the source of randomness.
        folder: where a file may be written.

    Raises:
        DifferenceError: training gives different merges, or a file that was saved cannot be loaded.
    """
    make = _characters if random.random() < 0.2 else _byte_level
    while True:
        try:
            options = make(random)
            engines = [Tokenizer(engine=engine, **options) for engine in ("reference", "compiled")]
        except ValueError:
            continue  # two added tokens are the same after normalization, for example
        strings = [token.content for token in engines[0].added_tokens]
        strings += [token.decode(errors="ignore") for token in random.choices(list(engines[0].vocab.values()), k=10)]
        saved = _saved(engines[0], folder, random)
        return Subject(*engines, *saved, options["pattern"], tuple(filter(None, strings)))


def _byte_level(random: Random) -> dict[str, Any]:
    tokens = random.sample(_TOKENS, random.randint(0, 6))
    texts = [fuzz_text(random, tokens) for _ in range(20)]
    pattern = fuzz_pattern(random)
    if random.random() < 0.6:
        trainable = [text for text in texts if not takes_long(pattern, text)]
        vocabulary = vocabularies.trained(random, trainable, tokens[:3], pattern)
    else:
        data = "".join(texts).encode()[:2000]
        vocabulary = vocabularies.grown(random, [bytes([byte]) for byte in data], _BYTES)
    words = [word.encode() for text in texts for word in text.split(" ")]
    ignore_merges = random.random() < 0.25
    if random.random() < (0.8 if ignore_merges else 0.2):
        vocabulary = vocabularies.with_more_tokens(random, vocabulary, words)
    if random.random() < 0.1:
        vocabulary = vocabularies.without_some_bytes(random, vocabulary)
    vocabulary = vocabularies.renumbered(random, vocabulary)
    specials, others = _added_tokens(random, tokens, vocabulary)
    return {
        "vocab": vocabulary.vocab,
        "merges": vocabulary.merges,
        "special_tokens": specials,
        "pattern": fuzz_steps(random) if random.random() < 0.2 else pattern,
        "ignore_merges": ignore_merges,
        "rules": TextRules(
            added_tokens=others,
            normalizer=_normalizer(random),
            prefix_space=random.random() < 0.15,
        ),
    }


def _added_tokens(
    random: Random, contents: Sequence[str], vocabulary: vocabularies.Vocabulary
) -> tuple[dict[str, int], tuple[AddedToken, ...]]:
    """Return the ids of special tokens, and the added tokens that are not special or have options."""
    ids = {token: token_id for token_id, token in vocabulary.vocab.items()}
    share = random.choice((0.0, 0.3))  # none of them has options, or many have
    first_id = max(vocabulary.vocab) + 1
    tokens = [
        AddedToken(
            content,
            ids.get(content.encode(), first_id + k),
            special=random.random() < 0.5,
            lstrip=random.random() < share,
            rstrip=random.random() < share,
            single_word=random.random() < share,
            normalized=random.random() < share,
        )
        for k, content in enumerate(contents)
    ]
    specials = {token.content: token.id for token in tokens if token == AddedToken(token.content, token.id)}
    return specials, tuple(token for token in tokens if token.content not in specials)


def _normalizer(random: Random) -> tuple[Step, ...]:
    if random.random() < 0.65:
        return ()
    steps: list[Callable[[], Step]] = [
        lambda: UnicodeForm(random.choice(_FORMS)),  # type: ignore[arg-type]
        Lowercase,
        lambda: Strip(random.random() < 0.5, random.random() < 0.5),
        lambda: Prepend(random.choice((" ", "▁", "é", "\u0301"))),
        lambda: Replace(random.choice((" ", "a", "é", "\n", "aa", "\u0301")), random.choice(("", "b", "▁", "\u0301"))),
        lambda: Replace(random.choice((r"\s+", "[a-c]", r"\d", "(?i:a)b")), random.choice(("", " ", "x")), True),
    ]
    return tuple(step() for step in random.choices(steps, k=random.randint(1, 3)))


def _characters(random: Random) -> dict[str, Any]:
    """Return a tokenizer of characters, in the forms of Llama 2, Mistral and Gemma, or without marks."""
    texts = [fuzz_text(random, ()) for _ in range(20)]
    text = "".join(texts).replace(" ", _MARK)[:1500]
    byte_fallback = random.random() < 0.7
    first = [b"<unk>", b"<s>", b"</s>"]
    first += [b"<0x%02X>" % byte for byte in range(256)] if byte_fallback else []
    kept = random.sample(sorted(set(text)), k=len(set(text)) * random.randint(1, 4) // 4)
    first += [character.encode() for character in sorted({*kept, _MARK})]
    known = set(first)
    vocabulary = vocabularies.grown(random, [c.encode() for c in text if c.encode() in known], first)
    form = random.choice(("prepend", "replace", "metaspace", "metaspace", "none"))
    normalizer: tuple[Step, ...] = ()
    pattern: str | SplitSteps = WHOLE_TEXT
    metaspace = None
    if form == "prepend":
        normalizer = (Prepend(_MARK), Replace(" ", _MARK))
    elif form == "replace":
        normalizer = (Replace(" ", _MARK),)
        pattern = random.choice((WHOLE_TEXT, SplitSteps([Split(" ", "MergedWithPrevious")])))
    elif form == "metaspace":
        metaspace = Metaspace(_MARK, random.choice(("always", "first", "never")))
        pattern = random.choice((WHOLE_TEXT, steps_for_mark(_MARK)))
    names = random.sample(_TOKENS, random.randint(0, 4))
    specials, others = _added_tokens(random, [t for t in names if t.encode() not in first[:3]], vocabulary)
    return {
        "vocab": vocabulary.vocab,
        "merges": vocabulary.merges,
        "special_tokens": {"<unk>": 0, "<s>": 1, "</s>": 2, **specials},
        "pattern": pattern,
        "ignore_merges": random.random() < 0.2,
        "rules": TextRules(
            added_tokens=others,
            normalizer=normalizer,
            metaspace=metaspace,
        ),
        "characters": CharacterModel(
            byte_fallback=byte_fallback,
            unknown="<unk>" if random.random() < 0.8 else None,
            fuse_unknown=random.random() < 0.5,
            mark=_MARK if form != "none" else "",
            decodes_bytes=byte_fallback,
            strips_space=form == "prepend",
        ),
    }


def _saved(ours: Tokenizer, folder: Path, random: Random) -> "tuple[tokenizers.Tokenizer | None, Tokenizer | None]":
    """Save a tokenizer, and load it with the other library and with this one; None if no file can express it.

    Args:
        ours: the tokenizer.
        folder: where to save it.
        random: decides whether it is loaded with the tables that the kernels need.

    Raises:
        DifferenceError: a library cannot load the file.
    """
    path = folder / "tokenizer.json"
    try:
        ours.save(path)
    except ValueError:
        return None, None
    try:
        loaded, library = Tokenizer.load(path), tokenizers.Tokenizer.from_file(str(path))
        if random.random() < 0.2:
            loaded = _loaded_again(path)
    except Exception as error:  # the other library raises Exception itself
        raise DifferenceError("loading", path.read_text("utf-8"), ours.pattern, error) from error
    return (None if _reads_text_as_token(ours) else library), loaded


def _loaded_again(path: Path) -> Tokenizer:
    """Load a file with the tables that an earlier process kept, in a folder of its own."""
    for name in ("tables", "encode16", "encode32"):
        loading.kernel(name)  # in memory, so that they are not looked for in that folder
    with patch("bpe.kernels.runtime.cache_files.folders", lambda: iter([path.parent / "tables"])):
        Tokenizer.load(path).load_kernels(1)
        return Tokenizer.load(path)


def _reads_text_as_token(ours: Tokenizer) -> bool:
    """Return whether the other library may encode ordinary text as an added token.

    With `ignore_merges` it does so with a piece that is spelled like the token, where the token itself is not found:
    inside a word, or in normalized text. Here ordinary text never becomes an added token.
    """
    changes = ours.rules.normalizer or ours.rules.prefix_space or ours.rules.metaspace
    return ours.ignore_merges and any(changes or t.single_word or t.normalized for t in ours.added_tokens)
