"""The worker of the tokenizer's benchmark: takes a request (JSON) as its only argument and prints one line of JSON.

Tasks:
    encode: first, cold and warm calls of a file -> array of ids.
    ids: the ids of a file without those of the separator, saved for comparison.
    startup: a fresh process from its start to the ids of a file.
    short: a fresh process from its start to the ids of a few words.
    token_file: file -> token file.
    train: file -> vocabulary.
"""

import gc
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.common.peak_memory import peak_bytes

_SHORT_TEXT = "Once upon a time, there was a tokenizer."
_WARM_UP_TEXT = "Warm up: 1 text.\n"


def measure(request: dict[str, Any]) -> dict[str, Any]:
    """Run the task of a request and return its measurements."""
    tasks: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
        "encode": _encode,
        "ids": _ids,
        "startup": _startup,
        "short": _short,
        "token_file": _token_file,
        "train": _train,
    }
    return tasks[request["task"]](request)


def _library(request: dict[str, Any]) -> Any:
    """Load the library and GPT-2's vocabulary."""
    if request["library"] == "ours":
        from benchmarks.tokenizer.adapters.ours import Ours

        return Ours(request["files"], request["threads"])
    from benchmarks.tokenizer.adapters import peers

    classes = {
        "gigatoken": peers.Gigatoken,
        "gigatoken-bytes": peers.GigatokenBytes,
        "tiktoken": peers.Tiktoken,
        "tokenizers": peers.Tokenizers,
        "fastokens": peers.Fastokens,
    }
    return classes[request["library"]](request["files"], request["threads"])


def _loaded(request: dict[str, Any]) -> Any:
    """Load the library after a first call, so that modules, kernels and threads exist before anything is timed.

    The first call is made with another tokenizer: the one that is measured has not encoded anything.
    """
    import tempfile

    if request["library"] == "ours":
        from benchmarks.tokenizer.adapters import ours

        ours.load_kernels()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "text.txt")
        path.write_text(_WARM_UP_TEXT, "utf-8")
        _library(request).encode_file(str(path))
    return _prepared(request)


def _prepared(request: dict[str, Any]) -> Any:
    """Load the library and GPT-2's vocabulary, and build everything that does not depend on the text."""
    library = _library(request)
    if request["library"] == "ours":
        library.prepare()
    return library


def _timed(call: Callable[[], Any]) -> float:
    """Return the seconds that a call takes, without those of freeing its result."""
    gc.collect()
    start = time.perf_counter()
    result = call()
    seconds = time.perf_counter() - start
    del result
    return seconds


def _encode(request: dict[str, Any]) -> dict[str, Any]:
    start = time.perf_counter()
    library = _loaded(request)
    load = time.perf_counter() - start
    path = request["path"]
    first = _timed(lambda: library.encode_file(path))
    warm = [_timed(lambda: library.encode_file(path)) for _ in range(request["warm_calls"])]
    library = _prepared(request)
    cold = _timed(lambda: library.encode_file(path))
    return {"load": load, "first": first, "warm": sorted(warm)[len(warm) // 2], "cold": cold, "peak": peak_bytes()}


def _ids(request: dict[str, Any]) -> dict[str, Any]:
    import numpy as np

    library = _loaded(request)
    ids = library.as_array(library.encode_file(request["path"]))
    if library.separator_ids:
        ids = ids[~np.isin(ids, list(json.loads(request["files"]["special_tokens"]).values()))]
    np.save(request["ids_path"], ids.astype(np.uint32))
    return {"ids": len(ids)}


def _startup(request: dict[str, Any]) -> dict[str, Any]:
    ids = _library(request).encode_file(request["path"])
    seconds = time.monotonic() - request["started"]
    del ids
    return {"seconds": seconds, "peak": peak_bytes()}


def _short(request: dict[str, Any]) -> dict[str, Any]:
    _library(request).encode_text(_SHORT_TEXT)
    return {"seconds": time.monotonic() - request["started"]}


def _token_file(request: dict[str, Any]) -> dict[str, Any]:
    library = _loaded(request)
    before = peak_bytes()
    seconds = _timed(lambda: library.encode_to_token_file(request["path"], request["token_path"]))
    return {"seconds": seconds, "peak": peak_bytes(), "peak_before": before}


def _train(request: dict[str, Any]) -> dict[str, Any]:
    if request["library"] == "ours":
        from benchmarks.tokenizer.adapters import ours

        ours.load_kernels()
        train = ours.train
    else:
        from benchmarks.tokenizer.adapters import peers_training

        train = {
            "gigatoken": peers_training.gigatoken,
            "rustbpe": peers_training.rustbpe,
            "tokenizers": peers_training.tokenizers,
        }[request["library"]]
    start = time.perf_counter()
    tokens = train(request["path"], request["vocab_size"])
    seconds = time.perf_counter() - start
    peak = peak_bytes()
    Path(request["tokens_path"]).write_text(json.dumps([token.hex() for token in tokens]), "ascii")
    return {"seconds": seconds, "peak": peak, "entries": len(tokens)}


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(sys.argv[1]))))
