import os
import stat

import pytest

from bpe.text_files import TextFileError, read_text, whole_file

CHUNK = 1 << 20


def test_text_comes_back_unchanged(tmp_path):
    text = "zażółć\r\n" * 200_000  # characters lie across the borders between reads
    path = tmp_path / "text.txt"
    path.write_bytes(text.encode())
    chunks = list(read_text(path))
    assert len(chunks) > 1
    assert "".join(chunks) == text


@pytest.mark.parametrize("offset", [0, 5, CHUNK - 1, CHUNK, CHUNK + 3])
@pytest.mark.parametrize("wrong", [b"\xff", b"\xe2\x28\xa1", b"\xed\xa0\x80"])
def test_the_offset_of_a_wrong_byte_is_named(tmp_path, offset, wrong):
    path = tmp_path / "latin.txt"
    path.write_bytes(b"a" * offset + wrong + b"a" * 10)
    with pytest.raises(TextFileError, match=f"byte 0x{wrong[0]:02x} at offset {offset} .*convert the file to UTF-8"):
        list(read_text(path))


@pytest.mark.parametrize("length", [3, CHUNK + 1])
def test_a_character_cut_short_at_the_end_is_named(tmp_path, length):
    path = tmp_path / "cut.txt"
    path.write_bytes(b"a" * length + "é".encode()[:1])
    with pytest.raises(TextFileError, match=f"at offset {length} "):
        list(read_text(path))


def test_an_empty_file_is_refused(tmp_path):
    path = tmp_path / "empty.txt"
    path.touch()
    with pytest.raises(TextFileError, match=r"empty\.txt is empty"):
        list(read_text(path))


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "out"
    with pytest.raises(RuntimeError), whole_file(path) as file:
        file.write(b"half")
        assert not path.exists()
        raise RuntimeError
    assert os.listdir(tmp_path) == []
    with whole_file(path) as file:
        file.write(b"whole")
    assert os.listdir(tmp_path) == ["out"]
    assert path.read_bytes() == b"whole"


def test_a_folder_that_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError) as caught, whole_file(tmp_path / "no" / "out"):
        pass
    assert caught.value.filename == str(tmp_path / "no")


def test_an_older_file_survives_a_failure(tmp_path):
    path = tmp_path / "out"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), whole_file(path) as file:
        file.write(b"new")
        raise RuntimeError
    assert path.read_bytes() == b"old"


def test_files_have_the_usual_permissions(tmp_path):
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    with whole_file(tmp_path / "ours"):
        pass
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == stat.S_IMODE(ordinary.stat().st_mode)
