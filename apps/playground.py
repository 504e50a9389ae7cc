"""Try trained models on a local page: `uv run apps/playground.py runs`, then open http://127.0.0.1:8000."""

import ipaddress
import re
import signal
import socket
import sys
from argparse import Namespace
from contextlib import nullcontext
from pathlib import Path

from command import INTERRUPTED, CommandLineParser, exit_at_once, run_command, say, whole_number
from serving.catalog import Catalog


def parse(arguments: list[str]) -> Namespace:
    """Read the command line."""
    parser = CommandLineParser(
        "Try trained models on a local page, and serve them as OpenAI's completions API does.",
        usage="[RUN or FOLDER] [OPTIONS]",
        examples=("", "runs/quickstart --port 9000"),
    )
    add = parser.add_argument
    help_runs = "a run's folder, or a folder of runs (default runs)"
    add("runs", type=Path, nargs="?", default=Path("runs"), metavar="RUN or FOLDER", help=help_runs)
    add("--port", type=whole_number, default=8000, metavar="N", help="0 chooses a free one (default 8000)")
    add("--host", default="127.0.0.1", help="the address to listen on (default 127.0.0.1: only this machine)")
    add("--device", default="auto", help="auto, cpu, cuda, … (default auto)")
    return parser.parse_all(arguments)


def main(arguments: list[str]) -> None:
    """Serve until Ctrl-C."""
    given = parse(arguments)
    if not 0 <= given.port < 2**16:
        raise ValueError(f"--port is {given.port}: give a number from 0 to 65535")
    catalog = open_catalog(given.runs)
    with listen(given.host, given.port) as listening:
        check_device(given.device)
        serve(catalog, listening, given.host, given.device)


def open_catalog(folder: Path) -> Catalog:
    """Return the runs below a folder.

    Raises:
        ValueError: there are none.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder: give a run or a folder of runs, or make one: apps/quickstart.py")
    catalog = Catalog(folder)
    if not catalog.runs():
        raise ValueError(
            f"{folder} contains no run that has a checkpoint and a tokenizer: make one: apps/quickstart.py"
        )
    return catalog


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on this address.

    Raises:
        ValueError: that is not possible; the message says why.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen()
        except BaseException:
            listening.close()
            raise
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"cannot listen on {host}, port {port} ({reason}): choose another --port or --host") from None
    return listening


def check_device(name: str) -> None:
    """Refuse a device that this machine does not have.

    Raises:
        ValueError: there is no such device.
    """
    if name == "auto" or name == "cpu":
        return
    if not re.fullmatch(r"[a-z]+(:[0-9]+)?", name):
        raise ValueError(f"--device is {name!r}: give auto, cpu, cuda or mps")
    from trainer import choose_device  # loads torch

    choose_device(name)


def serve(catalog: Catalog, listening: socket.socket, host: str, device: str) -> None:
    """Answer requests until the process is interrupted."""
    import uvicorn

    from serving.application import make_application
    from serving.engine import Engine

    application = make_application(catalog, Engine(device), host)
    config = uvicorn.Config(
        application, lifespan="off", ws="none", log_level="warning", access_log=False, server_header=False
    )
    if not is_local(listening):
        note = "everyone who can reach this machine can use the models; the default --host admits this machine alone"
        print(f"warning: listening on {host}: {note}", file=sys.stderr)
    say(f"{len(catalog.runs())} run(s); open {address_of(listening, host)} (Ctrl-C ends this)")
    server = uvicorn.Server(config)
    server.capture_signals = nullcontext  # type: ignore[assignment, method-assign]  # it would wait for the streams of all clients
    signal.signal(signal.SIGINT, end_at_once)
    server.run(sockets=[listening])


def end_at_once(*_: object) -> None:
    """End the process: there is nothing to save."""
    print("\ninterrupted", file=sys.stderr)
    exit_at_once(INTERRUPTED)


def is_local(listening: socket.socket) -> bool:
    """Return whether only this machine can reach a socket."""
    return ipaddress.ip_address(listening.getsockname()[0]).is_loopback


def address_of(listening: socket.socket, host: str) -> str:
    """Return the address to open in a browser."""
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listening.getsockname()[1]}"


if __name__ == "__main__":
    run_command(main)
