import pytest

from bpe import piece_ids
from bpe.piece_ids import PieceIds

IDS = {b"a": 0, b"b": 1, b"ab": 2}


@pytest.fixture
def merged(monkeypatch):
    """Count how often each piece is merged."""
    worked_out = []
    original = piece_ids.merge_by_rank

    def counting(tokens, ranks):
        worked_out.append(b"".join(tokens).decode())
        return original(tokens, ranks)

    monkeypatch.setattr(piece_ids, "merge_by_rank", counting)
    return worked_out


def test_a_short_piece_is_merged_once(merged):
    pieces = PieceIds({(b"a", b"b"): 0}, IDS)
    assert [pieces["aab"], pieces["b"], pieces["aab"]] == [[0, 2], [1], [0, 2]]
    assert merged == ["aab", "b"]


def test_a_long_piece_is_not_kept(merged):
    pieces = PieceIds({}, IDS)
    assert pieces["a" * 33] == pieces["a" * 33] == [0] * 33
    assert not pieces
    assert len(merged) == 2


def test_the_table_stops_growing(monkeypatch, merged):
    monkeypatch.setattr(piece_ids, "_MAX_PIECES", 2)
    pieces = PieceIds({}, IDS)
    assert [pieces[piece] for piece in ["a", "b", "aa", "aa", "a"]] == [[0], [1], [0, 0], [0, 0], [0]]
    assert set(pieces) == {"a", "b"}
    assert merged == ["a", "b", "aa", "aa"]
