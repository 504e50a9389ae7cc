"""A server on 127.0.0.1 that speaks as much of the Hugging Face hub's protocol as downloading files takes.

As on the hub, `resolve` answers with the commit, the checksum and the size of the file and redirects to another place,
which has the bytes and understands ranges.
"""

import hashlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HTML = b"<!DOCTYPE html><html><body>Please log in to use this network.</body></html>"


@dataclass
class Hub:
    """The data sets of a server and what goes wrong with it; tests change both while it runs."""

    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """The files of each data set, by `owner/name`."""
    resolve_status: int = 200
    """With another status `resolve` answers with a page of HTML."""
    error_code: str | None = None
    """The header X-Error-Code of such an answer, such as GatedRepo."""
    is_page: bool = False
    """Whether `resolve` answers with status 200 and a page of HTML, as the login page of a network does."""
    content: bytes | None = None
    """What is sent instead of each file."""
    cut_after: int | None = None
    """The number of bytes of a longer file after which the connection is closed, once."""
    stall_after: int | None = None
    """The number of bytes of a longer file after which nothing more is sent."""
    stalled: threading.Event = field(default_factory=threading.Event)
    """Set when a connection is stalled."""
    released: threading.Event = field(default_factory=threading.Event)
    """Set by the test to end stalled connections."""
    requests: list[str] = field(default_factory=list)
    """Method and path of all requests; for the bytes of a file the range, too."""
    address: str = ""
    bytes_address: str = ""
    """As on the hub, the bytes are on another host, so the client does not follow the redirect to find the headers."""

    def downloads(self) -> list[str]:
        """Return the requests for the bytes of files."""
        return [request for request in self.requests if request.startswith("GET /bytes/")]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *args):
        """Print nothing."""

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def answer(self):
        range_header = self.headers.get("Range", "")
        self.hub.requests.append(f"{self.command} {self.path} {range_header}".strip())
        parts = self.path.strip("/").split("/")
        if parts[0] == "bytes":
            self.send_bytes(parts[1], range_header)
        elif len(parts) > 5 and parts[0] == "datasets" and parts[3] == "resolve":
            self.resolve("/".join(parts[1:3]), "/".join(parts[5:]))
        else:
            self.send_page(404)

    def resolve(self, repository, name):
        hub = self.hub
        if hub.is_page or hub.resolve_status != 200:
            self.send_page(hub.resolve_status)
        elif repository not in hub.repositories:
            self.send_page(401)
        elif name not in hub.repositories[repository]:
            self.send_page(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
        else:
            data = hub.repositories[repository][name]
            digest = hashlib.sha256(data).hexdigest()
            self.send_response(302)
            self.send_header("Location", f"{hub.bytes_address}/bytes/{digest}")
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("X-Linked-Etag", f'"{digest}"')
            self.send_header("X-Linked-Size", str(len(data)))
            self.send_header("Content-Length", "0")
            self.end_headers()

    def send_page(self, status, headers=None):
        headers = headers or ({"X-Error-Code": self.hub.error_code} if self.hub.error_code else {})
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(HTML)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(HTML)

    def send_bytes(self, digest, range_header):
        hub = self.hub
        files = [data for files in hub.repositories.values() for data in files.values()]
        data = next(data for data in files if hashlib.sha256(data).hexdigest() == digest)
        if hub.content is not None:
            data, range_header = hub.content, ""
        first = int(range_header.removeprefix("bytes=").rstrip("-")) if range_header else 0
        self.send_response(206 if first else 200)
        self.send_header("Content-Length", str(len(data) - first))
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        if hub.cut_after is not None and len(data) - first > hub.cut_after:
            self.wfile.write(data[first : first + hub.cut_after])
            hub.cut_after = None
            self.close_connection = True
        elif hub.stall_after is not None and len(data) - first > hub.stall_after:
            self.wfile.write(data[first : first + hub.stall_after])
            self.wfile.flush()
            hub.stalled.set()
            hub.released.wait(30)
            self.close_connection = True
        else:
            self.wfile.write(data[first:])


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Say nothing of clients that leave."""


def start_hub() -> tuple[Hub, _Server]:
    """Start a server on a free port."""
    hub = Hub()
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    port = server.server_address[1]
    hub.address, hub.bytes_address = f"http://127.0.0.1:{port}", f"http://localhost:{port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return hub, server
