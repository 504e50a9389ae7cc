"""The content of `state.json`, and how it is encoded and decoded.

    {"format": 2, "step": 1000, "run_id": …, "elapsed_seconds": …, "config_digest": …, "schedule": {…},
     "valid_loss": …, "best_loss": …, "best_step": …, "rng": [{…}], "extras": {…},
     "files": {"model.safetensors": {"size": …, "sha256": …}, "optimizer.safetensors": {…}},
     "model": tree, "optimizer_class": …, "optimizer": tree, "sha256": of everything else}

The trees are those of `state_tree.flatten`. Format 1, which had no hashes and called the step `iteration`, can be read
too. This module does not load torch.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trainer.checkpoints.errors import CheckpointError, StateError

FORMAT = 2
STATE_FILE = "state.json"
MODEL_FILE = "model.safetensors"
OPTIMIZER_FILE = "optimizer.safetensors"

MAX_STATE_BYTES = 1 << 26  # a model of ten thousand tensors needs about 2 MB
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")  # valid as a file name and as an id of Weights & Biases
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Progress:
    """The progress of a run: what a checkpoint contains besides the model and the optimizer."""

    step: int
    """Updates so far."""
    run_id: str | None = None
    """Identifies the run; the same after it is resumed."""
    elapsed_seconds: float = 0.0
    """Time spent in training, over all sessions of the run."""
    config_digest: str | None = None
    """`digest` of the configuration."""
    schedule: Mapping[str, Any] = field(default_factory=dict)
    """Settings and state of the learning-rate schedule, as JSON."""
    valid_loss: float | None = None
    """Validation loss at this step; None if it was not measured."""
    best_loss: float | None = None
    """Lowest validation loss so far."""
    best_step: int | None = None
    """The step of `best_loss`."""
    rng: tuple[Mapping[str, Any], ...] = ()
    """What `capture_rng` returned in each process of the run, by rank."""
    extras: Mapping[str, Any] = field(default_factory=dict)
    """Anything else, as JSON."""

    def __post_init__(self) -> None:
        _require(_is_count(self.step), "step", self.step, "an integer of at least 0")
        known = self.run_id is None or _is_run_id(self.run_id)
        _require(known, "run_id", self.run_id, "1 to 128 letters, digits, dots, dashes and underscores")
        positive = _is_finite(self.elapsed_seconds) and self.elapsed_seconds >= 0
        _require(positive, "elapsed_seconds", self.elapsed_seconds, "a number of at least 0")
        known = self.config_digest is None or _is_digest(self.config_digest)
        _require(known, "config_digest", self.config_digest, "64 hexadecimal digits")
        for name in ("valid_loss", "best_loss"):
            loss = getattr(self, name)
            _require(loss is None or _is_finite(loss), name, loss, "a finite number")
        known = self.best_step is None or (_is_count(self.best_step) and self.best_step <= self.step)
        _require(known, "best_step", self.best_step, "at most the step of the checkpoint")
        _require(
            (self.best_step is None) == (self.best_loss is None),
            "best_step",
            self.best_step,
            "given together with best_loss",
        )
        for name in ("schedule", "extras"):
            _require_json(getattr(self, name), name)
            _require(isinstance(getattr(self, name), dict), name, getattr(self, name), "a dictionary")
        _require(isinstance(self.rng, tuple), "rng", self.rng, "a tuple with one entry for each process")
        for state in self.rng:
            _require_json(state, "rng")
            _require(isinstance(state, dict), "rng", state, "what capture_rng returns")


@dataclass(frozen=True)
class FileRecord:
    """Size and hash of a file, by which damage is detected."""

    size: int
    """Bytes."""
    sha256: str
    """SHA-256 of the content, in hexadecimal digits."""


@dataclass(frozen=True)
class StoredState:
    """The content of `state.json`."""

    progress: Progress
    model: Any
    """Tree of the model's state_dict."""
    optimizer_class: str | None
    optimizer: Any
    """Tree of the optimizer's state_dict; None if the model was saved alone."""
    files: Mapping[str, FileRecord] | None
    """The tensor files; None for format 1, which did not record them."""


def digest(value: Any) -> str:
    """Return the SHA-256 of a JSON value; the order of keys does not matter."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def encode_state(state: StoredState) -> bytes:
    """Return the bytes of `state.json`."""
    if state.files is None:
        raise ValueError("files is None: a checkpoint of the current format records its files")
    body = {
        "format": FORMAT,
        **vars(state.progress),
        "files": {name: vars(record) for name, record in state.files.items()},
        "model": state.model,
        "optimizer_class": state.optimizer_class,
        "optimizer": state.optimizer,
    }
    try:
        return json.dumps({**body, "sha256": _body_digest(body)}).encode() + b"\n"
    except RecursionError:
        raise StateError("the state is nested too deeply for a checkpoint") from None


def decode_state(data: bytes) -> StoredState:
    """Return the content of `state.json`.

    Raises:
        CheckpointError: it is damaged or of another format. The message does not name the file.
    """
    try:
        body = json.loads(data)
        return _decode(body)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:  # including CheckpointError
        raise CheckpointError(shorten(str(error))) from None


def shorten(message: str) -> str:
    """Return a message as one line of ASCII of limited length, since it may quote a malicious file."""
    line = " ".join(message.split()).encode("ascii", "backslashreplace").decode()
    return line if len(line) <= 300 else f"{line[:300]}…"


def _decode(body: Any) -> StoredState:
    if not isinstance(body, dict) or not _is_count(body.get("format")):
        raise CheckpointError("it does not describe a checkpoint")
    if body["format"] > FORMAT:
        raise CheckpointError(
            f"it has format {body['format']}, of a later version of this package, which reads formats up to {FORMAT}"
        )
    if not {"model", "optimizer"} <= body.keys():
        raise CheckpointError("it contains no model")
    optimizer_class = body.get("optimizer_class")
    names = body["model"]
    if not isinstance(optimizer_class, str | None) or not isinstance(names, dict) or any(n[:1] == "$" for n in names):
        raise CheckpointError("the description of the model or the optimizer is malformed")
    if body["format"] == 1:
        return StoredState(
            Progress(step=body.get("iteration", -1)), body["model"], optimizer_class, body["optimizer"], None
        )
    expected = body.pop("sha256", None)
    if expected != _body_digest(body):
        raise CheckpointError("its content does not match its own hash")
    fields = {name: body[name] for name in Progress.__dataclass_fields__ if name in body}
    if isinstance(fields.get("rng"), list):
        fields["rng"] = tuple(fields["rng"])
    progress = Progress(**{"step": -1, **fields})
    return StoredState(progress, body["model"], optimizer_class, body["optimizer"], _decode_files(body.get("files")))


def _decode_files(files: Any) -> dict[str, FileRecord]:
    if not isinstance(files, dict) or files.keys() != {MODEL_FILE, OPTIMIZER_FILE}:
        raise CheckpointError(f"it does not list the files {MODEL_FILE} and {OPTIMIZER_FILE}")
    records = {}
    for name, record in files.items():
        if not isinstance(record, dict) or not _is_count(record.get("size")) or not _is_digest(record.get("sha256")):
            raise CheckpointError(f"it does not record size and hash of {name}")
        records[name] = FileRecord(record["size"], record["sha256"])
    return records


def _body_digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, separators=(",", ":")).encode()).hexdigest()  # in the order of the file


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _is_finite(value: Any) -> bool:
    return (type(value) is float and math.isfinite(value)) or (type(value) is int and abs(value) < 2**63)


def _is_run_id(value: Any) -> bool:
    return isinstance(value, str) and _RUN_ID.fullmatch(value) is not None


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def _require(fine: bool, name: str, value: Any, allowed: str) -> None:
    if not fine:
        raise ValueError(f"{name} is {shorten(repr(value))}, but it must be {allowed}")


def _require_json(value: Any, name: str) -> None:
    """Refuse what JSON would decode to something else, such as a tuple or a key that is a number."""
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        for key, item in value.items():
            _require_json(item, f"{name}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _require_json(item, f"{name}.{index}")
    elif not (value is None or isinstance(value, bool | int | float | str)):
        raise StateError(f"{name} is {shorten(repr(value))}, which cannot be stored as JSON without change")
