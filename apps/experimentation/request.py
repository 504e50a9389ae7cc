"""What the options that all commands of `experiments.py` share ask for."""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from command import CommandLineParser, one_of, say
from experimentation.scales import EXPERIMENT_FILES, SCALES, Scale, read_scale
from experimentation.table import Experiment, read_experiments
from experimentation.text_sources import Corpora, CorporaRequest, find_corpora


@dataclass(frozen=True)
class Request:
    """A scale, its experiments, and where texts and results are."""

    scale: Scale
    table: Sequence[Experiment]
    """All experiments."""
    directory: Path
    """Where the results are."""
    corpora: CorporaRequest


def parser_of(command: str, description: str, usage: str, examples: Sequence[str]) -> CommandLineParser:
    """Return a parser with the options that all commands share."""
    parser = CommandLineParser(description, f"{command} {usage}", [f"{command} {each}" for each in examples])
    add = parser.add_argument
    add(
        "--scale",
        type=one_of(*SCALES),
        default="cpu",
        metavar="SCALE",
        help="smoke (to try it), cpu (the default: two cores, within an hour), gpu (the real models)",
    )
    for option, what in (
        ("--text", "the first corpus (default: prepared TinyStories, else generated stories)"),
        ("--other-text", "the second corpus (default: prepared OpenWebText, else this project's text)"),
    ):
        add(option, type=Path, nargs=2, metavar=("TRAIN", "VALID"), help=what)
    add("--directory", type=Path, metavar="FOLDER", help="of the results (default runs/experiments/SCALE)")
    add(
        "--experiments",
        type=Path,
        default=EXPERIMENT_FILES,
        metavar="FOLDER",
        help="with the files of the experiments and the scales (default configs/experiments)",
    )
    return parser


def read_request(given: Namespace) -> Request:
    """Read the experiments, the scale, and which texts are asked for.

    Raises:
        ValueError: a file in the folder of the experiments is wrong.
    """
    scale = read_scale(given.scale, given.experiments)
    directory = given.directory or Path("runs") / "experiments" / scale.name
    texts = [None if paths is None else (paths[0], paths[1]) for paths in (given.text, given.other_text)]
    return Request(scale, read_experiments(given.experiments, scale.name), directory, CorporaRequest(scale, *texts))


def corpora_if_any(request: Request) -> Corpora | None:
    """Return the corpora if they have been made; a note says why they cannot be."""
    try:
        return find_corpora(request.corpora, request.directory)
    except ValueError as error:  # experiments can be listed, and their cost is known, without the texts
        say(f"note: {error}")
        return None
