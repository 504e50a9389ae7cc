"""A run that starts from given weights: `--run.init_from SOURCE`.

The source determines the model and the tokenizer, which `with_given_weights` puts into the settings of the run, before
torch is loaded. `copy_weights` then copies the weights themselves into the run's folder. A source is

    runs/x                            a run: its latest checkpoint
    runs/x/checkpoints/step_00001000  a checkpoint of a run
    downloaded/llama                  a folder of a Llama model of transformers
    stories15M.bin                    a checkpoint of llama2.c
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bpe import Tokenizer, describe_tokens
from command import say
from given_tokenizer import find_tokenizer
from import_model import load_model
from nn import ModelConfig
from text_config import TextRunConfig, read_run_config
from trained_run import read_llama_config, run_of_checkpoint
from trainer import RunConfig, RunDirectory, option_values

if TYPE_CHECKING:
    from nn import TransformerLM
    from trainer.run import WeightsSource

Settings = dict[str, Any]
"""Values of a configuration by their dotted keys."""

Adjustment = Callable[[Settings, Settings], Settings]
"""Returns the settings to use, from all settings and those that the command line gives."""

_MAY_CHANGE = {"attention", "context_length", "window", "separator_token", "logit_soft_cap", "zero_init_outputs"}
"""Keys of a model without weights: with another value, the same weights can be trained on."""


@dataclass(frozen=True)
class GivenWeights:
    """Weights to start from, and what belongs to them; their tensors are not read yet."""

    source: Path
    """As it was given."""
    model: ModelConfig
    run: RunDirectory | None
    """The run that they belong to; None if they are another library's."""
    checkpoint: Path | None
    """Which checkpoint of the run; None: its newest intact one."""
    tokenizer: Path | None
    """The file of their tokenizer, if it is known."""
    tokenizer_sha256: str | None
    """The tokenizer's fingerprint, if it is known."""
    why_no_tokenizer: str = ""


def find_weights(source: str) -> GivenWeights:
    """Return what a source contains.

    Raises:
        ValueError: it is none of the sources above, or damaged.
    """
    path = Path(source)
    if (path / "config.yaml").is_file():
        RunDirectory(path).latest_checkpoint()  # refuses a run without one
        return _weights_of_run(path, RunDirectory(path), None)
    if (path / "state.json").is_file():
        return _weights_of_run(path, run_of_checkpoint(path), path)
    if (path / "config.json").is_file() or (path.suffix == ".bin" and path.is_file()):
        return _weights_of_another_library(path)
    found = "does not exist" if not path.exists() else "is neither of them"
    raise ValueError(
        f"{source!r} (run.init_from) {found}: give a run, a checkpoint of a run, a folder of a Llama model of "
        "transformers (config.json and model.safetensors), or a .bin file of llama2.c"
    )


def with_given_weights(settings: Settings, chosen: Settings, arguments: Sequence[str]) -> Settings:
    """Return the settings of a new run with the model and the tokenizer of the weights that it starts from.

    Args:
        settings: all settings, by their dotted keys. Those of a model in a configuration file are not used.
        chosen: those that the command line gives.
        arguments: the command line. If it resumes a run, the settings are not changed, and the source is not needed.

    Raises:
        ValueError: `run.init_from` is not a source; or the command line asks for another model or another tokenizer
            than that of the weights, or the data was encoded with another.
    """
    if settings.get("run.init_from") is None or _resumes(settings, arguments):
        return settings
    weights = find_weights(settings["run.init_from"])
    wanted = {key: value for key, value in chosen.items() if key.startswith("model.")}
    _refuse_other_model(weights, wanted)
    tokenizer = _tokenizer_to_use(weights, settings)
    _refuse_other_tokens(weights, settings)
    theirs = {f"model.{name}": value for name, value in asdict(weights.model).items()}
    theirs["model.attention"] = settings.get("model.attention", "auto")  # which depends on the device
    return {**settings, **theirs, **wanted, "data.tokenizer": tokenizer}


def with_model_of(run: RunDirectory, settings: Settings, chosen: Settings) -> Settings:
    """Return the settings with which a run is resumed: if it started from given weights, it keeps their model.

    So a command that names a configuration file with another model can be repeated with `--resume auto`.
    """
    stored = read_run_config(run)
    if stored.run.init_from is None:
        return settings
    own = {f"model.{name}": value for name, value in asdict(stored.model).items()}
    return {**settings, **own, **{key: value for key, value in chosen.items() if key.startswith("model.")}}


def copy_weights(config: TextRunConfig, run: RunDirectory) -> None:
    """Copy the weights that a run starts from into its folder, if it starts from given ones.

    Raises:
        ValueError: they are damaged, or do not fit the model.
        OSError: a file cannot be read or written.
    """
    if config.run.init_from is None:
        return
    from trainer.run import save_initial_weights  # loads torch

    weights = find_weights(config.run.init_from)
    model, source = _load(weights)
    save_initial_weights(model, run, replace(source, changes=tuple(_changes(weights.model, config.model))))


def _resumes(settings: Settings, arguments: Sequence[str]) -> bool:
    *_, resume = ("never", *option_values(arguments, "resume"))
    if resume == "auto":
        return RunDirectory(Path(settings.get("run.directory", RunConfig.directory))).config.is_file()
    return resume != "never"


def _weights_of_run(source: Path, run: RunDirectory, checkpoint: Path | None) -> GivenWeights:
    model = read_run_config(run).model
    if run.tokenizer.is_file():
        fingerprint = Tokenizer.load(run.tokenizer).fingerprint
        return GivenWeights(source, model, run, checkpoint, run.tokenizer, fingerprint)
    why = f"{run.path} has no tokenizer.json"
    return GivenWeights(source, model, run, checkpoint, None, _recorded_tokenizer(run), why)


def _recorded_tokenizer(run: RunDirectory) -> str | None:
    """Return the fingerprint of the tokenizer that encoded the data of a run, if it is recorded."""
    try:
        return json.loads(run.fingerprint.read_text("utf-8"))["train"][0]["tokenizer_sha256"]
    except (OSError, ValueError, LookupError, TypeError):  # the run has not been trained, or did not record it
        return None


def _weights_of_another_library(path: Path) -> GivenWeights:
    model = load_model(path).config if path.is_file() else read_llama_config(path)
    found, why = find_tokenizer(path, model.vocab_size)
    if found is None:
        return GivenWeights(path, model, None, None, None, None, why)
    fingerprint = found.tokenizer.fingerprint
    if found.is_complete:
        return GivenWeights(path, model, None, None, found.path, fingerprint)
    why = f"{found.path} is not all of a tokenizer, so import the model first, with apps/import_model.py"
    return GivenWeights(path, model, None, None, None, fingerprint, why)


def _refuse_other_model(weights: GivenWeights, wanted: Settings) -> None:
    """Refuse what would give the weights another meaning, or other shapes."""
    own = asdict(replace(weights.model, d_ff=weights.model.feedforward_width, num_kv_heads=weights.model.kv_heads))
    refused = [
        f"{key} is {value!r}, but {own[name]!r} in {weights.source}"
        for key, value in wanted.items()
        if (name := key.removeprefix("model.")) not in _MAY_CHANGE
        and value not in (own[name], asdict(weights.model)[name])
    ]
    if refused:
        raise ValueError(
            f"run.init_from keeps the model that its weights belong to: {'; '.join(refused)}. Remove the option; only "
            f"{', '.join(f'model.{name}' for name in sorted(_MAY_CHANGE))} may change"
        )


def _tokenizer_to_use(weights: GivenWeights, settings: Settings) -> str | None:
    """Return the tokenizer of the run: that of the weights, or the given one if it is the same or theirs is unknown."""
    given = settings.get("data.tokenizer")
    if given is None:
        if weights.tokenizer is None and (settings.get("data.train_text") or settings.get("data.valid_text")):
            raise ValueError(
                f"{weights.why_no_tokenizer}, and text must be encoded with the tokenizer that belongs to the weights: "
                "give it with --data.tokenizer FILE, or give token files"
            )
        return None if weights.tokenizer is None else str(weights.tokenizer)
    expected = weights.tokenizer_sha256
    if expected is not None and Path(given).is_file() and Tokenizer.load(given).fingerprint != expected:
        raise ValueError(
            f"{given} (data.tokenizer) is not the tokenizer that belongs to the weights of {weights.source}"
            + ("" if weights.tokenizer is None else f", which is {weights.tokenizer}: remove data.tokenizer")
        )
    return str(given)


def _refuse_other_tokens(weights: GivenWeights, settings: Settings) -> None:
    """Refuse token files whose ids mean something else to the model."""
    expected = weights.tokenizer_sha256
    for file in _token_files(settings):
        found = describe_tokens(file).tokenizer_sha256
        if expected is not None and found is not None and found != expected:
            raise ValueError(
                f"{file} was encoded with another tokenizer ({found[:12]}…) than that of the weights of "
                f"{weights.source} ({weights.tokenizer or 'unknown'}, {expected[:12]}…): "
                "give the text, which is then encoded with that one"
            )


def _token_files(settings: Settings) -> Iterator[str]:
    """Yield the given token files that exist; `check_data` reports the others."""
    for key in ("data.train_tokens", "data.valid_tokens"):
        given = settings.get(key) or ()
        for file in [given] if isinstance(given, str) else given:
            if Path(file).is_file():
                yield file


def _load(weights: GivenWeights) -> "tuple[TransformerLM, WeightsSource]":
    """Load the weights into a model of their own configuration."""
    from nn import TransformerLM
    from trainer.checkpoints import open_checkpoint
    from trainer.run import WeightsSource

    if weights.run is None:
        files = [weights.source] if weights.source.is_file() else sorted(weights.source.glob("*.safetensors"))
        hashes = {file.name: _sha256(file) for file in files}
        return load_model(weights.source), WeightsSource(str(weights.source), None, hashes)
    if weights.checkpoint is None:
        checkpoint, messages = weights.run.latest_good_checkpoint()
        for message in messages:
            say(f"note: {message}")
    else:
        checkpoint = open_checkpoint(weights.checkpoint)
    model = TransformerLM(weights.model)
    progress = checkpoint.restore(model)
    hashes = {file.name: _sha256(file) for file in checkpoint.path.glob("model.safetensors")}
    return model, WeightsSource(str(checkpoint.path), progress.step, hashes)


def _changes(source: ModelConfig, config: ModelConfig) -> list[str]:
    """Return the keys in which a model differs from that of its weights."""
    before, now = asdict(source), asdict(config)
    return [f"model.{name} is {now[name]!r}, {before[name]!r} there" for name in now if now[name] != before[name]]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
