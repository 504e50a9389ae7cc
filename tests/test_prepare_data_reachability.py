"""Whether a server can be reached: directly, through a proxy, and when nothing answers."""

import os
import socket
import threading
import time

import pytest

from preparation.reachability import why_unreachable


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch):
    for name in list(os.environ):
        if name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("HF_HUB_ETAG_TIMEOUT", raising=False)


@pytest.fixture
def proxy():
    """A server that answers the first request with `reply`, and records it."""
    listener = socket.create_server(("127.0.0.1", 0))
    seen = []

    def start(reply):
        def serve():
            connection, _ = listener.accept()
            with connection:
                seen.append(connection.recv(4096).decode())
                connection.sendall(reply)

        threading.Thread(target=serve, daemon=True).start()
        return f"127.0.0.1:{listener.getsockname()[1]}", seen

    yield start
    listener.close()


def test_a_server_that_accepts_or_refuses():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert why_unreachable(f"http://127.0.0.1:{listener.getsockname()[1]}") is None
    assert "refused" in why_unreachable("http://127.0.0.1:9")
    assert "HF_ENDPOINT must be like" in why_unreachable("huggingface.co")
    assert "Port" in why_unreachable("http://127.0.0.1:abc")


def test_a_proxy_that_makes_a_tunnel_and_one_that_refuses(proxy, monkeypatch):
    address, seen = proxy(b"HTTP/1.1 200 Connection established\r\n\r\n")
    monkeypatch.setenv("https_proxy", f"http://someone:secret%21@{address}")
    assert why_unreachable("https://huggingface.co", 5) is None
    assert seen[0].startswith("CONNECT huggingface.co:443 ")
    assert "Proxy-Authorization: Basic c29tZW9uZTpzZWNyZXQh" in seen[0]
    proxy(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
    reason = why_unreachable("https://huggingface.co", 5)
    assert reason == f"the proxy {address}: Tunnel connection failed: 403 Forbidden"
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert "refused" in why_unreachable("http://127.0.0.1:9")


def test_nothing_that_answers(monkeypatch):
    released = threading.Event()

    def hangs(*arguments):
        released.wait(10)
        raise OSError("too late")

    monkeypatch.setattr(socket, "create_connection", hangs)
    started = time.perf_counter()
    reason = why_unreachable("https://huggingface.co")
    assert time.perf_counter() - started < 1
    assert reason == "no answer within 0.7 s; on a slow connection set HF_HUB_ETAG_TIMEOUT=10"
    monkeypatch.setenv("HF_HUB_ETAG_TIMEOUT", "0.1")
    assert why_unreachable("https://huggingface.co").startswith("no answer within 0.1 s")
    released.set()
