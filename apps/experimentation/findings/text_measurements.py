"""Findings about texts and tokens: tokenizers, their compression and speed, how ids are stored, and Unicode."""

from experimentation.findings.figures import compared, disagreements, number, result_of, value
from experimentation.findings.finding import Finding, Measurements, Verdict, not_run

_CLOSE = 0.03
"""Relative difference below which two compression ratios are the same."""


def tokenizer_training(measurements: Measurements) -> Finding:
    """State time, memory and longest token; at full size the longest tokens are compared with those reported.

    Time and memory are of another machine and another program, and are not judged.
    """
    sentences = []
    for result in measurements.results:
        seconds, peak = value(result, "seconds"), value(result, "peak_memory_bytes")
        memory = "" if peak is None else f" and {peak / 1e9:.2f} GB of memory"
        size, longest = value(result, "vocab_size"), str(result.values.get("longest_token", ""))
        sentences.append(
            f"{result.name}: {number(size)} entries are learned in {number(seconds)} s{memory}; "
            f"the longest is “{longest}”."
        )
    tokens = [pair for pair in compared(measurements) if pair.name == "longest_token"]
    if not measurements.full_size or not tokens:
        return Finding(" ".join(sentences), "not comparable")
    wrong = disagreements(tokens)
    return Finding(
        " ".join([*sentences, *([f"{wrong}."] if wrong else [])]), "not reproduced" if wrong else "reproduced"
    )


def compression(measurements: Measurements) -> Finding:
    """Compare bytes per token of each tokenizer on each text.

    Reported: on web text, a tokenizer of stories compresses less than on stories, and less than the one of web text.
    """
    result = measurements.results[0]
    own, foreign, web = (value(result, name) for name in ("stories_on_stories", "stories_on_web", "web_on_web"))
    if own is None or foreign is None or web is None:
        return not_run("it needs both tokenizers on both texts")
    checks = [own > foreign, web > foreign]
    verdict: Verdict = "reproduced" if all(checks) else "partly reproduced" if any(checks) else "not reproduced"
    sentences = [
        f"The tokenizer of stories gives {own:.2f} bytes per token on stories and {foreign:.2f} on web text "
        f"({foreign / own - 1:+.0%}); that of web text gives {web:.2f} there."
    ]
    pairs = compared(measurements)
    if measurements.full_size and pairs:
        wrong = disagreements(pairs, _CLOSE)
        sentences.append(
            f"Other than reported: {wrong}." if wrong else f"All agree within {_CLOSE:.0%} with the reported."
        )
        verdict = "partly reproduced" if wrong and verdict == "reproduced" else verdict
    return Finding(" ".join(sentences), verdict)


def encoding_speed(measurements: Measurements) -> Finding:
    """State the speed of encoding; the reported one is of another machine and another program, and is not judged."""
    sentences = []
    for result in measurements.results:
        speed, hours = value(result, "megabytes_per_second"), value(result, "hours_for_825_gb")
        single = value(result, "megabytes_per_second_1_thread")
        if speed is None or hours is None:
            continue
        alone = "" if single is None else f" ({number(single)} with one thread)"
        sentences.append(f"{result.name}: {number(speed)} MB/s{alone}, so {number(hours)} hours for 825 GB.")
    if not sentences:
        return not_run("it needs a measured speed")
    sentences += [
        f"{pair.member}: {pair.measured / pair.reported:.1f} times the reported speed."
        for pair in compared(measurements)
        if pair.name == "megabytes_per_second"
        and isinstance(pair.measured, int | float)
        and isinstance(pair.reported, int | float)
    ]
    return Finding(" ".join(sentences), "not comparable")


def dtype(measurements: Measurements) -> Finding:
    """State which type stores ids, and what it saves."""
    files = result_of(measurements, "token files")
    rows = [] if files is None else [row for row in files.rows if isinstance(row.get("tokens"), int)]
    if not rows:
        return not_run("it needs token files")
    tokens, stored = sum(row["tokens"] for row in rows), sum(row["bytes"] for row in rows)
    largest, wide = max(row["largest_id"] for row in rows), sum(row["int64_bytes"] for row in rows)
    kinds = sorted({str(row["dtype"]) for row in rows})
    sentences = [
        f"The largest of {tokens:,} ids is {largest:,}, below 65,536: {' and '.join(kinds)} takes {stored:,} bytes, "
        f"{stored / wide:.2f} times as many as int64."
        if largest < 65_536
        else f"The largest of {tokens:,} ids is {largest:,}, too large for uint16: {' and '.join(kinds)} is used."
    ]
    overflow = result_of(measurements, "overflow")
    sentences += [
        f"As uint16, id {row['id']:,} would be read back as {row['stored_as_uint16']:,}."
        for row in ([] if overflow is None else overflow.rows[:1])
    ]
    return Finding(" ".join(sentences), "not comparable")


def unicode(measurements: Measurements) -> Finding:
    """State how many questions are answered, and how long the texts are in each encoding."""
    result = measurements.results[0]
    sentences = [f"{len(result.rows)} questions are answered by code that runs."] if result.rows else []
    for corpus in ("stories", "web"):
        sizes = [value(result, f"{corpus}_utf_{bits}_bytes") for bits in (8, 16, 32)]
        utf_8, utf_16, utf_32 = sizes
        if utf_8 and utf_16 and utf_32:
            sentences.append(
                f"The {corpus} text takes {utf_16 / utf_8:.2f} times as many bytes in UTF-16 as in UTF-8, and "
                f"{utf_32 / utf_8:.2f} times as many in UTF-32."
            )
    return Finding(" ".join(sentences), "not comparable") if sentences else not_run("it has no rows")
