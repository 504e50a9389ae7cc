"""Import a model from another library: `uv run apps/import_model.py downloaded/llama runs/llama`.

A folder of a Llama model of Hugging Face's `transformers`, or a checkpoint of llama2.c (`stories15M.bin`), becomes a
run, which the other commands take. The tokenizer beside the weights is imported too, in any format that `bpe` reads.
"""

from argparse import ArgumentTypeError, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from command import CommandLineParser, run_command, whole_number
from given_tokenizer import GivenTokenizer, TokenizerOptions, find_tokenizer
from text_config import TextConfig, TextRunConfig
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
    add("--tokenizer", type=Path, metavar="FILE", help="its tokenizer (default: what is beside the weights)")
    add("--pattern", metavar="NAME", help="the split pattern of a .tiktoken file, or of vocab.json and merges.txt")
    add(
        "--special-token",
        type=special_token,
        action="append",
        default=[],
        metavar="TOKEN=ID",
        help="a special token of such a file; may be repeated",
    )
    return parser.parse_all(arguments)


def special_token(text: str) -> tuple[str, int]:
    """Return a special token and its id.

    Raises:
        ArgumentTypeError: there is no id.

    >>> special_token("<a=b>=257")
    ('<a=b>', 257)
    """
    token, _, token_id = text.rpartition("=")
    if not (token and token_id.isascii() and token_id.isdigit()):
        raise ArgumentTypeError(f"{text!r} has no id: give TOKEN=ID")
    return token, int(token_id)


def description(found: GivenTokenizer) -> Iterator[str]:
    """Yield lines on the tokenizer that is imported."""
    begin = found.text.begin_token
    yield (
        f"tokenizer: {found.path}, {found.tokenizer.vocab_size:,} entries"
        + ("" if begin is None else f"; each prompt begins with {begin}")
    )
    if found.text.end_id(found.tokenizer) is None:
        yield f"note: the tokenizer has no {found.text.end_token}, so a text ends only at --max-new-tokens"


def main(arguments: list[str]) -> None:
    """Import the model."""
    given = parse(arguments)
    if not given.source.exists():
        raise ValueError(f"{given.source} does not exist: give a model's folder, or a checkpoint of llama2.c")
    if given.tokenizer is not None and not given.tokenizer.exists():
        raise ValueError(f"--tokenizer is {given.tokenizer}, which does not exist: give the tokenizer's file or folder")
    if given.out.exists():
        raise ValueError(f"{given.out} already exists: choose another name, or delete it")
    model = load_model(given.source, given.context_length)
    options = TokenizerOptions(given.tokenizer, given.pattern, tuple(given.special_token))
    found, note = find_tokenizer(given.source, model.config.vocab_size, options)
    text = found.text if found is not None else TextConfig()
    config = TextRunConfig(model=model.config, text=text, run=RunConfig(directory=str(given.out)))
    from trainer import save_checkpoint  # loads torch, as the model has done

    with new_run_directory(given.out) as run:
        save_config(config, run.config)
        if found is not None:
            found.tokenizer.save(run.tokenizer)
        save_checkpoint(model, None, 0, run.checkpoint(0))
    for line in (f"note: {note}",) if found is None else description(found):
        print(line)
    print(f"{given.source} → {RunDirectory(given.out).checkpoint(0)}: {model.num_parameters():,} parameters")
    texts = "--data.train_text train.txt --data.valid_text valid.txt"
    needs = "" if found is not None else " --data.tokenizer tokenizer.json"
    print(f"Next: uv run apps/train_owt.py --run.init_from {given.out} {texts}{needs} --run.directory runs/more")
    if found is not None:
        print(f'      uv run apps/generate.py {given.out} --prompt "Once upon a time"')


if __name__ == "__main__":
    run_command(main)
