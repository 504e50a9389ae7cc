"""A server for the tests of the playground, on a free port, in this process."""

import threading
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from playground import listen
from serving.application import make_application
from serving.catalog import Catalog
from serving.engine import Engine


@dataclass
class Served:
    address: str
    engine: Engine


@contextmanager
def serving(folder):
    """Serve the runs below a folder."""
    engine, listening = Engine("cpu"), listen("127.0.0.1", 0)
    application = make_application(Catalog(folder), engine, "127.0.0.1")
    server = uvicorn.Server(uvicorn.Config(application, lifespan="off", ws="none", log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield Served(f"http://127.0.0.1:{listening.getsockname()[1]}", engine)
    finally:
        server.should_exit = server.force_exit = True
        thread.join()
        engine.close()
        listening.close()
