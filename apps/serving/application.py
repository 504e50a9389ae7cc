"""Which address is answered by what."""

import asyncio
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from serving.catalog import Catalog, ModelChoice, UnknownModelError, loss_curve, steps
from serving.completion_request import parse_completion
from serving.completions import Completion, error_object
from serving.engine import Engine
from serving.generation import Generation
from serving.guard import Guard
from serving.request import MAX_BODY_BYTES, BusyError, RequestError
from text_config import read_run_config

PAGE = Path(__file__).parent / "page"
RETRY_AFTER = "5"
"""Seconds after which a client that was refused for want of room should try again."""


def make_application(catalog: Catalog, engine: Engine, host: str) -> ASGIApp:
    """Return the application that answers requests to a host name or address."""
    watchers: set[asyncio.Task[None]] = set()

    async def models(_: Request) -> Response:
        return JSONResponse({"object": "list", "data": await run_in_threadpool(_model_list, catalog)})

    async def model(request: Request) -> Response:
        name = request.path_params["model"]
        await run_in_threadpool(_find, catalog, name)
        return JSONResponse(_model_object(name))

    async def runs(_: Request) -> Response:
        found = await run_in_threadpool(catalog.runs)
        return JSONResponse([{"name": name, "steps": steps(run)} for name, run in found.items()])

    async def run(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(_describe, catalog, request.query_params.get("name", "")))

    async def completions(request: Request) -> Response:
        asked = parse_completion(await _body(request))
        choice = await run_in_threadpool(_find, catalog, asked.generation.model)
        generation = engine.submit(asked.generation, choice)
        watcher = asyncio.create_task(_leave_with_client(request, generation))
        watchers.add(watcher)  # the loop keeps weak references only
        watcher.add_done_callback(watchers.discard)
        completion = Completion(asked, generation)
        await completion.start()
        if not asked.stream:
            return JSONResponse(await completion.whole())
        return StreamingResponse(completion.events(), media_type="text/event-stream")

    async def page(_: Request) -> Response:
        return FileResponse(PAGE / "index.html")

    routes = [
        Route("/", page),
        Mount("/page", StaticFiles(directory=PAGE)),
        Route("/api/runs", runs),
        Route("/api/run", run),
        Route("/v1/models", models),
        Route("/v1/models/{model:path}", model),
        Route("/v1/completions", completions, methods=["POST"]),
    ]
    app = Starlette(routes=routes, exception_handlers={RequestError: _refuse, HTTPException: _refuse_http})
    return Guard(app, host)


def error_response(error: RequestError) -> Response:
    """Return the answer to a request that is refused."""
    headers = {"Retry-After": RETRY_AFTER} if isinstance(error, BusyError) else None
    return JSONResponse(error_object(error), error.status, headers)


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    return error_response(error)


async def _refuse_http(request: Request, error: Exception) -> Response:
    """Answer what no route is made for."""
    assert isinstance(error, HTTPException)
    message = {404: f"there is nothing at {request.url.path[:100]}", 405: f"{request.method} is not possible here"}
    return error_response(RequestError(message.get(error.status_code, error.detail), status=error.status_code))


async def _body(request: Request) -> bytes:
    """Read the body of a request.

    Raises:
        RequestError: it is not JSON, which pages of other sites cannot send unasked, or it is too large.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RequestError("the Content-Type is not application/json: send JSON", status=415)
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise RequestError(f"the request is larger than {MAX_BODY_BYTES} bytes: shorten it", status=413)
    return body


async def _leave_with_client(request: Request, generation: Generation) -> None:
    """Drop the texts of a client that disconnects; after the answer, when this ends too, it makes no difference."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    generation.leave()


def _find(catalog: Catalog, model: str) -> ModelChoice:
    try:
        return catalog.find(model)
    except (UnknownModelError, OSError) as error:
        raise RequestError(str(error), status=404, field="model") from None


def _model_list(catalog: Catalog) -> list[dict[str, Any]]:
    """Return each run, by which its latest checkpoint is meant, and each checkpoint."""
    found = catalog.runs().items()
    return [_model_object(name + at) for name, run in found for at in ("", *(f"@{step}" for step in steps(run)))]


def _model_object(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "you"}


def _describe(catalog: Catalog, name: str) -> dict[str, Any]:
    """Return the model and the loss curve of a run."""
    try:
        run = catalog.run(name)
        config = read_run_config(run).model
        curve = loss_curve(run)
    except UnknownModelError as error:
        raise RequestError(str(error), status=404, field="name") from None
    except (ValueError, OSError) as error:
        raise RequestError(str(error), status=409) from None
    shape = {"layers": config.num_layers, "width": config.d_model, "context": config.context_length}
    return {**curve, "model": {**shape, "vocabulary": config.vocab_size}}
