"""Hand a trained run to other libraries: `uv run apps/export_run.py runs/quickstart exported/quickstart`.

The folder is that of a Llama model of Hugging Face's `transformers`, tokenizer included.
"""

import json
from argparse import Namespace
from pathlib import Path

from bpe import Tokenizer
from command import OneLineParser, run_command
from nn import TransformerLM
from nn.interchange import DTYPES, check_exportable, whole_folder, write_llama
from text_data import END_OF_TEXT
from text_run import TextRunConfig, restore_checkpoint
from trainer import open_run_directory, parse_config


def export_tokenizer(tokenizer: Tokenizer, context_length: int, folder: Path) -> None:
    """Write the files from which `AutoTokenizer` makes a tokenizer with the same ids.

    Raises:
        ValueError: a tokenizer.json cannot hold this tokenizer.
        OSError: a file cannot be written.
    """
    tokenizer.save(folder / "tokenizer.json")
    end_token = END_OF_TEXT if END_OF_TEXT in tokenizer.special_tokens else None
    content = {
        # By name, since the class that belongs to Llama would put a token of its own before every text.
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": context_length,
        "bos_token": end_token,
        "eos_token": end_token,
        "pad_token": end_token,
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def parse(arguments: list[str]) -> Namespace:
    """Read the command line."""
    parser = OneLineParser(description="Export a trained run as a Llama model of Hugging Face's transformers.")
    parser.add_argument("run", type=Path, metavar="RUN", help="the run's folder, such as runs/quickstart")
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder to make")
    parser.add_argument("--checkpoint", type=Path, help="a checkpoint's folder (default: the run's latest)")
    parser.add_argument("--dtype", choices=sorted(DTYPES), default="float32", help="of the weights (default float32)")
    parser.add_argument("--overwrite", action="store_true", help="replace a model's folder of that name")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> None:
    """Export the run."""
    given = parse(arguments)
    run = open_run_directory(given.run)
    config, _ = parse_config(TextRunConfig, [], files=[run.config])
    check_exportable(config.model)  # before anything large is read
    tokenizer = Tokenizer.load(run.tokenizer) if run.tokenizer.is_file() else None
    end_token = tokenizer.special_tokens.get(END_OF_TEXT) if tokenizer else None
    model = TransformerLM(config.model)
    checkpoint = restore_checkpoint(model, run, given.checkpoint)
    with whole_folder(given.out, overwrite=given.overwrite) as folder:
        write_llama(model, folder, end_token=end_token, dtype=DTYPES[given.dtype])
        if tokenizer is not None:
            export_tokenizer(tokenizer, config.model.context_length, folder)
    if tokenizer is None:
        print("note: the run was made from tokens alone, so there is no tokenizer in the folder")
    print(f"{checkpoint} → {given.out}: {model.num_parameters():,} parameters in {given.dtype}")


if __name__ == "__main__":
    run_command(main)
