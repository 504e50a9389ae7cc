"""Generation from the outside: text that streams, ends, repeats, and refuses."""

import io
import shutil
import subprocess
import sys

import pytest

from bpe import Tokenizer
from generate import Speaker, load_speaker, main, print_stream
from nn import ModelConfig, SamplingConfig, TransformerLM
from trainer import open_run_directory

from .conftest import APPS


def test_a_text(call, trained_run):
    outcome = call(main, trained_run, "--prompt", "One day", "--max-new-tokens", 20, "--device=cpu")
    assert outcome.code == 0
    assert outcome.output.startswith("One day")
    assert len(outcome.output) > len("One day\n")
    assert outcome.errors == ""


def test_a_seed_repeats_the_samples(call, trained_run):
    options = [trained_run, "--num-samples=2", "--max-new-tokens=30", "--temperature=1"]
    one, same, other = (call(main, *options, f"--seed={seed}").output for seed in (3, 3, 4))
    assert one == same != other
    headers = [line for line in one.splitlines() if line.startswith("---")]
    assert headers == ["--- 1 of 2 (seed 3) ---", "--- 2 of 2 (seed 4) ---"]
    assert one.split("(seed 4) ---\n")[1] == other.split("(seed 4) ---\n")[1].split("--- 2 of 2")[0]


def test_as_a_program(trained_run):
    command = [sys.executable, APPS / "generate.py", trained_run, "--prompt=Once", "--temperature=0", "--top-k=5"]
    done = subprocess.run([*command, "--max-new-tokens=5"], capture_output=True, check=True)
    assert done.stdout.decode("utf-8").startswith("Once")


def test_a_reader_that_has_seen_enough_is_no_error(trained_run):
    command = f"'{sys.executable}' '{APPS / 'generate.py'}' '{trained_run}' --num-samples=50 | head -n 1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr == ""


def bytes_speaker(context_length=24):
    """A model that speaks bytes and has learned nothing: mostly malformed UTF-8."""
    config = ModelConfig(vocab_size=260, context_length=context_length, d_model=16, num_layers=1, num_heads=2)
    vocab = {byte: bytes([byte]) for byte in range(256)}
    return Speaker(TransformerLM(config), Tokenizer(vocab, [], ["<|endoftext|>"]))


def script(monkeypatch, ids):
    """Make the model say these ids."""
    monkeypatch.setattr("generate.generate", lambda *_, **__: iter(ids))


def test_no_broken_character_is_ever_shown(monkeypatch):
    speaker = bytes_speaker()
    script(monkeypatch, "狐 👍é".encode())
    parts = list(speaker.speak([1], 10, SamplingConfig(), 0))
    assert "".join(parts) == "狐 👍é"
    assert "\ufffd" not in "".join(parts)
    assert parts[:3] == ["", "", "狐"]


def test_a_character_cut_short_is_shown_as_such_at_the_end(monkeypatch):
    speaker = bytes_speaker()
    script(monkeypatch, [97, 0xE7, 0x8B])
    assert "".join(speaker.speak([1], 3, SamplingConfig(), 0)) == "a\ufffd"


def test_rows_that_the_tokenizer_lacks_are_skipped(monkeypatch):
    speaker = bytes_speaker()
    script(monkeypatch, [97, 258, 98])
    assert "".join(speaker.speak([1], 3, SamplingConfig(), 0)) == "ab"


def test_it_ends_at_the_end_of_text(monkeypatch):
    speaker = bytes_speaker()
    assert speaker.end_token == 256
    ids = iter([97, 98, 256, 99])
    monkeypatch.setattr("nn.generation.sample", lambda *_, **__: next(ids))
    assert "".join(speaker.speak([1], 10, SamplingConfig(), 0)) == "ab"


def test_it_ends_at_a_token_of_the_users_choice(call, trained_run):
    options = [trained_run, "--prompt=One", "--max-new-tokens=60", "--temperature=1", "--seed=3"]
    whole = call(main, *options).output
    character = whole[len(whole) // 2]
    start = call(main, *options, f"--stop={character}").output
    assert len(start) < len(whole)
    assert whole.startswith(start.rstrip("\n"))


@pytest.mark.parametrize("compile", ["off", "record"])
def test_how_steps_run_changes_no_text(call, trained_run, compile):
    options = [trained_run, "--prompt=One", "--max-new-tokens=200", "--repetition-penalty=1.3", "--min-p=0.02"]
    assert call(main, *options, f"--compile={compile}").output == call(main, *options).output


def test_compiling_without_a_compiler_is_one_line(call, trained_run, monkeypatch):
    monkeypatch.setenv("PATH", "")
    error = call(main, trained_run, "--compile=on", "--device=cpu").one_line_error()
    assert "--compile is on, but there is no C++ compiler" in error


def test_an_empty_prompt_begins_a_document():
    assert bytes_speaker().encode_prompt("") == [256]


def test_a_long_prompt_is_refused_saying_what_would_be_cut():
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


def test_parts_are_printed_at_once(monkeypatch):
    class Watched(io.StringIO):
        flushed = 0

        def flush(self):
            self.flushed += 1

    out = Watched()
    monkeypatch.setattr("sys.stdout", out)
    print_stream("", iter(["\n", "Once", " upon"]))
    assert out.getvalue() == "Once upon\n"
    assert out.flushed >= 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["nowhere"], "nowhere is not a run (it has no config.yaml)"),
        ([], "the following arguments are required: RUN"),
        (["RUN", "--temperature=-1"], "temperature is -1.0"),
        (["RUN", "--top-p=0"], "top_p is 0.0"),
        (["RUN", "--top-k=0"], "top_k is 0"),
        (["RUN", "--temperature=warm"], "argument --temperature: invalid float value: 'warm'"),
        (["RUN", "--min-p=2"], "min_p is 2.0"),
        (["RUN", "--repetition-penalty=0"], "repetition_penalty is 0.0"),
        (["RUN", "--stop=two words"], "the stop text 'two words' is"),
        (["RUN", "--compile=fast"], "argument --compile: invalid choice: 'fast'"),
        (["RUN", "--num-samples=0"], "--num-samples is 0: give at least 1"),
        (["RUN", "--max-new-tokens=-3"], "max_new_tokens is -3"),
        (["RUN", "--seed=-1"], "--seed is -1: give 0 or more"),
        (["RUN", "--seed=18446744073709551616"], "--seed is 18446744073709551616"),
        (["RUN", "--prompts=x"], "unrecognized arguments: --prompts=x"),
        (["RUN", "--checkpoint=nowhere"], "checkpoint nowhere does not exist"),
        (["RUN", "--prompt", "word " * 100], "would be cut; shorten the prompt"),
    ],
)
def test_bad_input_is_one_line(call, trained_run, options, message):
    given = [str(trained_run) if option == "RUN" else option for option in options]
    outcome = call(main, *given)
    assert message in outcome.one_line_error()
    assert outcome.output == ""


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda run: shutil.rmtree(run / "checkpoints"), "holds no checkpoint"),
        (lambda run: cut_all(run), "holds no whole checkpoint: passing over"),
        (lambda run: (run / "tokenizer.json").unlink(), "tokenizer.json does not exist"),
        (lambda run: cut(run / "tokenizer.json"), "is not valid JSON"),
        (lambda run: (run / "config.yaml").write_text("modell: {}"), "unknown key modell: did you mean model?"),
    ],
)
def test_a_damaged_run_is_one_line(call, tmp_path, trained_run, spoil, message):
    run = tmp_path / "run"
    shutil.copytree(trained_run, run)
    spoil(run)
    assert message in call(main, run).one_line_error()


def cut(path):
    path.write_bytes(path.read_bytes()[:-50])


def cut_all(run):
    for path in run.glob("checkpoints/*/model.safetensors"):
        cut(path)


def test_a_damaged_checkpoint_is_named_and_the_one_before_taken(call, tmp_path, trained_run):
    run = tmp_path / "run"
    shutil.copytree(trained_run, run)
    cut(run / "checkpoints" / "step_00000004" / "model.safetensors")
    outcome = call(main, run, "--max-new-tokens=5")
    assert outcome.code == 0
    assert "note: passing over a damaged checkpoint: " in outcome.errors
    older = call(main, trained_run, "--max-new-tokens=5", f"--checkpoint={trained_run / 'checkpoints/step_00000002'}")
    assert outcome.output == older.output


def test_an_older_checkpoint_can_be_named(trained_run):
    run = open_run_directory(trained_run)
    latest, older = load_speaker(run), load_speaker(run, run.checkpoint(2))
    assert not latest.model.lm_head.weight.equal(older.model.lm_head.weight)
