"""Bytes of a text by class of character."""

from benchmarks.tokenizer.character_classes import bytes_by_class


def test_bytes_by_class_add_up(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("abc é дом 漢字 かな ไทย 12 ٣ 🙂🇫🇷 ©, +\n", "utf-8", newline="")
    found = bytes_by_class(path)
    assert sum(found.values()) == path.stat().st_size
    assert found["Latin"] == 5
    assert found["Cyrillic"] == found["Han"] == found["Hiragana"] == 6
    assert found["Thai"] == 9
    assert found["digits"] == 4
    assert found["emoji"] == 12
    assert found["other signs"] == 4
