import gzip
import json
import pydoc_data.topics
import subprocess
import sys
import warnings
from collections import Counter
from importlib.util import find_spec
from itertools import pairwise

import pyarrow
import pyarrow.parquet
import pytest
import regex
import zstandard
from hypothesis import given, strategies as st

import bpe.engine
from bpe import PATTERNS, TextFileError, cut_stream, train_bpe, train_bpe_with_report
from bpe.reference import count_pieces
from bpe.training_sources import open_source

from .conftest import END, SCRIPTS

ENGINES = ["reference", pytest.param("compiled", marks=pytest.mark.skipif(find_spec("numba") is None, reason="numba"))]


def naive_train(text, vocab_size, special_tokens, min_frequency=1, max_token_length=10**9):
    """The definition, without any optimization: split, count everything, merge, start again."""
    vocab = [token.encode() for token in special_tokens] + [bytes([byte]) for byte in range(256)]
    documents = [text]
    for special in sorted(special_tokens, key=len, reverse=True):
        documents = [part for document in documents for part in document.split(special)]
    words = [[bytes([b]) for b in piece.encode()] for d in documents for piece in regex.findall(PATTERNS["gpt2"], d)]
    merges = []
    while len(vocab) < vocab_size:
        counts = Counter(pair for word in words for pair in pairwise(word))
        counts = {
            pair: count
            for pair, count in counts.items()
            if count >= min_frequency and len(pair[0]) + len(pair[1]) <= max_token_length
        }
        if not counts:
            break
        best = max(counts, key=lambda pair: (counts[pair], pair))
        for word in words:
            i = 0
            while i + 1 < len(word):
                if (word[i], word[i + 1]) == best:
                    word[i : i + 2] = [word[i] + word[i + 1]]
                i += 1
        merges.append(best)
        vocab.append(best[0] + best[1])
    return dict(enumerate(vocab)), merges


TEXTS = st.lists(st.sampled_from(["a", "b", "ab", " ", "é", "\n", END, "'s", "  c"]), min_size=1, max_size=40).map(
    "".join
)


@pytest.mark.parametrize("engine", ENGINES)
@given(
    text=TEXTS,
    extra=st.integers(0, 25),
    limits=st.fixed_dictionaries(
        {}, optional={"min_frequency": st.integers(1, 4), "max_token_length": st.integers(1, 4)}
    ),
)
def test_training_equals_the_naive_way(tmp_path_factory, engine, text, extra, limits):
    path = tmp_path_factory.mktemp("naive") / "text.txt"
    path.write_bytes(text.encode())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # short texts run out of pairs
        assert train_bpe(path, 257 + extra, [END], engine=engine, **limits) == naive_train(
            text, 257 + extra, [END], **limits
        )


def test_real_text_equals_the_naive_way(corpus, tmp_path):
    path = tmp_path / "small.txt"
    path.write_bytes(corpus.read_bytes()[:8_000])
    expected = naive_train(path.read_bytes().decode(), 420, [END])
    assert train_bpe(path, 420, [END]) == expected


def test_the_order_of_ids(trained):
    vocab, merges = trained
    assert list(vocab) == list(range(1200))
    assert vocab[0] == END.encode()
    assert [vocab[i + 1] for i in range(256)] == [bytes([byte]) for byte in range(256)]
    assert [vocab[i + 257] for i in range(len(merges))] == [left + right for left, right in merges]
    assert len(set(vocab.values())) == len(vocab)


def test_special_tokens_are_never_counted(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("ab" + "<|x|>" * 100 + "cd" + "<|x|>" * 100 + "ab")
    _, merges = train_bpe(path, 258, ["<|x|>"])
    assert merges == [(b"a", b"b")]


def test_training_reads_the_file_in_chunks(tmp_path):
    """A file larger than one read gives the same counts as a small one: the borders between reads have no effect."""
    path = tmp_path / "large.txt"
    line = "It isn't what we've got,   it's what they'll make of it… 狐狸跳过懒狗。\r\n\n"
    path.write_bytes((line * 20_000).encode())
    small = tmp_path / "small.txt"
    small.write_bytes((line * 20).encode())
    large_merges = train_bpe(path, 300)[1]
    assert large_merges == train_bpe(small, 300)[1]


def test_it_stops_with_a_warning_when_no_pair_is_left(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("ab ab")
    with pytest.warns(UserWarning, match="stopped at 258 entries instead of 1000"):
        vocab, merges = train_bpe(path, 1000)
    assert merges == [(b"a", b"b"), (b" ", b"ab")]
    assert len(vocab) == 258


@pytest.mark.parametrize("vocab_size", [0, 256, -5])
def test_a_vocabulary_that_is_too_small_is_an_error(corpus, vocab_size):
    with pytest.raises(ValueError, match=f"vocab_size is {vocab_size}, but .* ask for at least 257"):
        train_bpe(corpus, vocab_size, [END])


def test_bad_files_are_errors(tmp_path):
    with pytest.raises(FileNotFoundError):
        train_bpe(tmp_path / "missing.txt", 300)
    empty = tmp_path / "empty.txt"
    empty.touch()
    with pytest.raises(TextFileError, match="is empty"):
        train_bpe(empty, 300)


@pytest.mark.parametrize("engine", ENGINES)
@given(documents=st.lists(TEXTS, min_size=1, max_size=5))
def test_every_file_and_every_string_is_a_text_of_its_own(tmp_path_factory, engine, documents):
    folder = tmp_path_factory.mktemp("documents")
    for number, document in enumerate(documents):
        (folder / str(number)).write_bytes(document.encode())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = naive_train("<|border|>".join(documents), 275, ["<|border|>", END])[1]
        paths = [folder / str(number) for number in range(len(documents))]
        assert train_bpe(paths, 274, [END], engine=engine)[1] == expected
        assert train_bpe(iter(documents), 274, [END], engine=engine)[1] == expected


def test_a_special_token_is_not_joined_across_strings():
    merges = train_bpe(iter(["<|endof", "text|>"]), 258, [END])[1]
    assert merges != []
    with pytest.warns(UserWarning, match="no pair of tokens is left to merge in the iterable"):
        assert train_bpe(iter([END]), 258, [END])[1] == []


@pytest.mark.parametrize("pattern", [*PATTERNS, r"\p{L}+"])
@pytest.mark.parametrize("num_threads", [1, 3])
def test_both_engines_agree_on_real_text(corpus, pattern, num_threads):
    pytest.importorskip("numba")
    reference, compiled = (
        train_bpe(corpus, 1500, [END], pattern=pattern, engine=engine, num_threads=num_threads)
        for engine in ["reference", "compiled"]
    )
    assert reference == compiled


@pytest.mark.parametrize("engine", ENGINES)
def test_the_report(corpus, engine):
    vocab, merges, report = train_bpe_with_report(corpus, 600, [END], engine=engine)
    assert (vocab, merges) == train_bpe(corpus, 600, [END])
    counts = count_pieces(corpus.read_bytes().decode().split(END), regex.compile(PATTERNS["gpt2"]))
    assert report.engine == engine
    assert report.bytes_read == corpus.stat().st_size
    assert report.num_pieces == counts.total()
    assert report.num_distinct_pieces == len(counts)
    assert report.num_merges == len(merges) == 343
    assert [len(token) for token in report.longest_tokens] == sorted(map(len, vocab.values()))[:-6:-1]
    assert 0 < report.count_seconds + report.merge_seconds <= report.total_seconds
    assert report.peak_memory_bytes is None or report.peak_memory_bytes > 2**20


@pytest.fixture
def small_limits(monkeypatch):
    """So that the tests of this choice need no large texts."""
    monkeypatch.setattr("bpe.kernels.loading.is_loaded", lambda name: False)
    for name, value in {"FROM_FILE": 1_000, "FROM_SOURCE": 3_000, "LARGE": 2_000}.items():
        for module in ("bpe.engine", "bpe.training"):
            monkeypatch.setattr(f"{module}.{name}", value, raising=False)


def engine_for(num_bytes, tmp_path):
    """Return the engines that train on a file and on short strings of about `num_bytes` bytes in total."""
    (tmp_path / "text.txt").write_text("low " * (num_bytes // 4))
    strings = ("low " for _ in range(num_bytes // 4))
    return {train_bpe_with_report(source, 258)[2].engine for source in (tmp_path / "text.txt", strings)}


def test_the_engine_is_chosen_by_size(small_limits, monkeypatch, tmp_path):
    pytest.importorskip("numba")
    monkeypatch.setattr("bpe.kernels.loading.is_kept", lambda name: True)
    assert [engine_for(size, tmp_path) for size in (996, 1_004)] == [{"reference"}, {"compiled"}]
    monkeypatch.setattr("bpe.kernels.loading.is_kept", lambda name: False)
    assert [engine_for(size, tmp_path) for size in (1_004, 2_996, 3_000)] == [
        {"reference"},
        {"reference"},
        {"compiled"},
    ]


def test_training_on_a_large_text_without_the_extra_warns(small_limits, monkeypatch, tmp_path):
    monkeypatch.setattr("bpe.engine.kernels_installed", lambda: False)
    monkeypatch.setattr("bpe.training.kernels_installed", lambda: False)
    bpe.engine._advise.cache_clear()
    assert engine_for(1_996, tmp_path) == {"reference"}
    with pytest.warns(UserWarning, match=r"install the package with its extra, bpe\[fast\]"):
        assert engine_for(2_000, tmp_path) == {"reference"}
    bpe.engine._advise.cache_clear()
    with pytest.raises(ValueError, match=r'engine="compiled" needs numba and numpy: install .* bpe\[fast\]'):
        train_bpe(iter(["aa"]), 257, engine="compiled")


def test_no_string_is_lost_when_the_engine_is_chosen(small_limits):
    strings = pydoc_data.topics.topics.values()
    expected = train_bpe_with_report(iter(strings), 300, engine="reference")
    chosen = train_bpe_with_report(iter(strings), 300)
    assert chosen[:2] == expected[:2]
    assert chosen[2].num_pieces == expected[2].num_pieces
    assert chosen[2].bytes_read == expected[2].bytes_read == len("".join(strings).encode())


def test_kernels_from_files_train_without_numba(tmp_path):
    """And without a message on standard error: the kernel is in a file after the first training."""
    pytest.importorskip("numba")
    (tmp_path / "text.txt").write_text("low low lower newest widest <|endoftext|>" * 99)
    program = """
import sys
from bpe import train_bpe
train_bpe("text.txt", 262, ["<|endoftext|>"], engine="compiled", num_threads=2)
print(sorted({"numba", "torch"} & sys.modules.keys()))
"""
    command = [sys.executable, "-c", program]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)  # compiles, if necessary
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize("engine", ENGINES)
def test_progress_is_shown_on_standard_error(engine, tmp_path, capsys):
    text = " ".join(pydoc_data.topics.topics.values()).encode()
    (tmp_path / "text.txt").write_bytes(text)
    train_bpe(tmp_path / "text.txt", 400, engine=engine, progress=True)
    counting, merging = capsys.readouterr().err.splitlines()
    assert counting.startswith(f"counting  {len(text) / 1e6:.1f}/{len(text) / 1e6:.1f} MB  100%  ")
    assert merging.startswith("merging  144/144 merges  100%  ")
    train_bpe(iter([text.decode()]), 400, engine=engine, progress=True)
    assert capsys.readouterr().err.startswith(f"counting  {len(text) / 1e6:.1f} MB  ")
    train_bpe(iter(["low low"]), 258, engine=engine)
    assert capsys.readouterr().err == ""


def test_limits_are_named_in_the_warning():
    with pytest.warns(UserWarning, match="no pair of tokens that occurs 3 times and makes at most 2 bytes is left"):
        train_bpe(iter(["abc abc abc"]), 300, min_frequency=3, max_token_length=2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"vocab_size": 300.0}, "vocab_size is 300.0: give an integer"),
        ({"vocab_size": "300"}, "vocab_size is '300': give an integer"),
        ({"min_frequency": 0}, "min_frequency is 0: give at least 1"),
        ({"min_frequency": True}, "min_frequency is True: give an integer"),
        ({"max_token_length": 0}, "max_token_length is 0: give at least 1"),
        ({"num_threads": 0}, "num_threads is 0: give a positive integer"),
        ({"engine": "fast"}, "engine is 'fast': give one of 'auto', 'reference', 'compiled'"),
        ({"special_tokens": END}, "special_tokens is the string"),
        ({"special_tokens": [END, END]}, "is given twice"),
        ({"pattern": "("}, "is neither one of"),
        ({"source": 3.5}, "cannot train on an object of type float"),
    ],
)
def test_wrong_arguments_are_errors(corpus, arguments, message):
    with pytest.raises(ValueError, match=message):
        train_bpe(**{"source": corpus, "vocab_size": 300, **arguments})


@pytest.mark.parametrize("engine", ENGINES)
def test_a_stream_cut_safely_gives_the_merges_of_the_joined_text(engine):
    manual = " ".join(pydoc_data.topics.topics.values())
    text = f"{manual[:60_000]}{END}{manual[60_000:90_000]}"
    chunks = (text[start : start + 777] for start in range(0, len(text), 777))
    streamed = train_bpe(cut_stream(chunks, [END], size=5000), 500, [END], engine=engine)
    assert streamed == train_bpe(iter([text]), 500, [END], engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_files_in_all_formats(tmp_path, engine):
    """Each document is a text of its own; a compressed text file is one text."""
    documents = [f"{SCRIPTS[3 * k :]}{END}naïve {'café ' * k}" for k in range(40)]
    text = END.join(documents)
    rows = "".join(json.dumps({"body": document}) + "\n" for document in documents)
    contents = {
        "a.txt": text.encode(),
        "a.txt.gz": gzip.compress(text.encode()),
        "a.txt.zst": zstandard.compress(text.encode()),
        "a.jsonl": rows.encode(),
        "a.jsonl.gz": gzip.compress(rows.encode()),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    pyarrow.parquet.write_table(pyarrow.table({"body": documents}), tmp_path / "a.parquet")
    paths = [tmp_path / name for name in (*contents, "a.parquet")]
    expected = train_bpe(iter(documents), 400, [END], engine="reference")
    for path in paths:
        *learned, report = train_bpe_with_report(path, 400, [END], column="body", engine=engine, num_threads=2)
        assert tuple(learned) == expected
        separators = 0 if path.suffix == ".parquet" or ".jsonl" in path.name else len(END) * (len(documents) - 1)
        assert report.bytes_read == len("".join(documents).encode()) + separators
    together = train_bpe(paths, 400, [END], column="body", engine=engine)
    assert together == train_bpe(iter(documents * len(paths)), 400, [END], engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_pattern_without_an_automaton_and_documents(tmp_path, engine):
    documents = ["low lower", f"newest{END}", "widest low"] * 20
    (tmp_path / "a.jsonl.gz").write_bytes(
        gzip.compress("".join(json.dumps({"text": d}) + "\n" for d in documents).encode())
    )
    options = {"pattern": r"\b\w+|\W", "engine": engine}
    assert train_bpe(tmp_path / "a.jsonl.gz", 265, [END], **options) == train_bpe(
        iter(documents), 265, [END], **options
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_files_of_documents_with_errors(tmp_path, engine):
    path = tmp_path / "a.jsonl"
    mistakes = {
        '{"text": "a"}\n{"body": "b"}': r"a\.jsonl, line 2, has no field 'text', only 'body'",
        '{"text": null}\n': r"there is no text in .*a\.jsonl: give files with documents",
        "a text\n": r"a\.jsonl, line 1, is not JSON",
    }
    for content, message in mistakes.items():
        path.write_text(content)
        with pytest.raises(TextFileError, match=message):
            train_bpe(path, 300, [END], engine=engine, num_threads=2)
    with pytest.raises(ValueError, match="column is None: give the name of the field or column"):
        train_bpe(path, 300, [END], column=None)


def test_progress_counts_the_bytes_of_compressed_files(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps({"text": SCRIPTS}) + "\n" for _ in range(50)).encode()))
    source = open_source([path, path])
    counted = []
    source.on_read = counted.append
    assert len(list(source.texts())) == 100
    assert sum(counted) == source.size == 2 * path.stat().st_size
    assert source.bytes_read == 100 * len(SCRIPTS.encode())
