"""Documents in parquet files: tables, with the text in one of the columns."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bpe.input_files import OnRead, TextFileError, missing_package

if TYPE_CHECKING:
    import pyarrow  # type: ignore[import-untyped]

_ROWS_AT_ONCE = 256  # few, as a row may be a book
_BUFFER_BYTES = 1 << 20


def parquet_documents(path: Path, column: str, on_read: OnRead) -> Iterator[str]:
    """Yield the values of a column. Rows without a value and empty texts are skipped.

    Args:
        path: the file.
        column: the column with the text.
        on_read: called as the file is read, as if its bytes were distributed evenly over the rows.

    Raises:
        TextFileError: the file is damaged, has no such column, or a text is not UTF-8; or pyarrow is not installed.
        OSError: the file cannot be read.
    """
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        raise missing_package(path, "pyarrow", "parquet") from None

    done = 0
    try:
        # Without pre-buffering and with a small buffer the pages of a column are read as they are needed.
        with parquet.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER_BYTES) as file:
            _check_column(path, file.schema_arrow, column)
            size, rows = path.stat().st_size, file.metadata.num_rows
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=[column], use_threads=False):
                yield from filter(None, batch.column(0).to_pylist())
                on_read(size * (done + batch.num_rows) // rows - size * done // rows)
                done += batch.num_rows
    except UnicodeDecodeError as error:
        raise TextFileError(
            f"{path}: a text among the rows {done} to {done + _ROWS_AT_ONCE} is not UTF-8 ({error.reason}): "
            "correct the file"
        ) from None
    except (arrow.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise TextFileError(f"{path} is damaged or not a parquet file ({error}): fetch or copy it again") from None


def _check_column(path: Path, schema: "pyarrow.Schema", column: str) -> None:
    import pyarrow as arrow

    if column not in schema.names:
        found = ", ".join(schema.names)
        raise TextFileError(f"{path} has no column {column!r}, only {found}: name the one with the text (--column)")
    kind = schema.field(column).type
    if not (arrow.types.is_string(kind) or arrow.types.is_large_string(kind) or arrow.types.is_string_view(kind)):
        raise TextFileError(f"{path}: the column {column!r} contains {kind}: name one with text (--column)")
