"""Mixed corpora, and the beginnings of texts."""

from pathlib import Path

import pytest

from benchmarks.tokenizer import corpora


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "texts"
    for name, text in {
        "code/a.py": "def f():\n    return 1\n" * 4_000,
        "code/b.txt": "a = b\n" * 100,
        "words/ru.txt": "привет, мир\n" * 4_000,
        "words/emoji.txt": "🙂 and 👩‍🚀\n" * 2_000,
        "words/no_line_end.txt": "é" * 40_000,
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    (root / "latin1.txt").write_bytes(b"caf\xe9\n")
    (root / "zeros.bin").write_bytes(b"a\0b\n")
    return root


def documents(path):
    text = path.read_text("utf-8")
    assert text.endswith("\n<|endoftext|>\n")
    return text.removesuffix("<|endoftext|>\n").split("<|endoftext|>\n")


def test_a_corpus_is_the_same_each_time_and_holds_all_text_once(folder, tmp_path):
    first = corpora.assemble(folder, tmp_path / "1.txt", 10**9)
    second = corpora.assemble(folder, tmp_path / "2.txt", 10**9)
    assert (tmp_path / "1.txt").read_bytes() == (tmp_path / "2.txt").read_bytes()
    assert first == second
    assert first.bytes_written == (tmp_path / "1.txt").stat().st_size
    assert first.documents == len(documents(tmp_path / "1.txt"))
    assert sorted(Path(name).name for name in first.skipped) == ["latin1.txt", "zeros.bin"]
    assert first.bytes_of_code == (folder / "code/a.py").stat().st_size
    # Every line of every text is there as often as in the files, but for the long line, which is cut between letters.
    lines = [line for text in documents(tmp_path / "1.txt") for line in text.splitlines()]
    for name in ("code/a.py", "code/b.txt", "words/ru.txt", "words/emoji.txt"):
        expected = (folder / name).read_text("utf-8").splitlines()
        assert lines.count(expected[0]) == expected.count(expected[0])
    assert sum(line.count("é") for line in lines) == 40_000


def test_folders_give_equal_shares(folder, tmp_path):
    made = corpora.assemble(folder, tmp_path / "mixed.txt", 160_000)
    assert 160_000 <= made.bytes_written < 160_000 + 70_000
    assert abs(made.bytes_by_folder["code"] - made.bytes_by_folder["words"]) < 70_000


def test_a_folder_without_text_is_refused(tmp_path):
    with pytest.raises(ValueError, match="contains no UTF-8 text files"):
        corpora.assemble(tmp_path, tmp_path / "out.txt", 1_000)
    assert not (tmp_path / "out.txt").exists()


def test_a_corpus_inside_its_own_folder_is_not_read(folder):
    corpora.assemble(folder, folder / "a_mixed.txt", 10**9)
    size = (folder / "a_mixed.txt").stat().st_size
    corpora.assemble(folder, folder / "a_mixed.txt", 10**9)
    assert (folder / "a_mixed.txt").stat().st_size == size


def test_a_beginning_ends_with_a_line(tmp_path):
    (tmp_path / "text.txt").write_text("one\ntwo\nthree", "utf-8", newline="")
    for size, expected in {
        4: b"one\n",
        7: b"one\n",
        8: b"one\ntwo\n",
        12: b"one\ntwo\n",
        13: b"one\ntwo\nthree",
    }.items():
        assert corpora.cut(tmp_path / "text.txt", tmp_path / "part.txt", size) == len(expected)
        assert (tmp_path / "part.txt").read_bytes() == expected
    with pytest.raises(ValueError, match="no line end"):
        corpora.cut(tmp_path / "text.txt", tmp_path / "part.txt", 3)
