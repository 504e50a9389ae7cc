"""The tensors of a Hugging Face folder, in one safetensors file or several with an index, read one at a time."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from nn.interchange.errors import InterchangeError

SINGLE_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"


@dataclass(frozen=True)
class StoredTensor:
    """A tensor that is still in its file."""

    file: Any
    """The file as `safe_open` returns it."""
    name: str
    """Its name in the file."""
    shape: tuple[int, ...]
    """Its shape."""
    dtype: str
    """As safetensors spells it: F32, BF16, F16, …"""

    def read(self) -> Tensor:
        """Return the tensor, which may share the memory of the mapped file: copy it before changing it."""
        return self.file.get_tensor(self.name)


@contextmanager
def open_tensors(folder: Path) -> Iterator[Mapping[str, StoredTensor]]:
    """Open all files of a folder and list their tensors.

    Raises:
        InterchangeError: a file is missing or damaged, or the index does not match the files.
    """
    index = None if (folder / SINGLE_FILE).is_file() else _read_index(folder)
    names = [SINGLE_FILE] if index is None else sorted(set(index.values()))
    stored: dict[str, StoredTensor] = {}
    with ExitStack() as stack:
        for name in names:
            for tensor in _open_file(folder / name, stack):
                if index is not None and index.get(tensor.name) != name:
                    raise InterchangeError(
                        f"{folder / name} contains {tensor.name}, unlike {INDEX_FILE}: download both"
                    )
                stored[tensor.name] = tensor
        if index is not None and (lost := sorted(index.keys() - stored.keys())):
            raise InterchangeError(
                f"{folder / index[lost[0]]} does not contain {lost[0]}, unlike {INDEX_FILE}: download the file again"
            )
        yield stored


def _open_file(path: Path, stack: ExitStack) -> list[StoredTensor]:
    try:
        file = stack.enter_context(safe_open(os.fspath(path), framework="pt"))
        found = []
        for name in file.keys():  # noqa: SIM118 it is not a dictionary
            view = file.get_slice(name)
            found.append(StoredTensor(file, name, tuple(view.get_shape()), view.get_dtype()))
    except FileNotFoundError:
        raise InterchangeError(f"{path} is missing: download the whole model") from None
    except SafetensorError as error:
        raise InterchangeError(f"{path} is truncated or damaged ({error}): download it again") from None
    return found


def _read_index(folder: Path) -> dict[str, str]:
    """Return the file of each tensor."""
    path = folder / INDEX_FILE
    if not path.is_file():
        other = sorted(file.name for file in folder.glob("pytorch_model*.bin"))
        hint = f"; {other[0]} is a pickle, which is never opened: save the model as safetensors" if other else ""
        raise InterchangeError(
            f"{folder} has neither {SINGLE_FILE} nor {INDEX_FILE}{hint or ': choose another folder'}"
        )
    weight_map = read_json_object(path).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise InterchangeError(f"{path} has no weight_map: download it again")
    for name in weight_map.values():
        if not isinstance(name, str) or Path(name).name != name:
            raise InterchangeError(f"{path} refers to the file {name!r}: only files in the same folder are read")
    return weight_map


def read_json_object(path: Path) -> dict[str, Any]:
    """Read a file that contains one JSON object.

    Raises:
        InterchangeError: the file is missing or contains something else.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise InterchangeError(f"{path} is missing: give a folder written by transformers' save_pretrained") from None
    except (ValueError, RecursionError) as error:
        raise InterchangeError(f"{path} is not valid JSON ({error}): download it again") from None
    if not isinstance(content, dict):
        raise InterchangeError(f"{path} does not contain a JSON object: download it again")
    return content
