"""Tokenizers from files that were read before: the same ids and properties, from tables that are kept in a file."""

import copy
import os
import pickle
import subprocess
import sys
import threading

import pytest

from bpe import PATTERNS, Tokenizer

pytest.importorskip("numba", reason="needs numba")
from bpe import table_files
from bpe.added_tokens import AddedToken
from bpe.compiled.model import CompiledModel
from bpe.kernels import loading
from bpe.kernels.runtime import cache_files
from bpe.normalizers import UnicodeForm
from bpe.pre_tokenizers import Split, SplitSteps
from bpe.templates import TEXT, Piece, Template
from bpe.text_rules import TextRules
from bpe.token_files import id_dtype

from .conftest import END, SCRIPTS

TEXTS = [SCRIPTS, f"one{END}{END} two", "", "a", "  the lowest  "]


@pytest.fixture(autouse=True)
def cache(kernels, tmp_path, monkeypatch):
    """An empty folder for tables. The kernels are in memory already."""
    for name in ("tables", "encode16", "encode32"):
        loading.kernel(name)
    monkeypatch.setattr(cache_files, "folders", lambda: iter([tmp_path / "cache"]))
    return tmp_path / "cache"


@pytest.fixture
def files(tokenizer, tmp_path):
    paths = tmp_path / "vocab.json", tmp_path / "merges.txt"
    tokenizer.save_gpt2(*paths)
    return paths


def is_light(tokenizer):
    return "_id_of" not in tokenizer.__dict__


def encode(tokenizer, text=SCRIPTS):
    """Encode with the kernels."""
    tokenizer._engine = "compiled"
    return tokenizer.encode(text)


def keep(read):
    """Do what an earlier process did."""
    tokenizer = read()
    assert not is_light(tokenizer)
    encode(tokenizer)
    return tokenizer


def properties(tokenizer):
    names = "vocab merges special_tokens added_tokens pattern rules ignore_merges vocab_size fingerprint characters"
    return {name: getattr(tokenizer, name) for name in names.split()}


def check_equal(light, complete):
    assert is_light(light)
    assert (light.vocab_size, light.special_tokens) == (complete.vocab_size, complete.special_tokens)
    for text in TEXTS:
        ids = encode(light, text)
        assert ids == complete.encode(text)
        assert light.encode_ordinary(text) == complete.encode_ordinary(text)
        assert light.encode_batch([text, text], num_threads=2) == [ids, ids]
        assert light.encode(text, add_special_tokens=True) == complete.encode(text, add_special_tokens=True)
        assert light.encode_to_numpy(text).dtype == id_dtype(complete.vocab_size)
    with pytest.raises(ValueError, match="special token"):
        light.encode(END, disallowed_special="all", allowed_special=())
    assert is_light(light)
    assert light.fingerprint == complete.fingerprint
    assert light.decode(ids) == complete.decode(ids)
    assert list(light.vocab.items()) == list(complete.vocab.items())
    assert is_light(light)
    assert light.merges == complete.merges
    assert not is_light(light)
    assert properties(light) == properties(complete)
    light._engine = "reference"
    assert light.encode(SCRIPTS) == complete.encode(SCRIPTS)


def test_the_pair_of_gpt2(files, cache, tokenizer):
    keep(lambda: Tokenizer.from_files(*files, [END]))
    assert [path.suffix for path in cache.iterdir()] == [".tables"]
    check_equal(Tokenizer.from_files(*files, [END]), tokenizer)


def test_a_tokenizer_json_with_rules(trained, tmp_path):
    vocab, merges = trained
    rules = TextRules(
        added_tokens=(AddedToken("<mask>", 1300, lstrip=True), AddedToken("<x>", 1301, special=False)),
        normalizer=(UnicodeForm("NFC"),),
        template=Template((Piece(END, (0,)), TEXT)),
    )
    complete = Tokenizer(vocab, merges, [END], rules=rules, pattern="cl100k", ignore_merges=True)
    complete.save(tmp_path / "tokenizer.json")
    keep(lambda: Tokenizer.load(tmp_path / "tokenizer.json"))
    light = Tokenizer.load(tmp_path / "tokenizer.json")
    for text in ("a  <mask> b<x>", "e\u0301 <x><mask>"):
        assert encode(light, text) == complete.encode(text)
    assert is_light(light)
    check_equal(light, complete)
    light.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "tokenizer.json").read_bytes()


def test_tokens_that_are_never_encoded(tmp_path, trained):
    vocab, merges = trained
    number = max(vocab) + 10
    rules = TextRules(never_encoded=frozenset({number}))
    complete = Tokenizer({**vocab, number: "狐".encode(), number + 1: b"largest"}, merges, [END], rules=rules)
    complete.save(tmp_path / "tokenizer.json")
    keep(lambda: Tokenizer.load(tmp_path / "tokenizer.json"))
    check_equal(Tokenizer.load(tmp_path / "tokenizer.json"), complete)


def test_a_vocabulary_without_some_bytes(tmp_path, trained):
    vocab, merges = trained
    complete = Tokenizer({k: token for k, token in vocab.items() if token not in (b"\x04", b"\xf4")}, merges, [END])
    complete.save(tmp_path / "tokenizer.json")
    keep(lambda: Tokenizer.load(tmp_path / "tokenizer.json"))
    light = Tokenizer.load(tmp_path / "tokenizer.json")
    with pytest.raises(ValueError, match=r"contains the byte b'\\x04' \(in 'one\\x04two'\)"):
        encode(light, "one\x04two")
    check_equal(light, complete)


def test_a_tiktoken_file(tmp_path, trained):
    vocab, merges = trained
    plain = {token_id - 1: token for token_id, token in vocab.items() if token_id}
    complete = Tokenizer(plain, merges, {END: 5000}, pattern="o200k")
    complete.save_tiktoken(tmp_path / "ranks.tiktoken")

    def read():
        return Tokenizer.from_tiktoken(tmp_path / "ranks.tiktoken", {END: 5000}, pattern="o200k")

    keep(read)
    check_equal(read(), complete)


def test_several_split_steps(tmp_path, trained):
    steps = SplitSteps([Split(r"\p{N}", "Isolated"), Split(PATTERNS["gpt2"], "Isolated")])
    complete = Tokenizer(*trained, [END], pattern=steps)
    complete.save(tmp_path / "tokenizer.json")
    keep(lambda: Tokenizer.load(tmp_path / "tokenizer.json"))
    check_equal(Tokenizer.load(tmp_path / "tokenizer.json"), complete)


def test_other_options_or_another_file_have_tables_of_their_own(files, cache, tokenizer):
    keep(lambda: Tokenizer.from_files(*files, [END]))
    readers = [
        lambda: Tokenizer.from_files(*files),
        lambda: Tokenizer.from_files(*files, {END: 0}),
        lambda: Tokenizer.from_files(*files, [END, "<b>"]),
        lambda: Tokenizer.from_files(*files, ["<b>", END]),
        lambda: Tokenizer.from_files(*files, [END], pattern="cl100k"),
    ]
    for read in readers:
        complete = keep(read)
        complete._engine = "reference"
        assert encode(read(), "<b>1234 it'S" + SCRIPTS) == complete.encode("<b>1234 it'S" + SCRIPTS)
    lines = files[1].read_text().splitlines()
    files[1].write_text("\n".join(lines[:-100]))
    assert len(keep(lambda: Tokenizer.from_files(*files, [END])).encode(SCRIPTS)) > len(tokenizer.encode(SCRIPTS))
    assert len(list(cache.iterdir())) == len(readers) + 2


def test_a_change_of_this_package_gives_new_tables(files, cache, monkeypatch):
    keep(lambda: Tokenizer.from_files(*files, [END]))
    environment = table_files._environment()
    monkeypatch.setattr(table_files, "_environment", lambda: [*environment, ("bpe/new.py", 1, 1)])
    assert not is_light(Tokenizer.from_files(*files, [END]))


def test_the_files_are_not_needed_any_more(files, tokenizer):
    keep(lambda: Tokenizer.from_files(*files, [END]))
    light = Tokenizer.from_files(*files, [END])
    for path in files:
        path.unlink()
    light._engine = "reference"
    assert light.encode(SCRIPTS) == tokenizer.encode(SCRIPTS)
    assert not is_light(light)


@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy, lambda tokenizer: pickle.loads(pickle.dumps(tokenizer))])
def test_a_copy_is_complete_and_uses_the_tables(files, tokenizer, clone, monkeypatch):
    keep(lambda: Tokenizer.from_files(*files, [END]))
    light = Tokenizer.from_files(*files, [END])
    encode(light)
    copied = clone(light)
    assert not is_light(copied)
    assert properties(copied) == properties(tokenizer)
    monkeypatch.setattr(CompiledModel, "__init__", None)
    assert encode(copied) == tokenizer.encode(SCRIPTS)


def test_short_texts_do_not_read_the_files(files, tokenizer):
    keep(lambda: Tokenizer.from_files(*files, [END]))
    light = Tokenizer.from_files(*files, [END])
    for text in ("", "a", "to be", f"or{END}", "not"):
        assert light.encode(text) == tokenizer.encode(text)
        assert light.encode_with_offsets(text) == tokenizer.encode_with_offsets(text)
        assert list(light.encode_iterable(text)) == tokenizer.encode(text)
    assert is_light(light)


def test_threads_that_need_a_dictionary_at_the_same_time(files, tokenizer):
    keep(lambda: Tokenizer.from_files(*files, [END]))
    light = Tokenizer.from_files(*files, [END])
    ids = tokenizer.encode(SCRIPTS)
    found = []
    calls = [lambda: light.decode(ids), lambda: encode(light) and SCRIPTS, lambda: light.merges and SCRIPTS] * 4
    threads = [threading.Thread(target=lambda call=call: found.append(call())) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [SCRIPTS] * len(calls)


def test_a_subclass_that_is_built_in_its_own_way_gets_everything(files):
    class Counting(Tokenizer):
        def __init__(self, vocab, merges, special_tokens=None, **options):
            super().__init__(vocab, merges, special_tokens, **options)
            self.num_tokens = len(vocab)

    keep(lambda: Tokenizer.from_files(*files, [END]))
    assert Counting.from_files(*files, [END]).num_tokens > 1000


def test_an_unknown_attribute_is_an_error(files):
    keep(lambda: Tokenizer.from_files(*files, [END]))
    light = Tokenizer.from_files(*files, [END])
    with pytest.raises(AttributeError, match="'Tokenizer' object has no attribute 'vocabulary'"):
        _ = light.vocabulary
    assert is_light(light)


@pytest.mark.parametrize("damage", ["empty", "short", "magic", "head", "arrays", "longer"])
def test_a_damaged_file_is_ignored_and_replaced(files, cache, tokenizer, damage):
    keep(lambda: Tokenizer.from_files(*files, [END]))
    (path,) = cache.iterdir()
    right = path.read_bytes()
    flipped = {"magic": 3, "head": 200, "arrays": len(right) - 5000}.get(damage, 0)
    content = right[:flipped] + bytes([right[flipped] ^ 1]) + right[flipped + 1 :]
    content = {"empty": b"", "short": right[:-64], "longer": right + bytes(64)}.get(damage, content)
    path.write_bytes(content)
    found = Tokenizer.from_files(*files, [END])
    assert is_light(found) == (damage == "arrays")  # they are checked when they are needed
    assert encode(found) == tokenizer.encode(SCRIPTS)
    assert path.read_bytes() == right


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="permissions of POSIX")
def test_a_file_that_others_may_write_is_ignored(files, cache, tokenizer):
    keep(lambda: Tokenizer.from_files(*files, [END]))
    (path,) = cache.iterdir()
    path.chmod(0o666)
    assert encode(keep(lambda: Tokenizer.from_files(*files, [END]))) == tokenizer.encode(SCRIPTS)
    assert path.stat().st_mode & 0o022 == 0  # because it was replaced


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="permissions of POSIX")
def test_the_file_of_another_user_is_ignored(files, cache, monkeypatch):
    keep(lambda: Tokenizer.from_files(*files, [END]))
    (path,) = cache.iterdir()
    owner = path.stat().st_uid
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    assert is_light(Tokenizer.from_files(*files, [END])) == (owner == 0)


def test_without_a_folder_nothing_is_kept(files, tokenizer, monkeypatch):
    monkeypatch.setattr(cache_files, "folders", lambda: iter([]))
    for _ in range(2):
        assert encode(keep(lambda: Tokenizer.from_files(*files, [END]))) == tokenizer.encode(SCRIPTS)


def test_the_files_used_least_recently_are_removed(files, cache, monkeypatch):
    keep(lambda: Tokenizer.from_files(*files, [END]))
    (first,) = cache.iterdir()
    keep(lambda: Tokenizer.from_files(*files, [END, "<b>"]))
    for path in cache.iterdir():
        os.utime(path, (1, 1))
    Tokenizer.from_files(*files, [END])  # which uses the first, so the other is older now
    monkeypatch.setattr(table_files, "_MAX_KEPT_BYTES", 2 * first.stat().st_size + 1000)
    keep(lambda: Tokenizer.from_files(*files, [END, "<c>"]))
    assert first.exists()
    assert len(list(cache.iterdir())) == 2


def test_processes_at_the_same_time(files, own_cache, tmp_path, tokenizer):
    """Each reads, encodes and writes; a later one finds the tables."""
    (tmp_path / "text.txt").write_text(SCRIPTS, "utf-8")
    code = (
        "import sys; from bpe import Tokenizer\n"
        f"t = Tokenizer.from_files({str(files[0])!r}, {str(files[1])!r}, [{END!r}]); t._engine = 'compiled'\n"
        f"print(t.encode_file_to_numpy({str(tmp_path / 'text.txt')!r}).sum(), '_id_of' not in t.__dict__)\n"
    )
    environment = {**os.environ, "BPE_CACHE_DIR": str(own_cache)}
    expected = sum(tokenizer.encode(SCRIPTS))

    def start():
        return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment)

    processes = [start() for _ in range(3)]
    assert {process.communicate()[0].split()[0] for process in processes} == {str(expected)}
    assert start().communicate()[0].split() == [str(expected), "True"]
