"""Where two arrays of ids differ."""

import pytest

np = pytest.importorskip("numpy")

from benchmarks.tokenizer.id_comparison import describe_difference, first_difference  # noqa: E402


@pytest.mark.parametrize(
    ("ids", "others", "expected"),
    [([1, 2, 3], [1, 2, 3], None), ([1, 2, 3], [1, 9, 3], 1), ([1, 2], [1, 2, 3], 2), ([1, 2], [], 0)],
)
def test_first_difference(ids, others, expected):
    assert first_difference(np.array(ids, np.uint32), np.array(others, np.uint32)) == expected


def test_a_difference_comes_with_the_text_around_it():
    vocab = {0: b"a", 1: b"b", 2: "é".encode()}
    found = describe_difference(np.array([0, 1, 2, 0]), np.array([0, 1, 1, 0]), vocab, around=1)
    assert found == {"position": 2, "ours": [2], "theirs": [1], "text": "bé", "text_from_there": "é"}
    assert describe_difference(np.array([0]), np.array([0]), vocab) is None
