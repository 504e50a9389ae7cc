"""Models kept in the files of `bpe.table_files`. No Numba here."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from bpe.compiled.calling import Arguments
from bpe.compiled.filled_cache import FilledCache
from bpe.compiled.missing_bytes import MissingBytes
from bpe.compiled.model import CompiledModel
from bpe.compiled.worker import Worker
from bpe.table_files import Section, TableFile, write_tables

_TEXT = "vocabulary_text"
_ARGUMENT, _CACHE = "argument ", "cache "


def keep_model(key: str, facts: Any, others: Mapping[str, Section], model: CompiledModel) -> None:
    """Write the file of a model.

    Args:
        key: the key of the tokenizer (`bpe.table_files.content_key`).
        facts: facts to keep besides.
        others: arrays to keep besides.
        model: the model, whose workers start with a copy of the filled cache from now on.
    """
    cache = model.filled_cache = Worker(model).cache()
    numbers = {position: value for position, value in model.arguments.items() if isinstance(value, int)}
    arrays = {f"{_ARGUMENT}{k}": value for k, value in model.arguments.items() if not isinstance(value, int)}
    arrays[_TEXT] = model.vocabulary_text
    arrays |= {f"{_CACHE}{field.name}": getattr(cache, field.name) for field in fields(cache)}
    sections = {
        name: Section(array.dtype.str, memoryview(array.ravel().view(np.uint8))) for name, array in arrays.items()
    }
    sections |= others
    missing = [model.missing.first_id, model.missing.values.hex()]
    content = {"facts": facts, "numbers": list(numbers.items()), "missing": missing}
    write_tables(key, content, sections)


def kept_model(file: TableFile) -> CompiledModel | None:
    """Return the model of a file, whose arrays are read-only, or None if the file is damaged."""
    if file.sections is None:
        return None
    arrays = {name: np.frombuffer(section.data, section.dtype) for name, section in file.sections.items()}
    arguments = Arguments()
    for position, number in file.facts["numbers"]:
        arguments[position] = number
    for name, array in arrays.items():
        if name.startswith(_ARGUMENT):
            arguments[int(name.removeprefix(_ARGUMENT))] = array
    cache = {name.removeprefix(_CACHE): array for name, array in arrays.items() if name.startswith(_CACHE)}
    filled = FilledCache.from_arrays(cache)
    first_id, values = file.facts["missing"]
    missing = MissingBytes(first_id, bytes.fromhex(values))
    return CompiledModel.from_tables(arguments, arrays[_TEXT], filled, missing)
