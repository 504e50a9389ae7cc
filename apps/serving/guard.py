"""Refuses requests that other web sites make through the user's browser, and sets the headers of every answer.

A page on the internet can make the browser send requests to this machine. It cannot read the answers, since no header
allows it, unless its own name is made to resolve to this machine (DNS rebinding); then the requests carry that name as
their host. So only names of this machine are accepted as the host, and only its own pages as the origin.
"""

import ipaddress
import socket
from typing import TYPE_CHECKING

from serving.request import RequestError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """Wraps an application."""

    def __init__(self, app: "ASGIApp", host: str) -> None:
        """Protect an application that is served under this host name or address."""
        self._app = app
        self._names = {"localhost", host.lower(), socket.gethostname().lower()}

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            return

        async def send_with_headers(message: "Message") -> None:
            if message["type"] == "http.response.start":
                added = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        app: ASGIApp = self._app
        try:
            check_headers(headers, self._names)
        except RequestError as error:
            from serving.application import error_response

            app = error_response(error)
        await app(scope, receive, send_with_headers)


def check_headers(headers: dict[str, str], names: set[str]) -> None:
    """Refuse a request that does not come from a page of this server or from a program.

    Raises:
        RequestError: the host is not a name or address of this machine, or the origin is another one.
    """
    host = headers.get("host", "")
    if not _is_address(name := _without_port(host)) and name.lower() not in names:
        raise RequestError(f"the host {host[:100]!r} is not this server: use http://localhost", status=403)
    origin = headers.get("origin")
    if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
        raise RequestError(f"requests of {origin[:100]} are refused: only this server's own pages may", status=403)
    if headers.get("sec-fetch-site") in ("cross-site", "same-site") and headers.get("sec-fetch-mode") != "navigate":
        raise RequestError("requests of other sites are refused: only this server's own pages may", status=403)


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_address(name: str) -> bool:
    """Return whether this is an address, which needs no resolving, so nobody else can have directed it here."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
