"""Where a run comes from: its data, and the machines, versions and code of its sessions."""

import shlex
from collections.abc import Mapping
from typing import Any

from run_page.markup import Html, details, element, join, table
from run_page.record import RunRecord


def data(record: RunRecord) -> Html:
    """Return the texts that were encoded, and the token files with their fingerprints."""
    given = record.config.data
    names = {"corpus": given.corpus, "training text": given.train_text, "validation text": given.valid_text}
    sources = table([(name, value) for name, value in names.items() if value is not None])
    return join([sources, table(_token_files(record), head=("token file", "tokens", "fingerprint", "tokenizer"))])


def _token_files(record: RunRecord) -> list[tuple[object, ...]]:
    """Return a row for each token file: what it is for, its path, its size and hashes."""
    rows: list[tuple[object, ...]] = []
    for use, name in (("train", "training"), ("valid", "validation")):
        files = record.data.get(use)
        for file in files if isinstance(files, list) else ():
            if isinstance(file, dict):
                count, digest = file.get("count"), f"{file.get('method', '')} {file.get('digest', '')}"
                shown = f"{count:,}" if isinstance(count, int) else "not known"
                tokenizer = str(file.get("tokenizer_sha256") or "not known")
                path = join([f"{name}: ", element("code", file.get("path", ""))])
                rows.append((path, shown, element("code", digest), element("code", tokenizer)))
    return rows


def environment(record: RunRecord) -> Html:
    """Return the last session, and the earlier ones folded."""
    if not record.sessions:
        return Html()
    *earlier, last = record.sessions
    folded = [details(f"Session {number}", _session(each)) for number, each in enumerate(earlier, 1)]
    return join([_session(last), *folded])


def _session(session: Mapping[str, Any]) -> Html:
    """Return what is known about a session; an entry that is damaged is left away."""
    rows: list[tuple[str, object]] = [("started", str(session.get("started", "not known")))]
    if first_step := session.get("first_step"):
        rows.append(("resumed after step", str(first_step)))
    command = session.get("command")
    if isinstance(command, list):
        rows.append(("command", element("code", shlex.join(map(str, command)))))
    gpus = session.get("gpus")
    names = [str(gpu.get("name")) for gpu in gpus if isinstance(gpu, dict)] if isinstance(gpus, list) else []
    memory = session.get("memory_bytes")
    rows += [
        ("device", session.get("device")),
        ("GPUs", ", ".join(f"{names.count(name)} × {name}" for name in dict.fromkeys(names))),
        ("CPU", f"{session.get('cpu')}, {session.get('usable_cpus')} cores, {session.get('threads')} threads"),
        ("memory", f"{memory / 1e9:.1f} GB" if isinstance(memory, int) else None),
        ("system", session.get("platform")),
        ("versions", _versions(session)),
        ("code", _revision(session.get("git"))),
    ]
    return table([(name, value) for name, value in rows if value])


def _versions(session: Mapping[str, Any]) -> str:
    versions = session.get("versions")
    known = {"Python": session.get("python"), "CUDA": session.get("cuda")}
    known |= versions if isinstance(versions, dict) else {}
    return ", ".join(f"{name} {version}" for name, version in known.items() if version)


def _revision(git: object) -> str | None:
    """Return the commit that the code is from, and whether it was changed."""
    if not isinstance(git, dict) or not git.get("revision"):
        return None
    changed = f", with changes ({git['diff']})" if git.get("diff") else ", with changes" if git.get("dirty") else ""
    return f"commit {git['revision']}{changed}"
