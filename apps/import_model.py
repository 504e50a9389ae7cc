"""Import a model from another library: `uv run apps/import_model.py downloaded/llama runs/llama`.

A folder of a Llama model of Hugging Face's `transformers`, or a checkpoint of llama2.c (`stories15M.bin`), becomes a
run, which the other commands take.
"""

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from bpe import Tokenizer, TokenizerFileError
from command import CommandLineParser, run_command, whole_number
from text_config import TextRunConfig
from text_data import END_OF_TEXT
from trainer import RunConfig, RunDirectory, new_run_directory, save_config

if TYPE_CHECKING:
    from nn import TransformerLM


def load_model(source: Path, context_length: int | None = None) -> "TransformerLM":
    """Load a model from a folder of transformers or a file of llama2.c, in float32, as all runs are.

    Raises:
        ValueError: the model is damaged, or `TransformerLM` cannot compute exactly what it does.
        OSError: a file cannot be read.
    """
    from nn.interchange import load_llama, load_llama2c  # loads torch, which a mistake need not wait for

    if source.is_dir():
        return load_llama(source, context_length=context_length)
    return load_llama2c(source, context_length=context_length)


def load_tokenizer(source: Path, vocab_size: int) -> tuple[Tokenizer | None, str]:
    """Load the tokenizer of a model's folder, or say why there is none.

    Returns:
        The tokenizer, if there is one that `bpe` can read, and a note for the user, or an empty string.

    Raises:
        ValueError: the tokenizer has ids that the model does not have.
        OSError: a file cannot be read.
    """
    path = source / "tokenizer.json"
    if not source.is_dir():
        return None, (
            "a checkpoint of llama2.c has no tokenizer, and the one that belongs to it (SentencePiece) is not "
            "byte-level BPE: the run has weights only"
        )
    if not path.is_file():
        return None, f"{source} has no tokenizer.json: copy one into the run before you generate text"
    try:
        tokenizer = Tokenizer.load(path)
    except TokenizerFileError as error:
        return None, f"the tokenizer is not imported, since bpe cannot reproduce it exactly: {error}"
    if tokenizer.vocab_size > vocab_size:
        raise ValueError(
            f"{path} has ids up to {tokenizer.vocab_size - 1}, but the model's vocabulary is {vocab_size}: "
            "one of them belongs to another model"
        )
    if END_OF_TEXT not in tokenizer.special_tokens:
        return tokenizer, f"the tokenizer has no {END_OF_TEXT}, so a text ends only at --max-new-tokens"
    return tokenizer, ""


def parse(arguments: list[str]) -> Namespace:
    """Read the command line."""
    parser = CommandLineParser(
        "Import a model from another library as a run.",
        usage="SOURCE OUT [OPTIONS]",
        examples=("downloaded/llama runs/llama", "stories15M.bin runs/stories --context-length 128"),
    )
    add = parser.add_argument
    add("source", type=Path, metavar="SOURCE", help="a folder of transformers, or a .bin file of llama2.c")
    add("out", type=Path, metavar="OUT", help="the run's folder to create, such as runs/llama")
    add("--context-length", type=whole_number, metavar="N", help="a shorter context than the model's own")
    return parser.parse_all(arguments)


def main(arguments: list[str]) -> None:
    """Import the model."""
    given = parse(arguments)
    if not given.source.exists():
        raise ValueError(f"{given.source} does not exist: give a model's folder, or a checkpoint of llama2.c")
    if given.out.exists():
        raise ValueError(f"{given.out} already exists: choose another name, or delete it")
    model = load_model(given.source, given.context_length)
    tokenizer, note = load_tokenizer(given.source, model.config.vocab_size)
    config = TextRunConfig(model=model.config, run=RunConfig(directory=str(given.out)))
    from trainer import save_checkpoint  # loads torch, as the model has done

    with new_run_directory(given.out) as run:
        save_config(config, run.config)
        if tokenizer is not None:
            tokenizer.save(run.tokenizer)
        save_checkpoint(model, None, 0, run.checkpoint(0))
    if note:
        print(f"note: {note}")
    print(f"{given.source} → {RunDirectory(given.out).checkpoint(0)}: {model.num_parameters():,} parameters")
    texts = "--data.train_text train.txt --data.valid_text valid.txt"
    needs = "" if tokenizer is not None else " --data.tokenizer tokenizer.json"
    print(f"Next: uv run apps/train_owt.py --run.init_from {given.out} {texts}{needs} --run.directory runs/more")
    if tokenizer is not None:
        print(f'      uv run apps/generate.py {given.out} --prompt "Once upon a time"')


if __name__ == "__main__":
    run_command(main)
