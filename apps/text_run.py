"""A training run on text: tokenizer, token files, model, loss curve, all in the run's folder.

This is where the packages meet. The applications that train differ only in their configuration.
"""

import os
import shutil
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bpe import Tokenizer, check_portable_pattern, encode_file, read_token_file_info, train_bpe
from dry_run import print_dry_run
from nn import ModelConfig, SamplingConfig, TransformerLM
from trainer import (
    DataConfig,
    RunDirectory,
    SampleHook,
    TrainConfig,
    TrainingData,
    TrainingInterrupted,
    TrainingResult,
    choose_device,
    config_difference,
    new_run_directory,
    open_data,
    open_run_directory,
    option_values,
    parse_config,
    plot_loss,
    save_config,
    train,
)

END_OF_TEXT = "<|endoftext|>"
CONFIGS = Path(__file__).resolve().parents[1] / "configs"


@dataclass(frozen=True)
class TextDataConfig(DataConfig):
    """Text files, or token files that are ready, for training and for validation."""

    train_text: str | None = None
    """UTF-8 text to train on, documents separated by <|endoftext|>."""
    valid_text: str | None = None
    """UTF-8 text to evaluate on."""
    tokenizer: str | None = None
    """A tokenizer.json to encode with; null: one of model.vocab_size entries is trained on train_text."""
    pattern: str = "gpt2"
    """Split pattern of a tokenizer that is trained: gpt2, cl100k, o200k or a regular expression."""


@dataclass(frozen=True)
class SampleConfig:
    """A text that the model writes at each evaluation, for people to see how it comes along."""

    prompt: str | None = None
    """What it continues; "" begins a document; null: no samples."""
    max_new_tokens: int = 64
    """Where it stops at the latest."""
    temperature: float = 0.7
    """As in apps/generate.py."""

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1:
            raise ValueError(f"sample.max_new_tokens is {self.max_new_tokens}: it must be at least 1")
        SamplingConfig(self.temperature)  # refuses what is out of range


@dataclass(frozen=True)
class TextRunConfig(TrainConfig):
    """Everything that decides a training run on text."""

    data: TextDataConfig = field(default_factory=TextDataConfig)
    sample: SampleConfig = field(default_factory=SampleConfig)


def main(arguments: Sequence[str], default_config: str, description: str) -> None:
    """Train as the command line says, starting from a file of `configs/`."""
    dry_run = "--dry-run" in arguments
    arguments = ["--print_config" if word == "--print-config" else word for word in arguments if word != "--dry-run"]
    options = {
        "resume": "The folder of a run to go on with, by its configuration; or auto: run.directory, if it has begun.",
    }

    def parse(file: Path) -> TextRunConfig:
        return parse_config(TextRunConfig, arguments, files=[file], description=description, options=options)[0]

    config = parse(CONFIGS / default_config)
    resumed = asked = (option_values(arguments, "resume") or ["never"])[-1]
    if asked == "auto":
        resumed = config.run.directory if RunDirectory(Path(config.run.directory)).config.is_file() else "never"
    run = None if resumed == "never" else open_run_directory(resumed)
    if run is not None:
        config = parse(run.config)
    choose_device(config.run.device)
    if dry_run:
        check_data(config.data)
        print_dry_run(config, None if run is None else open_data(token_files(config.data, run), config.model))
    elif run is None:
        start_run(config)
    elif asked == "auto" and not any(run.checkpoints.glob("step_*")):
        # The folder is whole, but nothing of the training is: another process has just made it, or it was killed early.
        train_and_plot(config, run, open_data(token_files(config.data, run), config.model))
    else:
        resume_run(config, run)


def start_run(config: TextRunConfig) -> TrainingResult:
    """Make the run's folder with all that training needs, then train.

    Of several processes that torchrun has started, the first makes the folder, and the others wait for it.
    """
    check_data(config.data)
    run = RunDirectory(Path(config.run.directory))
    if not is_main_process():
        while not run.config.is_file():
            time.sleep(0.1)
        return train_and_plot(config, run, open_data(token_files(config.data, run), config.model))
    with new_run_directory(config.run.directory) as made:
        prepare_data(config.data, config.model, made)
        save_config(config, made.config)
    return train_and_plot(config, run, open_data(token_files(config.data, run), config.model))


def is_main_process() -> bool:
    """Say whether this process, if torchrun started it, is the one that prepares and reports."""
    return os.environ.get("RANK", "0") == "0"


def resume_run(config: TextRunConfig, run: RunDirectory) -> TrainingResult:
    """Go on with a run from its newest whole checkpoint.

    Raises:
        ValueError: the configuration asks for what cannot be changed in the middle of a run, or there is no checkpoint
            that can be used.
    """
    stored, _ = parse_config(TextRunConfig, [], files=[run.config])
    if config.data != stored.data or config.run.directory != stored.run.directory:
        raise ValueError(
            "a resumed run keeps its data and its folder: leave out --data… and --run.directory "
            f"({'; '.join(config_difference(stored.data, config.data)) or 'another folder'})"
        )
    if config.data.order == "epoch" and config.training.batch_size != stored.training.batch_size:
        raise ValueError(
            f"training.batch_size is {config.training.batch_size} and was {stored.training.batch_size}, but epochs are "
            "counted in batches: keep it"
        )
    if is_main_process():
        for change in config_difference(stored, config):
            print(f"note: the run goes on with {change}")
    data = open_data(token_files(config.data, run), config.model)
    return train_and_plot(config, run, data, resume=True)


def check_data(data: TextDataConfig) -> None:
    """Refuse data that is missing or given twice, and a pattern that the run's tokenizer.json could not hold.

    Raises:
        ValueError: for training or validation there is neither text nor tokens, or both; or the split pattern of the
            tokenizer that is to be trained means different things to different libraries.
    """
    for name in ("train", "valid"):
        text, tokens = getattr(data, f"{name}_text"), getattr(data, f"{name}_tokens")
        if text is None and tokens is None:
            raise ValueError(
                "no data: give --data.train_text FILE and --data.valid_text FILE, "
                "or token files with --data.train_tokens and --data.valid_tokens"
            )
        if text is not None and tokens is not None:
            raise ValueError(f"data.{name}_text and data.{name}_tokens are both given: leave one of them out")
        given, key = (tokens, f"data.{name}_tokens") if text is None else (text, f"data.{name}_text")
        for path in [given] if isinstance(given, str) else given:
            if not Path(path).is_file():
                raise ValueError(f"{path!r} ({key}) is not a file: check its name")
    if data.train_text is None and data.valid_text is not None and data.tokenizer is None:
        raise ValueError("data.valid_text must be encoded like the training tokens: give --data.tokenizer FILE")
    if data.train_text is not None and data.tokenizer is None:
        check_portable_pattern(data.pattern)


def prepare_data(data: TextDataConfig, model: ModelConfig, run: RunDirectory) -> TrainingData:
    """Put the tokenizer and the token files into the run's folder, as far as they are not given, and open the tokens.

    Raises:
        ValueError: a file cannot be used.
        OSError: a file cannot be read or written.
    """
    tokenizer = _make_tokenizer(data, model, run)
    run.tokens.mkdir()
    for name in ("train", "valid"):
        text, tokens = getattr(data, f"{name}_text"), getattr(data, f"{name}_tokens")
        if text is not None and tokenizer is not None:
            started = time.perf_counter()
            info = encode_file(tokenizer, text, run.tokens / f"{name}.bin")
            print(
                f"{name}: {info.count:,} tokens, {Path(text).stat().st_size / info.count:.2f} bytes each, "
                f"encoded in {time.perf_counter() - started:.1f} s"
            )
        elif tokenizer is not None:
            for file in [tokens] if isinstance(tokens, str) else tokens:
                _check_same_tokenizer(file, tokenizer, data.tokenizer)
    return open_data(token_files(data, run), model)


def token_files(data: TextDataConfig, run: RunDirectory) -> DataConfig:
    """Return the token files of a run: those that were given, else those in its folder."""
    return DataConfig(
        data.train_tokens or str(run.tokens / "train.bin"),
        data.valid_tokens or str(run.tokens / "valid.bin"),
        train_weights=data.train_weights,
        order=data.order,
    )


def train_and_plot(
    config: TextRunConfig, run: RunDirectory, data: TrainingData, *, resume: bool = False
) -> TrainingResult:
    """Train, draw the loss, and say where everything is."""
    try:
        result = train(config, run, data, resume=resume, sample=_sampler(config.sample, run))
    except TrainingInterrupted as interruption:
        raise TrainingInterrupted(f"{interruption}; {_how_to_go_on(run)}") from None
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f": {_how_to_go_on(run)}") from None
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or "memory" in str(error).lower():
            raise ValueError(
                "out of memory: lower training.batch_size, or raise training.gradient_accumulation"
            ) from error
        raise
    if is_main_process():
        print(f"run: {run.path}   loss curve: {plot_loss(run)}")
    return result


def _sampler(config: SampleConfig, run: RunDirectory) -> SampleHook | None:
    """Return what writes a sample, or None if none are wanted, or there is no tokenizer to read them with."""
    if config.prompt is None or not run.tokenizer.is_file():
        return None
    from generate import Speaker  # here, since it reads a run's configuration by this module

    tokenizer, prompt = Tokenizer.load(run.tokenizer), config.prompt

    def sample(model: TransformerLM, step: int) -> str:
        speaker = Speaker(model, tokenizer)
        ids = speaker.encode_prompt(prompt)
        text = "".join(speaker.speak(ids, config.max_new_tokens, SamplingConfig(config.temperature, top_p=0.9), seed=0))
        return f"step {step}, a sample: {prompt}{text}"

    return sample


def _how_to_go_on(run: RunDirectory) -> str:
    try:
        checkpoint = run.latest_checkpoint()
    except ValueError:
        return f"there is no checkpoint yet: delete {run.path} and start again"
    return f"go on from {checkpoint.name} with uv run apps/train_tinystories.py --resume {run.path}"


def _make_tokenizer(data: TextDataConfig, model: ModelConfig, run: RunDirectory) -> Tokenizer | None:
    """Load the tokenizer or train it, and store it with the run; none is needed for tokens alone."""
    if data.tokenizer is not None:
        tokenizer = Tokenizer.load(data.tokenizer)
        if tokenizer.vocab_size > model.vocab_size:
            raise ValueError(
                f"{data.tokenizer} has {tokenizer.vocab_size} entries, but model.vocab_size is {model.vocab_size}: "
                f"give --model.vocab_size {tokenizer.vocab_size}"
            )
        if END_OF_TEXT not in tokenizer.special_tokens:
            print(f"note: {data.tokenizer} has no {END_OF_TEXT}, so documents will not be separated")
        shutil.copyfile(data.tokenizer, run.tokenizer)
        return tokenizer
    if data.train_text is None:
        return None
    started = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        vocab, merges = train_bpe(data.train_text, model.vocab_size, [END_OF_TEXT], pattern=data.pattern)
    for warning in caught:
        print(f"note: {warning.message}")
    tokenizer = Tokenizer(vocab, merges, [END_OF_TEXT], pattern=data.pattern)
    tokenizer.save(run.tokenizer)
    longest = max((left + right for left, right in merges), key=len, default=b"").decode("utf-8", errors="replace")
    print(
        f"tokenizer: {tokenizer.vocab_size:,} entries, the longest {longest!r}, "
        f"trained in {time.perf_counter() - started:.1f} s"
    )
    return tokenizer


def _check_same_tokenizer(tokens: str, tokenizer: Tokenizer, path: str | None) -> None:
    made_by = read_token_file_info(tokens).tokenizer_sha256
    if made_by is not None and made_by != tokenizer.fingerprint:
        raise ValueError(f"{tokens} was not made with {path or 'this tokenizer'}: give the tokenizer that made it")


def with_directory(config: TextRunConfig, directory: str) -> TextRunConfig:
    """Return the configuration with another folder for its run."""
    return replace(config, run=replace(config.run, directory=directory))
