"""The two corpora: given, prepared or generated, and made once."""

import pytest

from bpe import Tokenizer, encode_file, open_token_file, read_token_file_info
from experimentation import text_origins
from experimentation.scales import read_scale
from experimentation.text_sources import CorporaRequest, as_json, find_corpora, from_json, make_corpora
from preparation import PreparedData

from .experiment_table import BASE, write_table


@pytest.fixture(autouse=True)
def nothing_prepared(monkeypatch):
    monkeypatch.setattr(text_origins, "find_prepared", lambda *_: None)


def scale(tmp_path, **changes):
    return read_scale("cpu", write_table(tmp_path / "table", {"base": BASE}, **changes))


def test_generated_corpora_are_made_once(tmp_path):
    said = []
    request = CorporaRequest(scale(tmp_path, other_vocab_size=280))
    assert find_corpora(request, tmp_path) is None
    made = make_corpora(request, tmp_path, said.append)
    assert make_corpora(request, tmp_path, said.append) == made == find_corpora(request, tmp_path)
    assert said == ["text: generated stories (generated)", "text: documentation and source of this project (generated)"]
    assert [Tokenizer.load(text.tokenizer).vocab_size for text in (made.text, made.other_text)] == [300, 280]
    for text in (made.text, made.other_text):
        ids = open_token_file(text.valid_tokens).tolist()
        assert Tokenizer.load(text.tokenizer).decode(ids) == text.valid_text.read_text("utf-8")
        assert text.valid_text.read_text("utf-8") not in text.train_text.read_text("utf-8")
    described = made.describe()["text"]
    assert described["train_bytes"] == made.text.train_text.stat().st_size
    assert described["train_tokens"] == read_token_file_info(made.text.train_tokens).count
    assert from_json(as_json(made.text)) == made.text


def test_the_folder_may_be_moved(tmp_path):
    request = CorporaRequest(scale(tmp_path))
    made = make_corpora(request, tmp_path / "a", lambda _: None)
    (tmp_path / "a").rename(tmp_path / "b")
    moved = find_corpora(request, tmp_path / "b")
    assert moved.text.digest == made.text.digest
    assert moved.text.train_tokens.is_file()


def test_what_a_killed_process_has_left_is_removed(tmp_path):
    request = CorporaRequest(scale(tmp_path))
    made = make_corpora(request, tmp_path, lambda _: None)
    folder = made.text.tokenizer.parent
    (folder / "text.json").write_text("{")
    (folder.with_name(f".{folder.name}.unfinished")).mkdir()
    assert find_corpora(request, tmp_path) is None
    assert make_corpora(request, tmp_path, lambda _: None) == made
    assert not list(folder.parent.glob(".*"))


def test_given_texts_have_a_digest_of_their_content(tmp_path, texts):
    given = (texts / "train.txt", texts / "valid.txt")
    table = scale(tmp_path)
    first = make_corpora(CorporaRequest(table, given, given), tmp_path, lambda _: None)
    assert (first.text.source, first.text.name, first.text.train_text) == ("given", texts.name, given[0].resolve())
    copies = [tmp_path / "copies" / path.name for path in given]
    copies[0].parent.mkdir()
    for path, copy in zip(given, copies, strict=True):
        copy.write_bytes(path.read_bytes())
    copied = make_corpora(CorporaRequest(table, tuple(copies), given), tmp_path, lambda _: None)
    assert copied.text.digest == first.text.digest
    copies[1].write_bytes(copies[1].read_bytes() + b"more")
    changed = make_corpora(CorporaRequest(table, tuple(copies), given), tmp_path, lambda _: None)
    assert changed.text.digest != first.text.digest
    assert changed.text.train_tokens != copied.text.train_tokens


def test_the_texts_of_a_prepared_corpus_are_those_of_its_token_files(tmp_path, texts, monkeypatch):
    given = (texts / "train.txt", texts / "valid.txt")
    made = make_corpora(CorporaRequest(scale(tmp_path), given, given), tmp_path / "given", lambda _: None).text
    prepared = PreparedData(made.train_tokens, made.valid_tokens, made.tokenizer)
    monkeypatch.setattr(text_origins, "find_prepared", lambda name, _: prepared if name == "tinystories" else None)
    monkeypatch.setattr(text_origins, "_IDS_AT_ONCE", 1000)
    table = read_scale("cpu", tmp_path / "table")
    found = make_corpora(CorporaRequest(table), tmp_path / "prepared", lambda _: None).text
    assert (found.name, found.source, found.train_tokens) == ("TinyStories", "prepared", made.train_tokens)
    assert found.train_text.read_bytes() == given[0].read_bytes()
    assert found.digest == made.digest


def test_missing_texts_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere.txt \(--other-text\) is not a file"):
        CorporaRequest(scale(tmp_path), None, (tmp_path / "nowhere.txt", tmp_path / "b")).origins()
    real = read_scale("gpu", write_table(tmp_path / "real", {"base": BASE}, generated_bytes=None))
    with pytest.raises(ValueError, match=r"prepare it with apps/prepare_data.py tinystories --vocab-size 300, or give"):
        CorporaRequest(real).origins()


def test_encoding_uses_the_tokenizer_of_the_training_text(tmp_path, texts):
    given = (texts / "train.txt", texts / "valid.txt")
    made = make_corpora(CorporaRequest(scale(tmp_path), given, given), tmp_path, lambda _: None).text
    again = encode_file(Tokenizer.load(made.tokenizer), given[1], tmp_path / "again.bin")
    assert again.count == read_token_file_info(made.valid_tokens).count
    assert (tmp_path / "again.bin").read_bytes() == made.valid_tokens.read_bytes()
