"""One thread that owns the models and generates for all requests at once.

Requests are admitted in the order in which they came. One that wants a model which is in memory joins its batch at the
next token; two models take turns, token by token. One that does not fit waits, and all later ones with it, so that none
waits forever.
"""

import asyncio
import threading
import traceback
from collections import deque
from typing import TYPE_CHECKING

from serving.catalog import ModelChoice
from serving.generation import Generation
from serving.request import MAX_TEXTS, MAX_WAITING, MODELS_KEPT, BusyError, GenerationRequest, RequestError

if TYPE_CHECKING:
    from serving.batch import Batch
    from serving.models import Models


class Engine:
    """Generates texts for requests; `submit` is called by the server's event loop."""

    def __init__(self, device: str = "auto") -> None:
        """Start the thread, which begins to load torch."""
        self._device = device
        self._waiting: deque[Generation] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._batches: dict[ModelChoice, Batch] = {}
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def submit(self, request: GenerationRequest, choice: ModelChoice) -> Generation:
        """Put a request into the queue.

        Raises:
            BusyError: too many are waiting.
            RequestError: the thread has ended.
        """
        generation = Generation(request, choice, asyncio.get_running_loop())
        with self._changed:
            if self._closed:
                raise _stopped()
            self._drop_cancelled()
            if len(self._waiting) >= MAX_WAITING:
                raise BusyError
            self._waiting.append(generation)
            self._changed.notify()
        return generation

    def close(self) -> None:
        """End the thread at its next token."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._serve()
        except Exception as error:
            traceback.print_exception(error)
        with self._changed:
            self._closed = True
            for generation in self._waiting:
                generation.post(_stopped())

    def _serve(self) -> None:
        from serving.models import Models  # loads torch, while the server is answering already

        models = Models(self._device)
        while self._wait_for_work():
            while (generation := self._next_that_fits()) is not None:
                self._begin(generation, models)
            for choice, batch in list(self._batches.items()):
                self._step(choice, batch)

    def _wait_for_work(self) -> bool:
        """Return whether there is something to generate, False at the end."""
        with self._changed:
            while not (self._waiting or self._batches or self._closed):
                self._changed.wait()
            return not self._closed

    def _next_that_fits(self) -> Generation | None:
        """Take the first request from the queue, if there are rows and memory for it."""
        with self._changed:
            self._drop_cancelled()
            if not self._waiting:
                return None
            first = self._waiting[0]
            rows = sum(len(batch.rows) for batch in self._batches.values())
            loaded = first.choice in self._batches or len(self._batches) < MODELS_KEPT
            return self._waiting.popleft() if loaded and rows + first.request.texts <= MAX_TEXTS else None

    def _begin(self, generation: Generation, models: "Models") -> None:
        """Let a request join the batch of its model."""
        from serving.batch import Batch

        choice = generation.choice
        try:
            batch = self._batches.get(choice) or Batch(models.get(choice, in_use=self._batches))
            batch.add(generation)
        except Exception as error:
            generation.post(_as_request_error(error))
        else:
            self._batches[choice] = batch

    def _step(self, choice: ModelChoice, batch: "Batch") -> None:
        """Draw a token for each text of a model; what goes wrong ends these texts, not the server."""
        try:
            batch.step()
        except Exception as error:
            for generation in {row.generation: None for row in batch.rows}:
                generation.post(_as_request_error(error))
                generation.cancel()
        if not batch.rows:
            batch.close()
            del self._batches[choice]

    def _drop_cancelled(self) -> None:
        """Remove requests whose clients have left."""
        self._waiting = deque(generation for generation in self._waiting if not generation.cancelled)


def _stopped() -> RequestError:
    return RequestError("the engine has stopped: see what the server has printed", status=500)


def _as_request_error(error: Exception) -> RequestError:
    """Return the error that the client is sent; one that is nobody's mistake is printed here besides."""
    if isinstance(error, ValueError | OSError):
        return RequestError(str(error))
    traceback.print_exception(error)
    return RequestError(f"the model has failed: {type(error).__name__}: {error}", status=500)
