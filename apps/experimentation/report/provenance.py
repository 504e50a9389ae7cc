"""Where the results of a report come from: machine, versions, code, texts, time."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from run_page.results import duration

if TYPE_CHECKING:
    from experimentation.report.chapters import Collection

Environment = Mapping[str, Any]
"""What a file of results says about where it was measured; anything may be missing."""


def facts(collection: "Collection") -> tuple[tuple[str, str], ...]:
    """Return names and values for the top of the page; what differs between experiments is listed."""
    environments = collection.environments
    rows = [
        ("scale", collection.scale),
        ("machine", _all(environments, _machine)),
        ("versions", _all(environments, _versions)),
        ("code", _all(environments, _revision)),
        ("first corpus", _all(environments, lambda each: _corpus(each, "text"))),
        ("second corpus", _all(environments, lambda each: _corpus(each, "other_text"))),
        ("results", _runs(collection)),
        ("time of all members, one after another", duration(sum(collection.seconds.values()))),
    ]
    return tuple((name, value) for name, value in rows if value)


def _all(environments: Iterable[Environment], describe: Callable[[Environment], str]) -> str:
    """Return all different descriptions, in the order of their first appearance."""
    return "; ".join(dict.fromkeys(text for each in environments if (text := describe(each))))


def _machine(environment: Environment) -> str:
    gpus = environment.get("gpus") or []
    names = [str(gpu.get("name")) for gpu in gpus if isinstance(gpu, Mapping)]
    cores, memory = environment.get("usable_cpus"), environment.get("memory_bytes")
    parts = [f"{names.count(name)} × {name}" for name in dict.fromkeys(names)]
    parts += [str(environment["cpu"])] if environment.get("cpu") else []
    parts += [f"{cores} cores"] if cores else []
    parts += [f"{memory / 1e9:.1f} GB"] if isinstance(memory, int | float) else []
    parts += [str(environment["platform"])] if environment.get("platform") else []
    return ", ".join(parts)


def _versions(environment: Environment) -> str:
    versions = environment.get("versions")
    known = {"Python": environment.get("python"), "CUDA": environment.get("cuda")}
    known |= versions if isinstance(versions, Mapping) else {}
    return ", ".join(f"{name} {version}" for name, version in known.items() if version)


def _revision(environment: Environment) -> str:
    git = environment.get("git")
    if not isinstance(git, Mapping) or not git.get("revision"):
        return ""
    return f"commit {git['revision']}{', with changes' if git.get('dirty') else ''}"


def _corpus(environment: Environment, key: str) -> str:
    texts = environment.get("texts")
    text = texts.get(key) if isinstance(texts, Mapping) else None
    if not isinstance(text, Mapping):
        return ""
    parts = [f"{text.get('name', '')} ({text['source']})" if text.get("source") else str(text.get("name", ""))]
    for name, title in (
        ("train_bytes", "bytes to train on"),
        ("train_tokens", "tokens to train on"),
        ("valid_bytes", "bytes to validate on"),
        ("valid_tokens", "tokens to validate on"),
        ("vocab_size", "entries of the vocabulary"),
    ):
        parts += [f"{text[name]:,} {title}"] if isinstance(text.get(name), int) else []
    return ", ".join(parts)


def _runs(collection: "Collection") -> str:
    diverged = f", of which {collection.diverged} diverged" if collection.diverged else ""
    missing = f"; {collection.missing} not run" if collection.missing else ""
    return f"{len(collection.seconds)} members{diverged}{missing}"
