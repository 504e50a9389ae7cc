"""Writing the files of a report."""

from pathlib import Path

from experimentation.report.chapters import read_collection
from experimentation.report.contents import document
from experimentation.report.markdown import standalone_svg, to_markdown
from experimentation.report.web_page import to_html
from experimentation.scales import EXPERIMENT_FILES


def write_report(data: Path, out: Path, experiments: Path = EXPERIMENT_FILES) -> Path:
    """Write the report of a scale: `README.md` with its figures, and `index.html`.

    The same results give the same files. Figures of an earlier report that are no longer needed are removed.

    Args:
        data: the folder with a file of results, `NAME.json`, for each experiment that was run.
        out: the folder to write into; it is created.
        experiments: the folder with the files that describe the experiments.

    Returns:
        The path of `README.md`.

    Raises:
        ValueError: there are no results, they are damaged, or from different scales.
        OSError: a file cannot be read or written.
    """
    content = document(read_collection(data, experiments))
    out.mkdir(parents=True, exist_ok=True)
    figures = {f"{picture.name}.svg": standalone_svg(picture.svg) for picture in content.pictures()}
    for old in out.glob("*.svg"):
        if old.name not in figures:
            old.unlink()
    page = out / "README.md"
    for name, text in {**figures, "index.html": to_html(content), page.name: to_markdown(content)}.items():
        _replace(out / name, text)
    return page


def _replace(path: Path, text: str) -> None:
    """Write a file, completely or not at all."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_text(text, "utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
