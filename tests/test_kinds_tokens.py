"""Training tokenizers, compression, speed and the type of ids, on small texts."""

import pytest

from bpe import Tokenizer, open_token_file, train_bpe
from experimentation.kinds import compression, dtype, encoding_speed, tokenizer_training
from preparation import Throughput
from text_data import END_OF_TEXT

from .kind_workspace import make_workspace


@pytest.fixture(scope="module")
def shared(tmp_path_factory, texts):
    return make_workspace(tmp_path_factory.mktemp("kinds"), texts)


def test_a_tokenizer_is_trained_in_a_process_of_its_own(shared):
    outcome = tokenizer_training.run({"corpus": "stories", "vocab_size": 350}, 0, shared)
    vocab, merges = train_bpe(shared.text.train_text, 350, [END_OF_TEXT])
    longest = max((left + right for left, right in merges), key=len)
    values = outcome.values
    assert (values["vocab_size"], values["merges"]) == (len(vocab), len(merges)) == (350, 93)
    assert values["longest_token_bytes"] == len(longest)
    assert values["text_bytes"] == shared.text.train_text.stat().st_size
    assert 2**20 < values["peak_memory_bytes"] < 2**29
    assert 0 < values["count_seconds"] + values["merge_seconds"] <= values["seconds"]
    assert Tokenizer.load(shared.folder / "tokenizer.json").vocab == vocab
    (row,) = outcome.rows
    assert row["corpus"] == "stories"
    assert row["longest_token"] == values["longest_token"]


def test_what_bpe_train_refuses_is_an_error_with_its_message(shared):
    with pytest.raises(ValueError, match=r"failed: .*vocab_size is 3"):
        tokenizer_training.run({"vocab_size": 3}, 0, shared)


def test_bytes_per_token_are_those_of_each_text_with_each_tokenizer(shared):
    outcome = compression.run({"stories_vocab_size": 300, "web_vocab_size": 290}, 0, shared)
    own = Tokenizer.load(shared.text.tokenizer)  # of 300 entries already; the other one has 270 and is trained
    other = Tokenizer.load(shared.folder / "web_tokenizer.json")
    assert not (shared.folder / "stories_tokenizer.json").exists()
    assert other.vocab_size == 290
    for name, tokenizer in (("stories", own), ("web", other)):
        for corpus, source in (("stories", shared.text), ("web", shared.other_text)):
            text = source.valid_text.read_text("utf-8")
            expected = len(text.encode()) / len(tokenizer.encode(text))
            assert outcome.values[f"{name}_on_{corpus}"] == pytest.approx(expected, rel=1e-12)
    assert [(row["tokenizer"], row["corpus"]) for row in outcome.rows] == [
        ("stories", "stories"),
        ("stories", "lines"),
        ("lines", "stories"),
        ("lines", "lines"),
    ]
    assert not list(shared.folder.glob("encoded*"))


def test_the_speed_is_that_of_the_median(shared, monkeypatch):
    clock = iter([0, 1, 10, 10.5, 20, 22, 30, 31, 40, 43, 50, 50.25])  # three rounds of one thread and of four
    monkeypatch.setattr(encoding_speed.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(encoding_speed, "usable_cores", lambda: 4)
    outcome = encoding_speed.run({"part": "valid", "repetitions": 3, "kernels": False}, 0, shared)
    num_bytes = shared.text.valid_text.stat().st_size
    assert [(row["threads"], row["seconds"], row["bytes"]) for row in outcome.rows] == [
        (1, 2, num_bytes),
        (4, 0.5, num_bytes),
    ]
    assert outcome.values["megabytes_per_second"] == Throughput(num_bytes, 0.5).megabytes_per_second
    assert outcome.values["hours_for_825_gb_1_thread"] == Throughput(num_bytes, 2).hours_for_825_gb


def test_one_core_is_one_row(shared, monkeypatch):
    monkeypatch.setattr(encoding_speed, "usable_cores", lambda: 1)
    outcome = encoding_speed.run({"corpus": "web", "repetitions": 1, "kernels": False}, 0, shared)
    assert [row["threads"] for row in outcome.rows] == [1]
    assert outcome.rows[0]["bytes"] == shared.other_text.train_text.stat().st_size


def test_throughput_is_extrapolated_to_825_gb():
    speed = Throughput(13_600_000, 2.0)
    assert (speed.megabytes_per_second, speed.hours_for_825_gb) == (6.8, 33.7)


def test_vocabularies_up_to_65536_take_16_bits(shared):
    sizes = {"GPT-2": 50_257, "limit": 65_536, "above": 65_537}
    vocabularies = [{"name": name, "vocab_size": size} for name, size in sizes.items()]
    rows = dtype.run({"measure": "vocabularies", "vocabularies": vocabularies}, 0, shared).rows
    assert [(row["bits"], row["dtype"], row["bytes_per_id"]) for row in rows] == [
        (16, "uint16", 2),
        (16, "uint16", 2),
        (17, "uint32", 4),
    ]


def test_token_files_are_measured(shared):
    outcome = dtype.run({"measure": "token_files"}, 0, shared)
    assert [(row["corpus"], row["part"]) for row in outcome.rows] == [
        ("stories", "train"),
        ("stories", "valid"),
        ("lines", "train"),
        ("lines", "valid"),
    ]
    row, ids = outcome.rows[0], open_token_file(shared.text.train_tokens)
    assert (row["tokens"], row["largest_id"], row["dtype"]) == (len(ids), max(ids), "uint16")
    assert row["bytes"] == row["uint16_bytes"] == ids.nbytes
    assert (row["uint32_bytes"], row["int64_bytes"]) == (ids.astype("uint32").nbytes, ids.astype("int64").nbytes)
    assert outcome.values["bytes_as_int64"] == 4 * outcome.values["bytes"]


def test_an_id_that_does_not_fit_becomes_another_one_unless_bpe_checks_it(shared):
    outcome = dtype.run({"measure": "overflow", "ids": [65_535, 65_536, 65_536 + 98]}, 0, shared)
    fits, first, letter = outcome.rows
    assert (fits["stored_as_uint16"], fits["token"], fits["bpe"]) == (65_535, "", "65535")
    assert (first["stored_as_uint16"], first["token"]) == (0, END_OF_TEXT)
    assert (letter["stored_as_uint16"], letter["token"]) == (
        98,
        "a",
    )  # id 0 is the special token, so a byte's id is one more
    assert "id 65634" in letter["bpe"]
    assert outcome.values["changed"] == 2


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (tokenizer_training, {"corpus": "news"}, "choose one of stories, web"),
        (encoding_speed, {"repetitions": 0}, "repetitions is 0"),
        (encoding_speed, {"part": "test"}, "choose one of train, valid"),
        (dtype, {"measure": "overflow"}, "ids is empty"),
        (dtype, {"measure": "vocabularies"}, "vocabularies is empty"),
        (dtype, {"measure": "overflow", "ids": [-1]}, "ids contains -1"),
        (dtype, {"measure": "vocabularies", "vocabularies": [{"name": "x"}]}, "vocab_size"),
        (compression, {"vocab_size": 300}, "stories_vocab_size|web_vocab_size"),
    ],
)
def test_mistakes_are_refused(shared, kind, settings, message):
    with pytest.raises(ValueError, match=message):
        kind.run(settings, 0, shared)
