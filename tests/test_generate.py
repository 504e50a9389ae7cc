"""Generation from the outside: texts that stream, end and repeat, and input that is refused."""

import io
import shutil
import subprocess
import sys

import pytest

from generate import main, print_stream

from .conftest import APPS, truncate


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


def test_as_a_program_in_a_pipe_that_closes_early_and_takes_ascii_only(trained_run):
    program = f"'{sys.executable}' '{APPS / 'generate.py'}' '{trained_run}'"
    options = "--prompt=Ünce --num-samples=50 --max-new-tokens=20"
    command = f"set -o pipefail; PYTHONIOENCODING=ascii {program} {options} | head -n 2"
    done = subprocess.run(["bash", "-c", command], capture_output=True)
    assert done.returncode == 0
    assert done.stderr == b""
    header, text = done.stdout.split(b"\n", 1)
    assert header == b"--- 1 of 50 (seed 0) ---"
    assert text.startswith(b"?nce")


def test_a_text_ends_at_a_stop_token(call, trained_run):
    options = [trained_run, "--prompt=One", "--max-new-tokens=60", "--temperature=1", "--seed=3"]
    whole = call(main, *options).output
    character = whole[len(whole) // 2]
    start = call(main, *options, f"--stop={character}").output
    assert len(start) < len(whole)
    assert whole.startswith(start.rstrip("\n"))


def test_the_way_steps_run_does_not_change_the_text(call, trained_run):
    options = [trained_run, "--prompt=One", "--max-new-tokens=100", "--repetition-penalty=1.3", "--min-p=0.02"]
    texts = {call(main, *options, f"--compile={mode}").output for mode in ("auto", "off", "record")}
    assert len(texts) == 1
    assert len(texts.pop()) > 50


def test_compiling_without_a_compiler_is_one_line(call, trained_run, monkeypatch):
    monkeypatch.setenv("PATH", "")
    error = call(main, trained_run, "--compile=on", "--device=cpu").one_line_error()
    assert "--compile is on, but there is no C++ compiler" in error


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
        (["RUN", "--temperature=warm"], "--temperature is 'warm': give a number"),
        (["RUN", "--min-p=2"], "min_p is 2.0"),
        (["RUN", "--repetition-penalty=0"], "repetition_penalty is 0.0"),
        (["RUN", "--stop=two words"], "the stop text 'two words' is"),
        (["RUN", "--compile=fast"], "--compile is 'fast': choose one of auto, off, record, graph, on"),
        (["RUN", "--compile=graph", "--device=cpu"], "compile is 'graph', which needs a CUDA device"),
        (["RUN", "--num-samples=0"], "--num-samples is 0: give at least 1"),
        (["RUN", "--max-new-tokens=-3"], "max_new_tokens is -3"),
        (["RUN", "--seed=-1"], "--seed is -1: give 0 or more"),
        (["RUN", "--seed=18446744073709551616"], "--seed is 18446744073709551616"),
        (["RUN", "--prompts=x"], "unknown argument --prompts: did you mean --prompt?"),
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
    ("damage", "message"),
    [
        (lambda run: shutil.rmtree(run / "checkpoints"), "contains no checkpoint"),
        (lambda run: truncate(*run.glob("checkpoints/*/model.safetensors")), "contains no intact checkpoint: skipping"),
        (lambda run: (run / "tokenizer.json").unlink(), "tokenizer.json does not exist"),
        (lambda run: truncate(run / "tokenizer.json"), "is not valid JSON"),
        (lambda run: (run / "config.yaml").write_text("modell: {}"), "unknown key modell: did you mean model?"),
    ],
)
def test_a_damaged_run_is_one_line(call, run_copy, damage, message):
    damage(run_copy)
    assert message in call(main, run_copy).one_line_error()


def test_a_damaged_checkpoint_is_named_and_an_earlier_one_used(call, run_copy, trained_run):
    truncate(run_copy / "checkpoints" / "step_00000004" / "model.safetensors")
    outcome = call(main, run_copy, "--max-new-tokens=5")
    assert outcome.code == 0
    assert "note: skipping a damaged checkpoint: " in outcome.errors
    older = call(main, trained_run, "--max-new-tokens=5", f"--checkpoint={trained_run / 'checkpoints/step_00000002'}")
    assert outcome.output == older.output
