"""One measurement in a process of its own: a request (JSON) as the only argument in, one line of JSON out.

Tasks:
    encode: first, cold and warm calls of a file -> array of ids.
    ids: a file's ids without those of the separator, saved for comparison.
    startup: all that a fresh process does up to the ids of a file.
    short: all that a fresh process does up to the ids of a few words.
    token_file: a file into a token file.
    train: a vocabulary from a file.
"""

import gc
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from peak_memory import peak_bytes

_SHORT_TEXT = "Once upon a time, there was a tokenizer."
_WARM_UP_TEXT = "Warm up: 1 text.\n"


def main(request: dict[str, Any]) -> dict[str, Any]:
    """Carry out a request."""
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
        import tokenizer_ours

        return tokenizer_ours.Ours(request["files"], request["threads"])
    import tokenizer_peers

    classes = {
        "gigatoken": tokenizer_peers.Gigatoken,
        "gigatoken-bytes": tokenizer_peers.GigatokenBytes,
        "tiktoken": tokenizer_peers.Tiktoken,
        "tokenizers": tokenizer_peers.Tokenizers,
        "fastokens": tokenizer_peers.Fastokens,
    }
    return classes[request["library"]](request["files"], request["threads"])


def _loaded(request: dict[str, Any]) -> Any:
    """Load the library and make a first call, so that modules, kernels and threads are there when the clock starts.

    The few words go to a tokenizer of their own: the one that is measured has seen nothing.
    """
    import tempfile

    if request["library"] == "ours":
        import tokenizer_ours

        tokenizer_ours.load_kernels()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "text.txt")
        path.write_text(_WARM_UP_TEXT, "utf-8")
        _library(request).encode_file(str(path))
    return _prepared(request)


def _prepared(request: dict[str, Any]) -> Any:
    """Load the library and GPT-2's vocabulary, with all that can be made before a text is there."""
    library = _library(request)
    if request["library"] == "ours":
        library.prepare()
    return library


def _timed(call: Callable[[], Any]) -> float:
    """Return the seconds that a call takes; its result is thrown away after the clock has stopped."""
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
        import tokenizer_ours

        tokenizer_ours.load_kernels()
        train = tokenizer_ours.train
    else:
        import tokenizer_peers_training

        train = {
            "gigatoken": tokenizer_peers_training.gigatoken,
            "rustbpe": tokenizer_peers_training.rustbpe,
            "tokenizers": tokenizer_peers_training.tokenizers,
        }[request["library"]]
    start = time.perf_counter()
    tokens = train(request["path"], request["vocab_size"])
    seconds = time.perf_counter() - start
    peak = peak_bytes()
    Path(request["tokens_path"]).write_text(json.dumps([token.hex() for token in tokens]), "ascii")
    return {"seconds": seconds, "peak": peak, "entries": len(tokens)}


if __name__ == "__main__":
    answer = main(json.loads(sys.argv[1]))
    print(json.dumps(answer))
