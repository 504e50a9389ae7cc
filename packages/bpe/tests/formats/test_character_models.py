"""BPE over characters, in the forms of Llama 2, Mistral and Gemma, and simpler ones."""

import json
from itertools import pairwise

import pytest
import regex
import tokenizers
from hypothesis import given, settings
from tokenizers import decoders, models, trainers

from bpe import StreamDecoder, Tokenizer, TokenizerFileError
from bpe.character_model import CharacterModel

from ..conftest import SCRIPTS
from .conftest import Both, added, stable_texts

BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
SPECIALS = ["<unk>", "<s>", "</s>"]


def sequence(name, *steps):
    return {"type": "Sequence", name: list(steps)}


def replace(pattern, content):
    return {"type": "Replace", "pattern": {"String": pattern}, "content": content}


LLAMA_DECODER = sequence(
    "decoders",
    replace("▁", " "),
    {"type": "ByteFallback"},
    {"type": "Fuse"},
    {"type": "Strip", "content": " ", "start": 1, "stop": 0},
)
GEMMA_DECODER = sequence("decoders", replace("▁", " "), {"type": "ByteFallback"}, {"type": "Fuse"})
LLAMA = {
    "normalizer": sequence("normalizers", {"type": "Prepend", "prepend": "▁"}, replace(" ", "▁")),
    "decoder": LLAMA_DECODER,
}
GEMMA = {
    "normalizer": replace(" ", "▁"),
    "pre_tokenizer": {
        "type": "Split",
        "pattern": {"String": " "},
        "behavior": "MergedWithPrevious",
        "invert": False,
    },
    "decoder": GEMMA_DECODER,
}


def metaspace(prepend, split, decoder=LLAMA_DECODER):
    step = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": prepend, "split": split}
    return {"pre_tokenizer": step, "decoder": decoder}


FORMS = {
    "llama": LLAMA,
    "gemma": GEMMA,
    **{
        f"metaspace {prepend} {split}": metaspace(prepend, split)
        for prepend in ("always", "first", "never")
        for split in (True, False)
    },
    "old metaspace": {
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True},
        "decoder": LLAMA_DECODER,
    },
    "words": {"pre_tokenizer": {"type": "Whitespace"}, "decoder": {"type": "Fuse"}},
    "whole": {"decoder": GEMMA_DECODER},
}


@pytest.fixture(scope="session")
def character_file(tmp_path_factory):
    """A tokenizer trained by the `tokenizers` library, without the rarer characters of the corpus, as JSON."""
    trained = tokenizers.Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    trained.normalizer = tokenizers.normalizers.Replace(" ", "▁")
    trained.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace(split=True)
    trained.decoder = decoders.Fuse()
    special_tokens = [*SPECIALS, *BYTES]
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=special_tokens, limit_alphabet=120, show_progress=False
    )
    trained.train_from_iterator([SCRIPTS] * 3, trainer)
    content = json.loads(trained.to_str())
    content["added_tokens"] = content["added_tokens"][: len(SPECIALS)]
    return content


@pytest.fixture(scope="session")
def load_characters(character_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("characters")

    def load(*, model=(), more=(), crossing=False, **parts) -> Both:
        content = character_file | {"normalizer": None, "pre_tokenizer": None} | parts
        content["model"] = content["model"] | dict(model)
        if crossing:  # a merge across a mark, so that text cannot be split there
            vocab = content["model"]["vocab"]
            content["model"]["vocab"] = vocab | {"e▁": len(vocab)}
            content["model"]["merges"] = [["e", "▁"], *content["model"]["merges"]]
        ids = dict(content["model"]["vocab"])
        for token in more:
            ids.setdefault(token["content"], len(ids))
        content["added_tokens"] = [
            *character_file["added_tokens"],
            *({"id": ids[token["content"]]} | token for token in more),
        ]
        path = folder / "tokenizer.json"
        path.write_text(json.dumps(content), "utf-8")
        loaded, theirs = Tokenizer.load(path), tokenizers.Tokenizer.from_file(str(path))
        loaded.save(folder / "again.json")
        again = Tokenizer.load(folder / "again.json")
        assert again.fingerprint == loaded.fingerprint
        return Both(again, theirs)

    return load


MIXED = sequence("pretokenizers", metaspace("first", split=True)["pre_tokenizer"], {"type": "Whitespace"})
MODELS = [{}, {"fuse_unk": False}, {"byte_fallback": False}, {"byte_fallback": False, "fuse_unk": False}]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("crossing", [False, True])
def test_ids_equal_those_of_the_tokenizers_library(load_characters, form, crossing):
    for model in MODELS[:: 1 if form == "llama" else 3]:
        both = load_characters(model=model, crossing=crossing, **FORMS[form])

        @settings(max_examples=25)
        @given(text=stable_texts("▁▁", "e ", "e▁", " <s> ", "</s>", "<0x0A>", "<unk>"))
        def check(text):
            both.check(text)  # noqa: B023  # called before the next one is loaded

        check()
        both.check(f"{SCRIPTS}<s>{SCRIPTS[::-1]}")
        both.check(f"<s>{SCRIPTS}")


def test_a_missing_byte_token(load_characters, character_file):
    vocab = {token: token_id for token, token_id in character_file["model"]["vocab"].items() if token != "<0xE7>"}
    both = load_characters(model={"vocab": vocab}, **LLAMA)
    for text in ("狐é狸", "\u6c34\u7ae0a", "a\u7ae0\u7ae0\u6c34b"):
        both.check(text)


@pytest.mark.parametrize("form", ["llama", "gemma", "metaspace first False"])
def test_added_tokens(load_characters, form):
    more = [added("<mask>", lstrip=True), added("▁▁"), added("\n"), added("[X]", normalized=True)]
    both = load_characters(more=more, **FORMS[form])

    @settings(max_examples=40)
    @given(text=stable_texts("▁▁", " <mask>", "[X]", " [X] ", "\n\n", "<s>"))
    def check(text):
        both.check(text)

    check()


@pytest.mark.parametrize("form", [form for form in FORMS if form not in ("words", "whole")])
@pytest.mark.parametrize("text", ["", "a", " a", "  two  spaces ", "Déjà vu 狐狸 👍🏽\n", "<s> a</s>b", SCRIPTS])
def test_decoding(load_characters, form, text):
    ours, theirs = load_characters(**FORMS[form])
    ids = theirs.encode(text).ids
    for skip in (False, True):
        expected = theirs.decode(ids, skip_special_tokens=skip)
        assert ours.decode(ids, skip_special_tokens=skip) == expected
        stream = StreamDecoder(ours, skip_special_tokens=skip)
        assert "".join([*map(stream.feed, ids), stream.finish()]) == expected


def test_a_continued_stream_keeps_its_space(load_characters):
    ours, _ = load_characters(**LLAMA)
    ids = ours.encode("one two")
    first, rest = ids[:2], ids[2:]
    start, continued = StreamDecoder(ours), StreamDecoder(ours, continued=True)
    assert start.feed(first) + continued.feed(rest) == "one two"
    assert StreamDecoder(ours, continued=True).feed(ids) == " one two"


def test_long_streams(load_characters):
    ours, _ = load_characters(**LLAMA)
    text = SCRIPTS * 40
    chunks = [text[i : i + 1009] for i in range(0, len(text), 1009)]
    assert list(ours.encode_iterable(chunks)) == ours.encode(text)


def test_whole_texts_are_split_where_no_merge_crosses(load_characters):
    """Otherwise each text would be one piece, which is slow."""
    split, crossing = (load_characters(crossing=crossing, **LLAMA).ours for crossing in (False, True))
    for tokenizer in (split, crossing):
        tokenizer.encode("to be or not to be")
    assert {"▁to", "▁be", "▁or"} <= split._piece_ids.keys()
    assert {"▁to", "▁be▁or", "▁not"} <= crossing._piece_ids.keys()  # a merge joins "e" and a mark


def test_gemmas_step_at_spaces_splits_nothing(load_characters):
    ours, _ = load_characters(**GEMMA)
    ours.encode("to be or not")
    assert {"▁be", "▁or", "▁not"} <= ours._piece_ids.keys()


def test_short_pieces():
    model = CharacterModel()
    ids = dict.fromkeys(["▁".encode(), b"a"], 0)
    assert model.short_pieces([], {b"a": 0}) is None  # an unknown mark could be fused with what is before it
    assert CharacterModel(mark="").short_pieces([], ids) is None
    many = [(character.encode(), "▁".encode()) for character in map(chr, range(0x4E00, 0x4E21))]
    assert model.short_pieces(many, ids) is None
    for merges in (many[:32], [(b"^", "▁".encode()), (b"]", "▁▁".encode())], []):
        pattern = model.short_pieces(merges, ids)
        assert pattern is not None
        text = "▁▁one▁two^▁]▁▁three\n▁▁" + "".join(left.decode() + "▁x" for left, _ in many)
        pieces = regex.findall(pattern, text)
        assert "".join(pieces) == text
        joined = tuple(left.decode() for left, _ in merges)
        for left, right in pairwise(pieces):
            assert right.startswith("▁")
            assert not left.endswith(("▁", *joined))


def test_bytes_and_offsets(load_characters):
    ours, _ = load_characters(**metaspace("never", split=True))
    ids, offsets = ours.encode_with_offsets("né 鱻")
    assert ours.decode_bytes(ids) == "né 鱻".encode()
    assert offsets[-1] == (3, 4)
    assert ours.vocab[ids[-1]].startswith(b"<0x")


def test_what_other_files_cannot_express_is_an_error(load_characters, tmp_path):
    ours, _ = load_characters(**GEMMA)
    with pytest.raises(ValueError, match=r"has tokens of characters, which vocab\.json and merges\.txt cannot express"):
        ours.save_gpt2(tmp_path / "vocab.json", tmp_path / "merges.txt")


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"decoder": None}, "it has no decoder"),
        ({"decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True}}, "its decoder has the step .*WordPiece"),
        ({"decoder": {"type": "BPEDecoder", "suffix": "</w>"}}, "its decoder has the step .*BPEDecoder"),
        ({"pre_tokenizer": MIXED}, "Metaspace together with other steps"),
        (
            {"pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "?"}},
            "a Metaspace with missing",
        ),
        ({"model": {"unk_token": "<none>"}}, "unk_token = '<none>', which is not in the vocabulary"),
        ({"model": {"byte_fallback": 1}}, "byte_fallback = 1: give true or false"),
        ({"model": {"end_of_word_suffix": "</w>"}}, "end_of_word_suffix = '</w>'"),
        ({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False}}, "'▁' is not the stand-in of a byte"),
    ],
)
def test_what_cannot_be_reproduced_is_an_error(load_characters, parts, message):
    with pytest.raises(TokenizerFileError, match=message):
        load_characters(**parts)


def test_a_character_that_is_not_in_the_vocabulary(load_characters):
    """The library drops it without a message if there is no unknown token."""
    ours, _ = load_characters(model={"byte_fallback": False, "unk_token": None}, **GEMMA)
    with pytest.raises(ValueError, match=r"contains '鱻' .*, which is not in the vocabulary"):
        ours.encode("a 鱻")
