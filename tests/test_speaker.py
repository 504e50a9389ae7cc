"""The speaker: prompts to ids, ids to text without broken characters, and where a text ends."""

import pytest
import torch

from bpe import Tokenizer
from nn import DrawnToken, ModelConfig, SamplingConfig, TransformerLM
from speaker import Speaker, load_speaker
from trainer import open_run_directory


def bytes_speaker(context_length=24):
    """An untrained model of bytes, which writes mostly malformed UTF-8."""
    config = ModelConfig(vocab_size=260, context_length=context_length, d_model=16, num_layers=1, num_heads=2)
    vocab = {byte: bytes([byte]) for byte in range(256)}
    model = TransformerLM(config, generator=torch.Generator().manual_seed(3))
    return Speaker(model, Tokenizer(vocab, [], ["<|endoftext|>"]))


def script(monkeypatch, ids):
    """Let the model generate these ids."""
    steps = [[DrawnToken(token_id, -1.0)] for token_id in ids]
    monkeypatch.setattr("speaker.generate_tokens", lambda *_, **__: iter(steps))


def speak(speaker, count, seeds=(0,), **options):
    return ["".join(parts) for parts in speaker.speak([1], count, SamplingConfig(), seeds, **options)]


def test_characters_are_never_split(monkeypatch):
    speaker = bytes_speaker()
    script(monkeypatch, "狐 👍é".encode())
    (text,) = speaker.speak([1], 10, SamplingConfig(), [0])
    parts = list(text)
    assert "".join(parts) == "狐 👍é"
    assert "\ufffd" not in "".join(parts)
    assert parts[:3] == ["", "", "狐"]


def test_an_incomplete_character_at_the_end_is_replaced(monkeypatch):
    speaker = bytes_speaker()
    script(monkeypatch, [97, 0xE7, 0x8B])
    assert speak(speaker, 3) == ["a\ufffd"]


def test_ids_without_a_token_are_skipped(monkeypatch):
    speaker = bytes_speaker()
    script(monkeypatch, [97, 258, 98])
    assert speak(speaker, 3) == ["ab"]


def test_a_text_ends_at_the_end_token(monkeypatch):
    speaker = bytes_speaker()
    assert speaker.end_token == 256
    ids = iter([97, 98, 256, 99])
    monkeypatch.setattr("nn.drawing.draw", lambda *_, **__: torch.tensor([next(ids)]))
    assert speak(speaker, 10) == ["ab"]


def test_several_texts_are_those_of_their_seeds_and_end_on_their_own():
    speaker = bytes_speaker()
    stops = range(0, 256, 8)
    alone = [speak(speaker, 40, [seed], stop_tokens=stops)[0] for seed in range(3, 7)]
    assert speak(speaker, 40, range(3, 7), stop_tokens=stops) == alone
    assert len({len(text) for text in alone}) > 1


def pieces(steps):
    return [[None if spoken is None else spoken.text for spoken in step] for step in steps]


def test_a_stream_has_the_text_of_each_token(monkeypatch):
    speaker = bytes_speaker()
    rows = [["a", *"é".encode(), "b", 0xE7], [0xFF, "c", *"狐".encode()[:2]]]
    ids = [[ord(byte) if isinstance(byte, str) else byte for byte in row] for row in rows]
    steps = [[DrawnToken(row[i], -1.0) if i < len(row) else None for row in ids] for i in range(5)]
    monkeypatch.setattr("speaker.generate_tokens", lambda *_, **__: iter(steps))
    spoken = list(speaker.stream([[1], [1]], 5, SamplingConfig(), [0, 1]))
    assert pieces(spoken) == [["a", "\ufffd"], ["", "c"], ["é", ""], ["b", "\ufffd"], ["\ufffd", None]]
    assert [[s and s.token.id for s in step] for step in spoken] == [[t and t.id for t in step] for step in steps]


def test_a_stream_waits_only_inside_a_character(monkeypatch):
    speaker, read = bytes_speaker(), []

    def steps():
        for byte in "aé狐b".encode():
            read.append(byte)
            yield [DrawnToken(byte, -1.0)]

    monkeypatch.setattr("speaker.generate_tokens", lambda *_, **__: steps())
    seen = [(step[0].text, len(read)) for step in speaker.stream([[1]], 7, SamplingConfig(), [0])]
    # The first byte of a character is yielded with the second one read, and so on.
    assert seen == [("a", 1), ("", 3), ("é", 3), ("", 5), ("", 6), ("狐", 6), ("b", 7)]


def test_a_stream_that_is_stopped_and_continued_is_that_without_the_stop():
    speaker = bytes_speaker()
    settings = [SamplingConfig(0.8), SamplingConfig(top_k=50)]
    whole = list(speaker.stream([[1, 2], [3]], 20, settings, [4, 5], num_alternatives=2))
    texts = [[1, 2, *(step[0].token.id for step in whole[:8])], [3, *(step[1].token.id for step in whole[:8])]]
    rest = list(speaker.stream(texts, 12, settings, [4, 5], num_alternatives=2, drawn_before=[8, 8]))
    assert [[s.token.id for s in step] for step in rest] == [[s.token.id for s in step] for step in whole[8:]]
    assert {len(s.token.alternatives) for step in rest for s in step} == {2}


def test_an_empty_prompt_begins_a_document():
    assert bytes_speaker().encode_prompt("") == [256]


def test_a_long_prompt_is_refused_with_the_part_that_would_be_cut():
    message = (
        "the prompt has 27 tokens, but the model's context is 24: the first 3, 'abc', "
        "would be cut; shorten the prompt, or allow it with --truncate-prompt"
    )
    with pytest.raises(ValueError) as caught:
        bytes_speaker().encode_prompt("abcdefghijklmnopqrstuvwxyz.")
    assert str(caught.value) == message


def test_a_long_prompt_may_be_truncated(capsys):
    ids = bytes_speaker().encode_prompt("abcdefghijklmnopqrstuvwxyz.", truncate=True)
    assert bytes(ids) == b"defghijklmnopqrstuvwxyz."
    assert "the first 3, 'abc', are cut" in capsys.readouterr().err


def test_a_very_long_cut_is_abbreviated():
    with pytest.raises(ValueError, match=r"'x{30} … x{30}'"):
        bytes_speaker().encode_prompt("x" * 200)


def test_an_older_checkpoint_can_be_named(trained_run):
    run = open_run_directory(trained_run)
    latest, older = load_speaker(run), load_speaker(run, run.checkpoint(2))
    assert not latest.model.lm_head.weight.equal(older.model.lm_head.weight)
