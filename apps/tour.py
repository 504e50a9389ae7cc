"""Run the examples of a chapter of the tour, and compare what they print with the page: `uv run apps/tour.py 1`.

With `--interactive` Python's prompt follows, with everything that the examples have defined. `--write` brings the pages
up to date: the code of the packages that they show, and the outputs that have changed.
"""

import code
import sys
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

from command import CommandLineParser, run_command
from tour_pages import (
    Block,
    Example,
    Session,
    difference,
    examples,
    read_blocks,
    sample_difference,
    with_outputs,
    with_sources,
)

ROOT = Path(__file__).resolve().parents[1]
TOUR = ROOT / "docs" / "tour"
TRAINING_TEXT = Path("runs/stories/train.txt")


@dataclass(frozen=True)
class Ran:
    """An example, and what it printed."""

    example: Example
    printed: str

    def difference(self) -> str | None:
        """Return how that differs from the page, None if it does not or the page does not show it."""
        output = self.example.output
        if output is None:
            return None
        if output.kind == "sample":
            vocabulary = set(TRAINING_TEXT.read_text("utf-8").lower().replace(".", " ").replace(",", " ").split())
            return sample_difference(output.text, self.printed, vocabulary)
        return difference(output.text, self.printed)


def parse(arguments: list[str]) -> Namespace:
    """Read the command line.

    Raises:
        ValueError: an option is wrong.
    """
    parser = CommandLineParser(
        "Run the examples of the tour (docs/tour), and compare what they print with the page.",
        usage="[CHAPTER …] [OPTIONS]",
        examples=("1", "4 --interactive", "--write"),
    )
    add = parser.add_argument
    add("chapters", nargs="*", metavar="CHAPTER", help="numbers from 1 (default: all, in order)")
    add("--interactive", action="store_true", help="then start Python with the names of the chapter")
    add("--write", action="store_true", help="update the code and the outputs that the pages show")
    given = parser.parse_all(arguments)
    if given.interactive and len(given.chapters) != 1:
        raise ValueError("--interactive continues from one chapter: give its number, such as 4 --interactive")
    return given


def find_pages(chapters: list[str]) -> list[Path]:
    """Return the pages of chapters, or all pages with examples, in order.

    Raises:
        ValueError: there is no such chapter.
    """
    pages = {str(int(path.name[:2])): path for path in sorted(TOUR.glob("[0-9]*.md"))}
    unknown = [chapter for chapter in chapters if chapter not in pages]
    if unknown:
        raise ValueError(f"there is no chapter {unknown[0]!r}: give a number from 1 to {len(pages)}")
    return [pages[chapter] for chapter in chapters] if chapters else [TOUR / "README.md", *pages.values()]


def run_page(path: Path, session: Session, *, quiet: bool = False) -> list[Ran]:
    """Run the examples of a page in order, printing each with its output.

    Raises:
        ValueError: an example cannot be run.
    """
    page = path.read_text("utf-8")
    done = []
    for example in examples(page, read_blocks(page)):
        if not quiet:
            print(as_typed(example.block), flush=True)
        ran = Ran(example, session.run(example))
        if not quiet:
            print(ran.printed)
        done.append(ran)
    return done


def as_typed(block: Block) -> str:
    """Return the code of an example behind the prompts of a terminal, or of Python."""
    lines = block.text.splitlines()
    if block.language == "sh":
        return "\n".join(f"$ {line}" for line in lines)
    return "\n".join((">>> " if i == 0 else "... ") + line for i, line in enumerate(lines))


def update(path: Path) -> None:
    """Write a page again, with the present code of the packages, and the outputs that have changed."""
    before = path.read_text("utf-8")
    page = with_sources(before, ROOT)
    path.write_text(page, "utf-8")
    changed: dict[Block, str] = {
        ran.example.output: ran.printed
        for ran in run_page(path, Session(path.name), quiet=True)
        if ran.example.output is not None and ran.difference() is not None
    }
    page = with_outputs(page, changed)
    path.write_text(page, "utf-8")
    print(f"{path.relative_to(ROOT)}: {'updated' if page != before else 'up to date'}")


def main(arguments: list[str]) -> None:
    """Run chapters, or update their pages."""
    given = parse(arguments)
    pages = find_pages(given.chapters)
    if given.write:
        for path in pages:
            update(path)
        return
    differences = []
    session = Session("")
    for path in pages:
        session = Session(path.name)
        differences += [found for ran in run_page(path, session) if (found := ran.difference()) is not None]
    for found in differences:
        print(f"not as on the page: {found}\n")
    print(f"{len(differences)} outputs differ from the page" if differences else "all outputs are those of the page")
    if given.interactive:
        code.interact("\nThe names of the chapter are defined. Ctrl-D ends.", local=session.names, exitmsg="")
    if differences:
        sys.exit(1)


if __name__ == "__main__":
    run_command(main)
