"""Tokenizers beside the weights of other libraries: which is found, and what it says about the model's texts."""

import json
from types import SimpleNamespace

import pytest

from bpe import Tokenizer
from export_run import main as export_run
from generate import main as generate_text
from given_tokenizer import TokenizerOptions, find_tokenizer
from import_model import main as import_model
from prompts import continuing_ids, prompt_ids
from speaker import Speaker, load_speaker
from starting_weights import find_weights
from text_config import TextConfig
from trainer import open_run_directory

from .llama2c import write_checkpoint, write_tokenizer

BYTES = {byte: bytes([byte]) for byte in range(256)}
MERGES = [(b"t", b"h"), (b"th", b"e")]
OURS = Tokenizer(BYTES | {256: b"th", 257: b"the"}, MERGES, ["<|endoftext|>"])


@pytest.fixture
def stories(tmp_path):
    """A checkpoint of llama2.c beside its tokenizer."""
    vocab_size = write_tokenizer(tmp_path / "tokenizer.bin")
    write_checkpoint(tmp_path / "stories.bin", vocab_size)
    return tmp_path / "stories.bin"


@pytest.fixture
def imported(stories, tmp_path, call):
    outcome = call(import_model, stories, tmp_path / "run")
    assert outcome.code == 0, outcome.errors
    assert f"tokenizer: {tmp_path / 'tokenizer.bin'}, 283 entries; each prompt begins with <s>" in outcome.output
    assert "note" not in outcome.output
    return open_run_directory(tmp_path / "run")


@pytest.fixture
def prompts_of_the_model(monkeypatch):
    """The prompts that the model is given, as ids."""
    prompts, stream = [], Speaker.stream

    def recording(self, given, *arguments, **options):
        prompts.extend(given)
        return stream(self, given, *arguments, **options)

    monkeypatch.setattr(Speaker, "stream", recording)
    return prompts


def test_a_model_of_llama2c_can_be_talked_to(imported, prompts_of_the_model, call):
    tokenizer = Tokenizer.load(imported.tokenizer)
    options = ["--device=cpu", "--max-new-tokens=8"]
    outcome = call(generate_text, imported.path, "--prompt=Once upon a time", *options)
    assert outcome.code == 0, outcome.errors
    assert outcome.output.startswith("Once upon a time")
    assert len(outcome.output) > len("Once upon a time\n")
    assert "<s>" not in outcome.output
    assert prompts_of_the_model == [[1, *tokenizer.encode("Once upon a time")]]

    outcome = call(generate_text, imported.path, "--json", *options)
    content = json.loads(outcome.output)
    ids = [token["id"] for token in content["tokens"]]
    assert prompts_of_the_model[1] == [1]
    assert content["text"] == tokenizer.decode(ids)


def test_a_text_ends_at_the_end_token_and_where_the_next_would_begin(imported):
    speaker = load_speaker(imported, device="cpu")
    assert speaker.text == TextConfig(begin_token="<s>", end_token="</s>")
    assert speaker.stop_tokens == {1, 2}
    assert speaker.begins_text([1])
    assert not speaker.begins_text([1, 263])


def test_prompts_of_the_playground(imported):
    from serving.batch import _prompt_ids, _shown_prompt

    speaker = load_speaker(imported, device="cpu")
    ids = _prompt_ids(speaker, "Once")
    assert ids == [1, *speaker.tokenizer.encode("Once")]
    assert _prompt_ids(speaker, "") == _prompt_ids(speaker, ()) == [1]
    assert _prompt_ids(speaker, (5, 6)) == [5, 6]
    for score_prompts in (False, True):
        shown = _shown_prompt(speaker, "Once", ids, SimpleNamespace(score_prompts=score_prompts, alternatives=0))
        assert "".join(token.text for token in shown).strip() == "Once"
        assert len(shown) == len(ids) - 1
        assert (shown[0].log_probability is not None) == score_prompts


def test_an_imported_model_is_exported_with_its_tokens(imported, tmp_path, call):
    outcome = call(export_run, imported.path, tmp_path / "exported")
    assert outcome.code == 0, outcome.errors
    ids = json.loads((tmp_path / "exported" / "generation_config.json").read_text("utf-8"))
    assert ids == {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}
    found, _ = find_tokenizer(tmp_path / "exported", 283)
    assert found.text == TextConfig(begin_token="<s>", end_token="</s>")
    assert found.tokenizer.fingerprint == Tokenizer.load(imported.tokenizer).fingerprint


def test_what_continues_a_text_has_no_space_in_front(imported):
    tokenizer = Tokenizer.load(imported.tokenizer)
    for first, second in [("Once", " upon"), ("On", "ce"), ("Once", "\nupon"), ("Once", "")]:
        ids = tokenizer.encode(first) + continuing_ids(tokenizer, second)
        assert tokenizer.decode(ids) == first + second
    assert continuing_ids(OURS, " the") == OURS.encode(" the")


def test_what_begins_a_prompt_is_not_cut(imported, capfd):
    tokenizer, text = Tokenizer.load(imported.tokenizer), TextConfig(begin_token="<s>")
    ids = tokenizer.encode("Once upon a time")
    assert prompt_ids(tokenizer, len(ids) + 1, "Once upon a time", text=text) == [1, *ids]
    with pytest.raises(ValueError, match=f"has {len(ids) + 1} tokens, but the model's context is {len(ids)}"):
        prompt_ids(tokenizer, len(ids), "Once upon a time", text=text)
    assert prompt_ids(tokenizer, 4, "Once upon a time", text=text, truncate=True) == [1, *ids[-3:]]
    assert "are cut" in capfd.readouterr().err
    with pytest.raises(ValueError, match="'<s>', which is not a special token of the tokenizer"):
        prompt_ids(OURS, 9, "the", text=text)


def test_training_can_start_from_such_a_model(stories, tmp_path):
    weights = find_weights(str(stories))
    assert weights.tokenizer == tmp_path / "tokenizer.bin"
    assert weights.tokenizer_sha256 == Tokenizer.load(tmp_path / "tokenizer.bin").fingerprint


def test_llama2c_has_tokenizers_that_are_named_for_their_size(stories, tmp_path):
    vocab_size = write_tokenizer(tmp_path / "tok283.bin")
    write_tokenizer(tmp_path / "tokenizer.bin", ["▁", *map(chr, range(0x4E00, 0x4F00))])
    found, _ = find_tokenizer(stories, vocab_size)
    assert found.path == tmp_path / "tok283.bin"
    (tmp_path / "tok283.bin").unlink()
    with pytest.raises(ValueError, match=r"tokenizer\.bin has ids up to 515, but the model's vocabulary is 283"):
        find_tokenizer(stories, vocab_size)


def test_the_first_readable_file_of_a_folder(tmp_path):
    found, why = find_tokenizer(tmp_path, 300)
    assert found is None
    assert "has no tokenizer.json and no other tokenizer: copy it there, or give --tokenizer FILE" in why

    OURS.save_tiktoken(tmp_path / "x.tiktoken")
    found, why = find_tokenizer(tmp_path, 300)
    assert found is None
    assert "does not contain its split pattern: give --pattern" in why
    options = TokenizerOptions(pattern="gpt2", special_tokens=(("<|endoftext|>", 258),))
    found, _ = find_tokenizer(tmp_path, 300, options)
    assert (found.path.name, found.is_complete) == ("x.tiktoken", False)
    assert found.tokenizer.fingerprint == OURS.fingerprint

    OURS.save_gpt2(tmp_path / "vocab.json", tmp_path / "merges.txt")
    found, _ = find_tokenizer(tmp_path, 300)
    assert (found.path.name, found.is_complete) == ("vocab.json", False)
    assert found.tokenizer.fingerprint == OURS.fingerprint
    assert found.text == TextConfig()

    write_tokenizer(tmp_path / "tokenizer.bin")
    OURS.save(tmp_path / "tokenizer.json")
    found, _ = find_tokenizer(tmp_path, 300)
    assert found.path.name == "tokenizer.json"

    content = json.loads((tmp_path / "tokenizer.json").read_text("utf-8"))
    content["model"]["type"] = "Unigram"
    (tmp_path / "tokenizer.json").write_text(json.dumps(content), "utf-8")
    (tmp_path / "config.json").write_text('{"eos_token_id": [999, 2]}')
    found, _ = find_tokenizer(tmp_path, 300)
    assert (found.path.name, found.text.begin_token, found.text.end_token) == ("tokenizer.bin", "<s>", "</s>")

    found, _ = find_tokenizer(tmp_path, 300, TokenizerOptions(tmp_path / "vocab.json"))
    assert found.tokenizer.fingerprint == OURS.fingerprint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tokenizer=nowhere"], "--tokenizer is nowhere, which does not exist"),
        (["--special-token=<s>"], "--special-token '<s>' has no id: give TOKEN=ID"),
        (["--tokenizer=CHECKPOINT"], "not a tokenizer.bin of llama2.c"),
    ],
)
def test_bad_options(call, stories, tmp_path, options, message):
    options = [option.replace("CHECKPOINT", str(stories)) for option in options]
    assert message in call(import_model, stories, tmp_path / "run", *options).one_line_error()
    assert not (tmp_path / "run").exists()


def test_a_checkpoint_without_a_tokenizer(call, stories, tmp_path):
    (tmp_path / "tokenizer.bin").unlink()
    outcome = call(import_model, stories, tmp_path / "run")
    assert outcome.code == 0
    assert "note: " in outcome.output
    assert "has no tokenizer.json and no other tokenizer" in outcome.output
    assert "tokenizer.json does not exist" in call(generate_text, tmp_path / "run").one_line_error()
