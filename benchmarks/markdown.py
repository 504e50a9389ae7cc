"""What all pages of results have in common."""

from collections.abc import Mapping, Sequence
from typing import Any


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table: the first column to the left, the others to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def conditions(
    section: Mapping[str, Any], how: str = "repetitions: {}, interleaved, each in a fresh process"
) -> list[str]:
    """Return the lines of a list that say how, when and on what a section was measured.

    Args:
        section: the section.
        how: what is told of the repetitions, with `{}` for how many they were.
    """
    machine, versions = section["machine"], section["versions"]
    return [
        f"- Command: `{section['command']}`",
        f"- Date: {section['date']}; {how.format(section['repetitions'])}",
        f"- Machine: {machine['processor']}, {machine['cores']} cores, {machine['memory_bytes'] / 2**30:.0f} GiB, "
        f"{machine['system']}, Python {machine['python']}",
        "- Versions: " + ", ".join(f"{name} {version or 'not installed'}" for name, version in versions.items()),
    ]
