"""How the time and memory of `encode_file` grow with the size of the file."""

from benchmarks.common.medians import median_of, median_ratio
from benchmarks.tokenizer.settings import Row, Settings


def scaling(settings: Settings) -> list[Row]:
    """Measure `encode_file` on a tenth of each corpus and on all of it."""
    rows = []
    for text in settings.texts:
        files = [settings.head_of(text, text.stat().st_size // 10), text]
        requests = [
            {
                "task": "token_file",
                "library": "ours",
                "threads": None,
                "files": settings.files,
                "path": str(file),
                "token_path": str(settings.scratch / "tokens.bin"),
            }
            for file in files
        ]
        answers = settings.interleave(requests)
        rows += [
            {
                "corpus": text.name,
                "bytes": file.stat().st_size,
                "seconds": median_of(ours, "seconds"),
                "seconds_over_smallest": median_ratio(ours, answers[0], "seconds"),
                "peak_bytes": median_of(ours, "peak"),
                "peak_bytes_before": median_of(ours, "peak_before"),
                "runs": ours,
            }
            for file, ours in zip(files, answers, strict=True)
        ]
    return rows
