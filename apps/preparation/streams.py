"""The two texts of a job as streams: training and validation, read again for each phase."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bpe import Progress
from preparation.errors import PreparationError
from preparation.job import Settings
from preparation.readers import read_files
from preparation.selection import select_documents, take_bytes

_SHOWN_FROM = 50_000_000  # bytes of files; reading less takes no time worth reporting


@dataclass(frozen=True)
class Texts:
    """The files of a job, and which parts of them are for training and which for validation."""

    settings: Settings
    train_paths: tuple[Path, ...]
    valid_paths: tuple[Path, ...]
    """None if documents of the training files are held out."""

    def paths(self, name: str) -> tuple[Path, ...]:
        """Return the files that one of the texts, `train` or `valid`, is read from."""
        return self.valid_paths if name == "valid" and self.valid_paths else self.train_paths

    def read(self, name: str, label: str, max_bytes: int | None = None) -> Iterator[str]:
        """Yield one of the texts in chunks, and show the progress.

        Args:
            name: `train` or `valid`.
            label: what the line of the progress begins with.
            max_bytes: how much of it to read, at most; None for all.

        Raises:
            PreparationError: there is no text.
            TextFileError: a text is empty or not UTF-8, or a file is damaged or has no such column.
            OSError: a file cannot be read.
        """
        paths = self.paths(name)
        size = sum(path.stat().st_size for path in paths)
        limits = [limit for limit in (max_bytes, self.settings.max_bytes) if limit is not None]
        total = size if all(limit >= size for limit in limits) else None  # of text that expands, it is not known
        is_empty = True
        with Progress(label, total, shown=size >= _SHOWN_FROM or None) as display:
            for chunk in take_bytes(self._chunks(name, paths, display), max_bytes):
                is_empty = is_empty and not chunk.strip()
                yield chunk
        if is_empty:
            raise PreparationError(self._why_empty(name, paths))

    def _chunks(self, name: str, paths: Sequence[Path], display: Progress) -> Iterator[str]:
        settings = self.settings
        chunks = read_files(paths, settings.column, display.advance)
        if name == "valid" and self.valid_paths:
            return chunks
        chunks = take_bytes(chunks, settings.max_bytes)
        if settings.valid_share is None:
            return chunks
        return select_documents(chunks, settings.valid_share, held_out=name == "valid")

    def _why_empty(self, name: str, paths: Sequence[Path]) -> str:
        files = f"{paths[0]}" + (f" and {len(paths) - 1} more" if len(paths) > 1 else "")
        if name == "valid" and not self.valid_paths:
            return (
                f"no document of {files} was held out for validation (the share is {self.settings.valid_share}): use "
                "more text, or for files of yours a larger share or validation files, with --valid"
            )
        return f"there is no text in {files}: give files with text"
