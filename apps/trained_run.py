"""Trained models as commands take them: found, and their tokenizers read, before torch is loaded."""

import json
from dataclasses import dataclass
from pathlib import Path

from bpe import Tokenizer
from given_tokenizer import find_tokenizer
from nn import ModelConfig
from nn.interchange import from_llama_config
from text_config import TextConfig, TextRunConfig, read_run_config
from trainer import RunDirectory, open_run_directory


@dataclass(frozen=True)
class TrainedModel:
    """A trained model whose weights are not read yet: of a run, or in a folder of Hugging Face's `transformers`."""

    path: Path
    """The folder of the run, or of the model."""
    config: ModelConfig
    """What the weights are of."""
    tokenizer: Tokenizer
    """The one that it was trained with."""
    text: TextConfig
    """How the texts begin and end that it was trained on."""
    run: RunDirectory | None = None
    """The run; none for a folder of `transformers`."""
    checkpoint: Path | None = None
    """Which checkpoint of the run; its newest intact one if not given."""


def find_model(path: Path, checkpoint: Path | None = None) -> TrainedModel:
    """Return the model of a run, of a checkpoint in a run's folder, or of a folder of `transformers`.

    Args:
        path: the folder.
        checkpoint: which checkpoint of a run to use.

    Raises:
        ValueError: it is none of these, the tokenizer or the checkpoint is missing, or a file is damaged.
        OSError: a file cannot be read.
    """
    if not path.is_dir():
        raise ValueError(f"{path} is not a run, a checkpoint or a model: give a folder such as runs/quickstart")
    if (path / "config.yaml").is_file():
        return _model_of_run(path, checkpoint)
    if checkpoint is not None:
        raise ValueError(f"--checkpoint is {checkpoint}, but {path} is not a run: give one of the two")
    if (path / "state.json").is_file():
        return _model_of_run(run_of_checkpoint(path).path, path)
    if (path / "config.json").is_file():
        return _model_of_transformers(path)
    raise ValueError(
        f"{path} is not a run (it has no config.yaml), a checkpoint (no state.json) or a model of transformers "
        "(no config.json): give a folder such as runs/quickstart"
    )


def open_trained_run(path: Path, checkpoint: Path | None = None) -> tuple[RunDirectory, TextRunConfig]:
    """Return a run that has a checkpoint, and its configuration.

    Args:
        path: the run's folder.
        checkpoint: the folder of the checkpoint to use; the run's latest if not given.

    Raises:
        ValueError: the run or the checkpoint is missing, or the configuration is damaged.
    """
    run = open_run_directory(path)
    config = read_run_config(run)
    if checkpoint is None:
        run.latest_checkpoint()  # refuses a run without any
    elif not checkpoint.is_dir():
        raise ValueError(f"checkpoint {checkpoint} does not exist: give a folder in {run.checkpoints}")
    return run, config


def run_of_checkpoint(path: Path) -> RunDirectory:
    """Return the run that a checkpoint's folder is in.

    Raises:
        ValueError: it is outside the folder of a run.
    """
    for folder in path.absolute().parents[:2]:
        if (folder / "config.yaml").is_file():
            return RunDirectory(folder)
    raise ValueError(
        f"{path} is a checkpoint outside the folder of a run, where its configuration and tokenizer are: "
        "give a checkpoint inside a run's folder"
    )


def read_llama_config(path: Path) -> ModelConfig:
    """Return the configuration of the model in a folder of `transformers`.

    Raises:
        ValueError: its config.json is damaged, or describes what `TransformerLM` is not.
        OSError: it cannot be read.
    """
    file = path / "config.json"
    try:
        content = json.loads(file.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} is not valid JSON ({error}): download it again") from None
    if not isinstance(content, dict):
        raise ValueError(f"{file} does not contain a JSON object: download it again")
    return from_llama_config(content, file)


def _model_of_run(path: Path, checkpoint: Path | None) -> TrainedModel:
    run, config = open_trained_run(path, checkpoint)
    if not run.tokenizer.is_file():
        raise ValueError(f"{run.tokenizer} does not exist: copy the tokenizer of the run's token files there")
    return TrainedModel(path, config.model, Tokenizer.load(run.tokenizer), config.text, run, checkpoint)


def _model_of_transformers(path: Path) -> TrainedModel:
    config = read_llama_config(path)
    if not any(path.glob("*.safetensors")):
        raise ValueError(f"{path} has no model.safetensors: download the weights")
    found, why = find_tokenizer(path, config.vocab_size)
    if found is None:
        raise ValueError(f"{path} has no tokenizer that can be used: {why}")
    return TrainedModel(path, config, found.tokenizer, found.text)
