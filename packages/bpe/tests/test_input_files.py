"""Compressed files as streams of bytes, and what is wrong with damaged ones."""

import builtins
import gzip

import pytest
import zstandard

from bpe import TextFileError, read_text
from bpe.input_files import open_bytes, shown_name, without_compression

TEXT = "".join(f"Document {k}: naïve café, 狐 and 👍. " + "word " * (k % 50) for k in range(400))
COMPRESSIONS = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}


@pytest.mark.parametrize("ending", COMPRESSIONS)
@pytest.mark.parametrize("chunk_bytes", [7, 1 << 16])
def test_the_text_and_the_bytes_that_were_read(tmp_path, ending, chunk_bytes):
    path = tmp_path / f"a.txt{ending}"
    path.write_bytes(COMPRESSIONS[ending](TEXT.encode()))
    counted = []
    assert "".join(read_text(path, chunk_bytes=chunk_bytes, on_read=counted.append)) == TEXT
    assert sum(counted) == path.stat().st_size


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_files_of_several_parts(tmp_path, ending):
    """As `cat a.gz b.gz` makes them."""
    compress = COMPRESSIONS[ending]
    path = tmp_path / f"a.txt{ending}"
    path.write_bytes(compress(TEXT[:5000].encode()) + compress(b"") + compress(TEXT[5000:].encode()))
    assert "".join(read_text(path)) == TEXT


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_a_file_that_is_cut_short_or_is_something_else(tmp_path, ending):
    path = tmp_path / f"a.txt{ending}"
    data = COMPRESSIONS[ending](TEXT.encode())
    for length in (len(data) - 1, len(data) // 2, 30):
        path.write_bytes(data[:length])
        with pytest.raises(TextFileError, match=rf"a\.txt{ending} is cut short"):
            "".join(read_text(path))
    path.write_bytes(b"<!DOCTYPE html><html>Log in</html>")
    with pytest.raises(TextFileError, match=rf"is damaged or not a {ending} file .*begins with b'<!DOCTYPE html>"):
        "".join(read_text(path))
    if ending == ".gz":  # has a checksum
        path.write_bytes(data[:-6] + bytes([data[-6] ^ 1]) + data[-5:])
        with pytest.raises(TextFileError, match="is damaged"):
            "".join(read_text(path))


@pytest.mark.parametrize("ending", COMPRESSIONS)
def test_bytes_that_are_not_utf8_and_no_bytes(tmp_path, ending):
    at = r" \(decompressed\)" if ending else ""
    path = tmp_path / f"a.txt{ending}"
    path.write_bytes(COMPRESSIONS[ending](b"caf\xe9 au lait"))
    with pytest.raises(TextFileError, match=rf"a\.txt{ending}{at} is not UTF-8: byte 0xe9 at offset 3 "):
        list(read_text(path))
    path.write_bytes(COMPRESSIONS[ending](b""))
    with pytest.raises(TextFileError, match=rf"a\.txt{ending}{at} is empty"):
        list(read_text(path))


def test_names(tmp_path):
    assert [without_compression(tmp_path / name).name for name in ("a.txt.gz", "a.zst", "a.bz2")] == [
        "a.txt",
        "a",
        "a.bz2",
    ]
    assert shown_name(tmp_path / "a.gz").endswith("a.gz (decompressed)")


def without_package(monkeypatch, name):
    real = builtins.__import__

    def fails(module, *arguments, **keywords):
        if module.split(".")[0] == name:
            raise ImportError(name)
        return real(module, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", fails)


def test_a_package_that_is_missing(tmp_path, monkeypatch):
    (tmp_path / "a.txt.zst").write_bytes(zstandard.compress(b"text"))
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"text"))
    without_package(monkeypatch, "zstandard")
    with (
        pytest.raises(TextFileError, match=r"a\.txt\.zst needs zstandard: .* its extra, bpe\[zstd\]"),
        open_bytes(tmp_path / "a.txt.zst"),
    ):
        pass
    assert list(read_text(tmp_path / "a.txt.gz")) == ["text"]
