"""Generation from the outside: texts that stream, end and repeat, and input that is refused."""

import io
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bpe import Tokenizer
from export_run import main as export_run
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


def test_a_batch_of_prompts_has_the_texts_that_each_has_alone(call, tmp_path, trained_run):
    prompts = ["One day", "Tom", "", "The big dog ran"]
    (tmp_path / "prompts.txt").write_text("\n".join(prompts) + "\n")
    options = ["--max-new-tokens=10", "--num-samples=2", "--seed=3"]
    together = call(main, trained_run, f"--prompts={tmp_path / 'prompts.txt'}", *options).output
    alone = [call(main, trained_run, f"--prompt={prompt}", *options).output for prompt in prompts]
    texts = [text.split("---\n", 1)[1] for text in together.split("--- ")[1:] if "---\n" in text]
    assert together.count("(seed 3)") == together.count("(seed 4)") == 4
    expected = [text for output in alone for text in [part.split("---\n", 1)[1] for part in output.split("--- ")[1:]]]
    assert texts == expected
    assert len(set(texts)) > 4


def test_json(call, tmp_path, trained_run):
    (tmp_path / "prompts.jsonl").write_text('{"prompt": "One"}\n{"prompt": "a\\nb"}\n')
    options = [f"--prompts={tmp_path / 'prompts.jsonl'}", "--max-new-tokens=200", "--num-samples=2", "--temperature=1"]
    outcome = call(main, trained_run, *options, "--json", "--alternatives=3", "--stop= ")
    assert (outcome.code, outcome.errors) == (0, "")
    texts = [json.loads(line) for line in outcome.output.splitlines()]
    assert [(text["prompt"], text["seed"]) for text in texts] == [("One", 0), ("One", 1), ("a\nb", 0), ("a\nb", 1)]
    tokenizer = Tokenizer.load(trained_run / "tokenizer.json")
    assert "stop" in [text["ended"] for text in texts]
    for text in texts:
        ids = [token["id"] for token in text["tokens"]]
        assert text["ended"] == ("stop" if len(ids) < 200 else "length")
        assert text["text"] == tokenizer.decode(ids)
        assert not ids or text["tokens_per_second"] > 0
        for token in text["tokens"]:
            own = tokenizer.decode_bytes([token["id"]])
            assert token["text"] == own.decode("utf-8", "replace")
            assert bytes(token.get("bytes", token["text"].encode())) == own
            assert ("bytes" in token) == ("\ufffd" in token["text"])
            logs = [alternative["log_probability"] for alternative in token["alternatives"]]
            assert len(logs) == 3
            assert logs == sorted(logs, reverse=True)
            assert token["log_probability"] <= logs[0] <= 0
    plain = call(main, trained_run, "--prompt=One", *options[1:], "--stop= ").output
    assert plain.split("(seed 1) ---\n")[1] == f"One{texts[1]['text']}\n"


def test_a_text_that_reaches_the_limit_says_so(call, trained_run):
    outcome = call(main, trained_run, "--prompt=One", "--max-new-tokens=3", "--json")
    text = json.loads(outcome.output)
    assert text["ended"] == "length"
    assert [token["alternatives"] for token in text["tokens"]] == [[]] * 3
    assert math.isfinite(sum(token["log_probability"] for token in text["tokens"]))
    empty = json.loads(call(main, trained_run, "--prompt=One", "--max-new-tokens=0", "--json").output)
    assert (empty["text"], empty["tokens"], empty["tokens_per_second"]) == ("", [], 0.0)


def test_throughput_on_request(call, trained_run):
    outcome = call(main, trained_run, "--prompt=One", "--max-new-tokens=5", "--num-samples=3", "--stats")
    assert "tokens/s" not in outcome.output
    (line,) = outcome.errors.splitlines()
    count, rest = line.split(" tokens in ")
    assert 0 < int(count) <= 15
    assert "tokens/s, the first after " in rest


def test_a_checkpoint_and_an_exported_folder(call, tmp_path, trained_run):
    options = ["--prompt=One day", "--max-new-tokens=20"]
    expected = call(main, trained_run, *options).output
    assert call(main, trained_run / "checkpoints" / "step_00000004", *options).output == expected
    older = trained_run / "checkpoints" / "step_00000002"
    named = call(main, trained_run, *options, f"--checkpoint={older}").output
    assert call(main, older, *options).output == named
    assert call(export_run, trained_run, tmp_path / "model").code == 0
    assert call(main, tmp_path / "model", *options).output == expected


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda model: (model / "tokenizer.json").unlink(), "has no tokenizer.json"),
        (lambda model: (model / "model.safetensors").unlink(), "has no model.safetensors"),
        (lambda model: truncate(model / "config.json"), "config.json is not valid JSON"),
        (lambda model: (model / "config.json").write_text("[]"), "does not contain a JSON object"),
        (lambda model: (model / "config.json").write_text('{"model_type": "gpt2"}'), "gpt2"),
        (lambda model: truncate(model / "model.safetensors"), "model.safetensors"),
        (lambda model: shrink_vocabulary(model / "config.json"), "tokenizer.json has ids up to 299"),
    ],
)
def test_a_damaged_folder_of_transformers_is_one_line(call, tmp_path, trained_run, damage, message):
    assert call(export_run, trained_run, tmp_path / "model").code == 0
    damage(tmp_path / "model")
    assert message in call(main, tmp_path / "model").one_line_error()


def shrink_vocabulary(config):
    config.write_text(config.read_text().replace('"vocab_size": 300', '"vocab_size": 299'))


def test_a_checkpoint_outside_a_run_is_one_line(call, tmp_path, trained_run):
    copy = shutil.copytree(trained_run / "checkpoints" / "step_00000004", tmp_path / "checkpoint")
    assert "is a checkpoint outside the folder of a run" in call(main, copy).one_line_error()


def test_mistakes_are_reported_before_torch_is_loaded(trained_run):
    runner = """
import json, sys
sys.path.insert(0, sys.argv[1])
import generate

for arguments in json.loads(sys.argv[2]):
    try:
        generate.main(arguments)
    except (ValueError, OSError) as error:
        print(error)
    assert "torch" not in sys.modules, arguments
"""
    run = str(trained_run)
    commands = [
        [run, "--prompt", "word " * 100],
        [run, "--stop=two words"],
        [run, "--prompt-file=none"],
        [run, "--json", "--alternatives=999"],
        [run, "--interactive", "--json"],
        [str(APPS)],
    ]
    command = [sys.executable, "-c", runner, str(APPS), json.dumps(commands)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == len(commands)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["nowhere"], "nowhere is not a run, a checkpoint or a model: give a folder"),
        ([Path(__file__).parent], "tests is not a run (it has no config.yaml), a checkpoint (no state.json) or a"),
        ([], "the following arguments are required: MODEL"),
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
        (["RUN", "--max-new-tokens=-3"], "--max-new-tokens is -3"),
        (["RUN", "--seed=-1"], "--seed is -1: give 0 or more"),
        (["RUN", "--seed=18446744073709551616"], "--seed is 18446744073709551616"),
        (["RUN", "--promt=x"], "unknown argument --promt: did you mean --prompt?"),
        (["RUN", "--prompt=x", "--prompts=y"], "--prompts not allowed with argument --prompt"),
        (["RUN", "--prompt-file=none.txt"], "none.txt does not exist"),
        (["RUN", "--prompts=none.txt"], "none.txt does not exist"),
        (["RUN", "--alternatives=2"], "--alternatives needs --json"),
        (["RUN", "--json", "--alternatives=301"], "--alternatives is 301: give a number from 0 to 300"),
        (["RUN", "--interactive", "--json"], "--interactive writes one text, so --json cannot be given with it"),
        (["RUN", "--interactive", "--num-samples=2"], "--interactive writes one text, so --num-samples"),
        (["RUN", "--interactive", "--prompt=-"], "--interactive reads standard input"),
        (["RUN/checkpoints/step_00000004", "--checkpoint=RUN"], "step_00000004 is not a run: give one of the two"),
        (["RUN", "--checkpoint=nowhere"], "checkpoint nowhere does not exist"),
        (["RUN", "--prompt", "word " * 100], "would be cut; shorten the prompt"),
    ],
)
def test_bad_input_is_one_line(call, trained_run, options, message):
    given = [str(option).replace("RUN", str(trained_run)) for option in options]
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
