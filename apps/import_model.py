"""Take a model from elsewhere: `uv run apps/import_model.py downloaded/llama runs/llama`, then talk to `runs/llama`.

A Llama model's folder of Hugging Face's `transformers`, or a checkpoint of llama2.c (`stories15M.bin`), becomes a run.
"""

from argparse import Namespace
from pathlib import Path

from bpe import Tokenizer, TokenizerFileError
from command import OneLineParser, run_command
from nn import TransformerLM
from nn.interchange import load_llama, load_llama2c
from text_data import END_OF_TEXT
from text_run import TextRunConfig
from trainer import RunConfig, RunDirectory, new_run_directory, save_checkpoint, save_config


def load_model(source: Path, context_length: int | None = None) -> TransformerLM:
    """Load a model from a folder of transformers or a file of llama2.c, in float32 as runs have it.

    Raises:
        ValueError: the model is damaged or one that `TransformerLM` cannot be exactly.
        OSError: a file cannot be read.
    """
    if not source.exists():
        raise ValueError(f"{source} does not exist: name a model's folder, or a checkpoint of llama2.c")
    if source.is_dir():
        return load_llama(source, context_length=context_length)
    return load_llama2c(source, context_length=context_length)


def load_tokenizer(source: Path, vocab_size: int) -> tuple[Tokenizer | None, str]:
    """Load the tokenizer of a model's folder, or say why there is none.

    Returns:
        The tokenizer, if there is one that `bpe` reads, and a note for the user, or an empty string.

    Raises:
        ValueError: the tokenizer has ids that the model lacks.
        OSError: a file cannot be read.
    """
    path = source / "tokenizer.json"
    if not source.is_dir():
        return None, (
            "a checkpoint of llama2.c comes without a tokenizer, and its own (SentencePiece) is not byte-level BPE: "
            "the run has weights alone"
        )
    if not path.is_file():
        return None, f"{source} has no tokenizer.json: copy one into the run before you talk to it"
    try:
        tokenizer = Tokenizer.load(path)
    except TokenizerFileError as error:
        return None, f"the tokenizer is left out, since it is none that bpe can be exactly: {error}"
    if tokenizer.vocab_size > vocab_size:
        raise ValueError(
            f"{path} has ids up to {tokenizer.vocab_size - 1}, but the model's vocabulary is {vocab_size}: "
            "one of them is of another model"
        )
    if END_OF_TEXT not in tokenizer.special_tokens:
        return tokenizer, f"the tokenizer has no {END_OF_TEXT}, so a text ends only at --max-new-tokens"
    return tokenizer, ""


def parse(arguments: list[str]) -> Namespace:
    """Read the command line."""
    parser = OneLineParser(description="Make a run of a model from elsewhere.")
    parser.add_argument("source", type=Path, metavar="SOURCE", help="a folder of transformers, or a .bin of llama2.c")
    parser.add_argument("out", type=Path, metavar="OUT", help="the run's folder to make, such as runs/llama")
    parser.add_argument("--context-length", type=int, help="a context shorter than the model's own (default: that)")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> None:
    """Import the model."""
    given = parse(arguments)
    if given.out.exists():
        raise ValueError(f"{given.out} already exists: choose another name, or delete it")
    model = load_model(given.source, given.context_length)
    tokenizer, note = load_tokenizer(given.source, model.config.vocab_size)
    config = TextRunConfig(model=model.config, run=RunConfig(directory=str(given.out)))
    with new_run_directory(given.out) as run:
        save_config(config, run.config)
        if tokenizer is not None:
            tokenizer.save(run.tokenizer)
        save_checkpoint(model, None, 0, run.checkpoint(0))
    if note:
        print(f"note: {note}")
    print(f"{given.source} → {RunDirectory(given.out).checkpoint(0)}: {model.num_parameters():,} parameters")


if __name__ == "__main__":
    run_command(main)
