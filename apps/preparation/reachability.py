"""Whether a server can be reached at all, found out within a second and without the hub's client."""

import os
import socket
import threading
from base64 import b64encode
from http.client import HTTPConnection, HTTPException
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

_SECONDS = 0.7


def why_unreachable(address: str, seconds: float | None = None) -> str | None:
    """Return why a server cannot be reached, or None if it, or the proxy on the way to it, accepts a connection.

    Args:
        address: the address of the server, such as `https://huggingface.co`.
        seconds: the time limit; by default HF_HUB_ETAG_TIMEOUT, if it is set, or 0.7.
    """
    if seconds is None:
        seconds = _seconds_from_environment()
    results: list[str | None] = []
    # In a thread, since looking up a name has no time limit of its own.
    thread = threading.Thread(target=lambda: results.append(_try(address, seconds)), daemon=True)
    thread.start()
    thread.join(seconds)
    if results:
        return results[0]
    return _no_answer(seconds)


def _seconds_from_environment() -> float:
    try:
        return float(os.environ.get("HF_HUB_ETAG_TIMEOUT", _SECONDS))
    except ValueError:
        return _SECONDS


def _try(address: str, seconds: float) -> str | None:
    server = urlsplit(address)
    if not server.hostname:
        return f"{address!r} is not an address: HF_ENDPOINT must be like https://huggingface.co"
    proxy = None if proxy_bypass(server.hostname) else getproxies().get(server.scheme) or getproxies().get("all")
    through = "" if proxy is None else f"the proxy {_shown(proxy)}: "
    try:
        port = server.port or (443 if server.scheme == "https" else 80)
        if proxy is None:
            socket.create_connection((server.hostname, port), seconds).close()
        else:
            _try_proxy(proxy, server.scheme, server.hostname, port, seconds)
    except TimeoutError:
        return f"{through}{_no_answer(seconds)}"
    except (OSError, HTTPException, ValueError) as error:  # a port, or a name, can have a form that is not allowed
        return f"{through}{getattr(error, 'strerror', None) or error}"
    return None


def _no_answer(seconds: float) -> str:
    return f"no answer within {seconds:g} s; on a slow connection set HF_HUB_ETAG_TIMEOUT=10"


def _try_proxy(proxy: str, scheme: str, host: str, port: int, seconds: float) -> None:
    """Connect to a proxy. For an HTTPS server also ask it for a tunnel, which it may refuse."""
    place = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    default_port = {"https": 443, "socks5": 1080, "socks5h": 1080}.get(place.scheme, 80)
    connection = HTTPConnection(place.hostname or "", place.port or default_port, timeout=seconds)
    if scheme == "https" and place.scheme == "http":
        headers = {}
        if place.username is not None:
            login = f"{unquote(place.username)}:{unquote(place.password or '')}"
            headers["Proxy-Authorization"] = f"Basic {b64encode(login.encode()).decode()}"
        connection.set_tunnel(host, port, headers)
    try:
        connection.connect()
    finally:
        connection.close()


def _shown(proxy: str) -> str:
    """Return a proxy's address without a password."""
    return proxy.rpartition("@")[2]
