import json
from dataclasses import dataclass, field

import pytest

from nn import ModelConfig
from optim import Segment
from trainer import (
    ConfigError,
    DataConfig,
    OptimizerConfig,
    RunConfig,
    ScheduleConfig,
    TrainConfig,
    TrainingConfig,
    option_values,
    parse_config,
    save_config,
)


def parse(arguments=(), **keywords):
    return parse_config(TrainConfig, arguments, **keywords)[0]


@pytest.fixture
def yaml_file(tmp_path):
    path = tmp_path / "run [1].yaml"  # brackets have a meaning in file name patterns
    path.write_text("model:\n  d_model: 64\n  num_heads: 4\ntraining: {steps: 7}\nschedule:\n  max_lr: 1e-4\n")
    return path


def test_defaults():
    assert parse() == TrainConfig()


def test_files_then_options(yaml_file):
    config = parse(["--training.steps", "9", "--model.norm=post", "--run.seed", "3"], files=[yaml_file])
    assert config.model == ModelConfig(d_model=64, num_heads=4, norm="post")
    assert config.training == TrainingConfig(steps=9)
    assert config.schedule == ScheduleConfig(max_lr=1e-4)
    assert config.run == RunConfig(seed=3)


def test_a_file_on_the_command_line_and_json(yaml_file, tmp_path):
    json_file = tmp_path / "more.json"
    json_file.write_text(json.dumps({"training": {"steps": 11}, "optimizer": {"betas": [0.8, 0.9]}}))
    config = parse(["--config", str(json_file), "--training.batch_size", "2"], files=[yaml_file])
    assert config.model.d_model == 64
    assert config.training == TrainingConfig(steps=11, batch_size=2)
    assert config.optimizer.betas == (0.8, 0.9)


def test_segments_in_a_file(tmp_path):
    path = tmp_path / "segments.yaml"
    path.write_text(
        "schedule:\n  shape: piecewise\n  segments:\n"
        "    - {until_step: 10, to_lr: 0.1}\n    - {until_step: 20, to_lr: 0.01, shape: cosine}\n"
    )
    assert parse(files=[path]).schedule.segments == (Segment(10, 0.1), Segment(20, 0.01, "cosine"))


def test_a_saved_configuration_reads_back_equal(tmp_path):
    config = TrainConfig(
        model=ModelConfig(d_model=64, num_heads=4, num_kv_heads=2, ffn="relu2", tie_embeddings=True, norm_eps=1e-6),
        data=DataConfig("a ü.bin", None),
        optimizer=OptimizerConfig(betas=(0.8, 0.99), eps=1e-12),
        schedule=ScheduleConfig(shape="piecewise", segments=(Segment(10, 1e-3), Segment(30, 0.0, "constant"))),
        training=TrainingConfig(max_grad_norm=None, eval_batches=None),
    )
    save_config(config, tmp_path / "config.yaml")
    assert parse(files=[tmp_path / "config.yaml"]) == config


@dataclass(frozen=True)
class MoreData(DataConfig):
    text: str | None = None


@dataclass(frozen=True)
class MoreConfig(TrainConfig):
    data: MoreData = field(default_factory=MoreData)


def test_an_application_can_add_keys():
    config, options = parse_config(
        MoreConfig,
        ["--data.text", "x.txt", "--data.train_tokens", "y", "--resume=z"],
        options={"resume": "", "other": ""},
    )
    assert config.data == MoreData(train_tokens="y", text="x.txt")
    assert options == {"resume": "z", "other": None}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model.d_modell", "3"], "unknown option --model.d_modell: did you mean --model.d_model?"),
        (["--d_model=3"], "unknown option --d_model: did you mean --model.d_model?"),
        (["--training.batchsize=3"], "did you mean --training.batch_size?"),
        (["--lr", "3"], "unknown option --lr: did you mean --"),
        (["--schedule.lr_max", "3"], "did you mean --schedule.max_lr?"),
        (["--training.steps", "many"], "^training.steps is 'many': give a whole number$"),
        (["--training.steps"], "^--training.steps has no value: give --training.steps VALUE, or "),
        (["--training.steps", "--run.seed=1"], "^--training.steps has no value"),
        (["--training.steps="], "^training.steps is '': give a whole number$"),
        (["--model.norm", "layer"], "^model.norm is 'layer': choose one of pre, post, none$"),
        (["--optimizer.betas", "[0.9]"], r"^optimizer.betas is \[0.9\]: give a list of 2 numbers$"),
        (["--model", "3"], "^model is '3': give a mapping such as '{key: value}', or a file with one$"),
        (["--model", "{d_modell: 3}"], "^unknown key model.d_modell: did you mean model.d_model[?]$"),
        (["--model={d_model: x}"], "^model.d_model is 'x': give a whole number$"),
        (["--print-config=all"], "^--print-config takes no value: give --print-config alone$"),
        (["stray"], "^unexpected argument 'stray': options begin with --"),
        (["--config", "nowhere.yaml"], "configuration file nowhere.yaml does not exist"),
    ],
)
def test_mistakes_on_the_command_line_are_one_line(arguments, message):
    with pytest.raises(ConfigError, match=message) as caught:
        parse(arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("model:\n  d_modell: 3", "unknown key model.d_modell: did you mean model.d_model?"),
        ("d_model: 3", "unknown key d_model: did you mean model.d_model?"),
        ("traning:\n  steps: 3", "unknown key traning: did you mean training?"),
        ("training:\n  stepps: 3", "unknown key training.stepps: did you mean training.steps?"),
        ("training:\n  steps: many", "bad.yaml: training.steps is 'many': give a whole number$"),
        ("training: 3", "bad.yaml: training is 3: give a mapping of keys to values$"),
        (
            "schedule:\n  segments: [{until_step: 3, to_lr: 0.1, shap: linear}]",
            r"segments\[0\] has the unknown key shap: ",
        ),
        ("schedule:\n  segments: [{until_step: 3}]", r"bad.yaml: schedule.segments\[0\] has no to_lr: give until_step"),
        ("run: {directory: 2026-02-30}", "is neither YAML nor JSON: day is out of range for month"),
        ("- 1", "must be a mapping"),
        ("", "must be a mapping"),
        ("model: {", "is neither YAML nor JSON"),
    ],
)
def test_mistakes_in_files_are_one_line(tmp_path, content, message):
    path = tmp_path / "bad.yaml"
    path.write_text(content)
    for arguments, files in (([], [path]), (["--config", str(path)], [])):
        with pytest.raises(ConfigError, match=message) as caught:
            parse(arguments, files=files)
        assert "\n" not in str(caught.value)


def test_a_file_that_is_not_text_is_refused(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="is neither YAML nor JSON"):
        parse(files=[path])


def test_the_configurations_own_checks_apply():
    with pytest.raises(ValueError, match=r"make model.num_heads a divisor of it"):
        parse(["--model.num_heads", "7"])


def test_option_values():
    assert option_values([], "resume") == []
    assert option_values(["--resume", "a", "--x", "b", "--resume=c=d"], "resume") == ["a", "c=d"]
    assert option_values(["--resume"], "resume") == [""]


@pytest.mark.parametrize(
    ("given", "files"),
    [
        ([], ()),
        (["--data.train_tokens", "a b.bin"], ("a b.bin",)),
        (["--data.train_tokens", '["a.bin", "b.bin"]', "--data.train_weights", "[1, 2.5]"], ("a.bin", "b.bin")),
    ],
)
def test_one_training_file_or_several(tmp_path, given, files):
    config = parse([*given, "--data.order", "random"])
    assert config.data.train_files == files
    assert config.data.train_weights == ((1, 2.5) if len(files) == 2 else ())
    save_config(config, tmp_path / "config.yaml")
    assert parse(files=[tmp_path / "config.yaml"]) == config


def test_flags_are_options_without_a_value():
    config, given = parse_config(
        TrainConfig, ["--dry-run"], options={"resume": "A run."}, flags={"dry-run": "Train nothing.", "other": "."}
    )
    assert config == TrainConfig()
    assert given == {"resume": None, "dry-run": "dry-run", "other": None}
    with pytest.raises(ConfigError, match="unknown option --dry-ran: did you mean --dry-run"):
        parse_config(TrainConfig, ["--dry-ran"], flags={"dry-run": "Train nothing."})


@pytest.mark.parametrize("word", ["--print-config", "--print_config"])
def test_the_printed_configuration_reads_back_equal(capsys, tmp_path, word):
    given = ["--training.steps", "9", "--optimizer.eps=1e-9", "--run.directory=1e3"]
    with pytest.raises(SystemExit) as exited:
        parse([*given, word])
    assert exited.value.code == 0
    printed = capsys.readouterr().out
    assert "steps: 9" in printed
    (tmp_path / "printed.yaml").write_text(printed)
    assert parse(files=[tmp_path / "printed.yaml"]) == parse(given)


def test_a_group_can_be_given_as_a_mapping_or_a_file(tmp_path):
    (tmp_path / "training.yaml").write_text("steps: 7\nbatch_size: 2\n")
    config = parse(["--training", str(tmp_path / "training.yaml"), "--training={batch_size: 4}", "--training.steps=8"])
    assert config.training == TrainingConfig(steps=8, batch_size=4)


def test_a_duplicate_key_is_refused(tmp_path):
    path = tmp_path / "twice.yaml"
    path.write_text("training:\n  steps: 3\nrun: {seed: 1}\ntraining:\n  batch_size: 2\n")
    with pytest.raises(ConfigError, match="the key training occurs twice"):
        parse(files=[path])


@pytest.mark.parametrize("words", [["--config"], ["--config="], ["--resume", ""]])
def test_an_option_without_a_value_is_refused(words):
    with pytest.raises(ConfigError, match=f"^{words[0].rstrip('=')} has (no|an empty) value: give "):
        parse_config(TrainConfig, words, options={"resume": "A run."})


def test_a_file_nested_too_deeply_is_refused(tmp_path):
    path = tmp_path / "deep.yaml"
    path.write_text("[" * 3000)
    with pytest.raises(ConfigError, match="nested too deeply"):
        parse(files=[path])
