"""Mistakes in what a training application is given: one line that says what to do, and nothing left behind."""

import pytest

from bpe import Tokenizer

from .conftest import TINY_MODEL, TINY_TRAINING, text_options, token_options, train

TINY = [*TINY_MODEL, *TINY_TRAINING]


@pytest.fixture
def bad(tmp_path):
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "empty.txt").touch()
    (folder / "latin.txt").write_bytes(b"caf\xe9 " * 100)
    (folder / "short.txt").write_text("too short")
    (folder / "config.yaml").write_text("model:\n  d_modell: 5\n")
    (folder / "text.yaml").write_text("training:\n  steps: abc\n")
    (folder / "tokenizer.json").write_text("{}")
    (folder / "exists").mkdir()
    return folder


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data.train_text=BAD/missing.txt"], "missing.txt' (data.train_text) is not a file: check its name"),
        (["--data.valid_text=BAD/missing.txt"], "missing.txt' (data.valid_text) is not a file"),
        (["--data.train_text="], "'' (data.train_text) is not a file"),
        (["--data.train_text=BAD/empty.txt"], "empty.txt is empty: give a file with text in it"),
        (["--data.valid_text=BAD/empty.txt"], "empty.txt is empty"),
        (["--data.train_text=BAD/latin.txt"], "latin.txt is not UTF-8: byte 0xe9 at offset 3"),
        (["--data.valid_text=BAD/latin.txt"], "latin.txt is not UTF-8: byte 0xe9 at offset 3"),
        (["--data.valid_text=BAD/short.txt"], "more text, or lower model.context_length"),
        (["--model.vocab_size=256"], "vocab_size is 256, but the 256 bytes and 1 special tokens already make 257"),
        (["--data.tokenizer=BAD/tokenizer.json"], "tokenizer.json: 'model' is missing"),
        (["--data.tokenizer=BAD/none.json"], "none.json' (data.tokenizer) is not a file: check its name"),
        (
            ["--data.tokenizer=RUN/tokenizer.json", "--model.vocab_size=299"],
            "has 300 entries, but model.vocab_size is 299",
        ),
        (["--data.train_tokens=RUN/tokens/train.bin"], "data.train_text and data.train_tokens are both given"),
        (["--data.pattern=(oops"], "split pattern '(oops' is neither"),
        (
            [r"--data.pattern=\w+"],
            r"the split pattern has '\\w+' at character 0: other libraries may ",
        ),
        (["--config=BAD/config.yaml"], "unknown key model.d_modell: did you mean model.d_model?"),
        (["--config=BAD/text.yaml"], "text.yaml: training.steps is 'abc': give a whole number"),
        (["--config=BAD/none.yaml"], "none.yaml does not exist"),
        (["--trainin.steps=5"], "unknown option --trainin.steps: did you mean --training.steps?"),
        (["--training.steps=abc"], "training.steps is 'abc': give a whole number"),
        (["--optimizer.name=adam"], "optimizer.name is 'adam': choose one of adamw, muon, sgd"),
        (["--model.num_heads=3"], "make model.num_heads a divisor of it"),
        (["--run.device=tpu9"], "run.device is 'tpu9'"),
        (["--run.seed=10000000000000000000000"], "run.seed is 10000000000000000000000: give 0 or more, below 2**63"),
        (["--optimizer.weight_decay=-1"], "optimizer.weight_decay is -1.0"),
        (["--optimizer.betas=[2,0.9]"], "optimizer.betas is (2.0, 0.9)"),
        (["--sample.max_new_tokens=0"], "sample.max_new_tokens is 0"),
        (["--run.directory=BAD/exists"], "exists already exists: choose another run.directory"),
        (["--resume=BAD/exists"], "exists is not a run (it has no config.yaml)"),
        (["--resume=BAD/nowhere"], "nowhere is not a run"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(call, bad, texts, trained_run, options, message):
    before = sorted(bad.rglob("*"))
    filled = [option.replace("BAD", str(bad)).replace("RUN", str(trained_run)) for option in options]
    given = [*TINY, *text_options(texts), f"--run.directory={bad / 'run'}", *filled]
    assert message in call(train, *given).one_line_error()
    assert sorted(bad.rglob("*")) == before


def test_token_ids_outside_the_vocabulary(call, tmp_path, trained_run):
    tokens = token_options(trained_run / "tokens")
    error = call(train, *TINY, *tokens, "--model.vocab_size=290", f"--run.directory={tmp_path / 'run'}")
    error = error.one_line_error()
    assert "train.bin has the id 29" in error
    assert "290" in error
    assert "raise model.vocab_size" in error
    assert list(tmp_path.iterdir()) == []


def test_tokens_of_another_tokenizer(call, tmp_path, trained_run):
    other = Tokenizer({byte: bytes([byte]) for byte in range(256)}, [])
    other.save(tmp_path / "other.json")
    options = [*token_options(trained_run / "tokens"), f"--data.tokenizer={tmp_path / 'other.json'}"]
    error = call(train, *TINY, *options, f"--run.directory={tmp_path / 'run'}").one_line_error()
    assert "train.bin was not encoded with" in error


def test_a_pattern_that_cannot_be_saved_is_refused_before_training(call, tmp_path, texts, monkeypatch):
    monkeypatch.setattr("text_data.train_bpe", lambda *arguments, **options: pytest.fail("it was trained"))
    options = [*text_options(texts), f"--run.directory={tmp_path / 'run'}", "--data.pattern=$"]
    assert call(train, *TINY, *options).code == 2
