"""Export a trained run for other libraries: `uv run apps/export_run.py runs/tinystories_cpu exported/tinystories_cpu`.

The result is a folder of a Llama model, tokenizer included, as Hugging Face's `transformers` loads it.
"""

import json
from argparse import Namespace
from pathlib import Path

from bpe import Tokenizer
from command import CommandLineParser, one_of, run_command
from nn.interchange import DTYPE_NAMES, check_exportable, whole_folder
from text_config import TextConfig
from trained_run import open_trained_run


def export_tokenizer(tokenizer: Tokenizer, text: TextConfig, context_length: int, folder: Path) -> None:
    """Write the files from which `AutoTokenizer` creates a tokenizer with the same ids.

    Raises:
        ValueError: a tokenizer.json cannot represent this tokenizer.
        OSError: a file cannot be written.
    """
    tokenizer.save(folder / "tokenizer.json")
    end_token = None if text.end_id(tokenizer) is None else text.end_token
    content = {
        # By name, since the class that belongs to Llama would put a token of its own before every text.
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": context_length,
        "bos_token": text.begin_token or end_token,
        "eos_token": end_token,
        "pad_token": end_token,
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def parse(arguments: list[str]) -> Namespace:
    """Read the command line."""
    parser = CommandLineParser(
        "Export a trained run as a Llama model for Hugging Face's transformers.",
        usage="RUN OUT [OPTIONS]",
        examples=("runs/tinystories_cpu exported/tinystories_cpu --dtype bfloat16",),
    )
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="the run's folder, such as runs/quickstart")
    add("out", type=Path, metavar="OUT", help="the folder to create")
    add("--checkpoint", type=Path, metavar="FOLDER", help="export this checkpoint (default: the run's latest)")
    add(
        "--dtype",
        type=one_of(*DTYPE_NAMES),
        default="float32",
        metavar=f"{{{','.join(DTYPE_NAMES)}}}",
        help="of the weights (default float32)",
    )
    add("--overwrite", action="store_true", help="replace an existing folder that contains a model")
    return parser.parse_all(arguments)


def main(arguments: list[str]) -> None:
    """Export the run."""
    given = parse(arguments)
    run, config = open_trained_run(given.run, given.checkpoint)
    check_exportable(config.model)
    tokenizer = Tokenizer.load(run.tokenizer) if run.tokenizer.is_file() else None
    end_token = config.text.end_id(tokenizer) if tokenizer else None
    begin_token = next(iter(config.text.begin_ids(tokenizer)), None) if tokenizer else None

    with whole_folder(given.out, overwrite=given.overwrite) as folder:
        # These load torch, which a mistake in anything above need not wait for.
        from nn import TransformerLM
        from nn.interchange import DTYPES, write_llama
        from speaker import restore_checkpoint

        model = TransformerLM(config.model)
        checkpoint = restore_checkpoint(model, run, given.checkpoint)
        write_llama(model, folder, end_token=end_token, begin_token=begin_token, dtype=DTYPES[given.dtype])
        if tokenizer is not None:
            export_tokenizer(tokenizer, config.text, config.model.context_length, folder)
    if tokenizer is None:
        print("note: the run was trained on given tokens, so the folder has no tokenizer")
    print(f"{checkpoint} → {given.out}: {model.num_parameters():,} parameters in {given.dtype}")


if __name__ == "__main__":
    run_command(main)
