"""`bpe count`."""

from .conftest import TEXT, piped


def test_count(run, tokenizer):
    count, size = len(tokenizer.encode(TEXT)), len(TEXT.encode())
    code, output, _ = run("count", "tokenizer.json", "text.txt")
    assert code == 0
    assert output.splitlines()[1].split() == [f"{count:,}", f"{size:,}", f"{size / count:.2f}", "text.txt"]
    assert len(output.splitlines()) == 2
    _, output, _ = run("count", "tokenizer.json", "text.txt", "other.txt")
    count, size = count + len(tokenizer.encode("once upon a time")), size + 16
    assert output.splitlines()[3].split() == [f"{count:,}", f"{size:,}", f"{size / count:.2f}", "total"]


def test_count_reads_standard_input(folder, tokenizer):
    code, output, errors = piped("count", "tokenizer.json", stdin=b"once upon a time")
    assert (code, errors) == (0, "")
    assert output.split()[3:5] == [str(len(tokenizer.encode("once upon a time"))).encode(), b"16"]
