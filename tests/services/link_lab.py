"""What the tests of links share: a server that sends everything back, and the proxy's facts."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator
from typing import Any, Self

from scipy.stats import binom

ANSWER_S = 5


@contextlib.contextmanager
def echo_server() -> Iterator[str]:
    """The address of a server in a thread that sends back what it gets, for many connections at once."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=500)
    threads = [threading.Thread(target=_serve, args=(listener,), daemon=True)]
    threads[0].start()
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    threads[0].join(5)


def _serve(listener: socket.socket) -> None:
    while True:
        try:
            one, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_echo, args=(one,), daemon=True).start()


def _echo(one: socket.socket) -> None:
    with one, contextlib.suppress(OSError):
        while data := one.recv(4096):
            one.sendall(data)


def control(url: str, method: str, path: str, data: Any = None) -> Any:
    """What the proxy's control answers."""
    body = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(url + path, method=method, data=body)
    with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S)


def echoes(one: socket.socket) -> bool:
    """Whether it still gets back what it sends; a connection that was reset does not."""
    try:
        one.sendall(b"x")
        return one.recv(1) == b"x"
    except ConnectionError:
        return False


def likely(count: int, share: float, of: int) -> bool:
    """Whether the count is what a share makes of so many, within the interval of 99.9 % (binomial)."""
    low, high = binom.interval(0.999, of, share)
    return bool(low <= count <= high)


class Datagrams:
    """A server for datagrams and a client of a link to it, which count what arrives."""

    def __init__(self) -> None:
        self.server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.server.bind(("127.0.0.1", 0))
        self.client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for one in (self.server, self.client):
            one.settimeout(ANSWER_S)
        self.address = f"127.0.0.1:{self.server.getsockname()[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.close()
        self.client.close()

    def arrived(self, numbers: range) -> Counter[int]:
        """How often each of these datagrams arrives; a few at a time, for a socket has room for some two hundred."""
        found: Counter[int] = Counter()
        for number in numbers:
            self.client.send(b"%d" % number)
            if number % 50 == 0:
                found.update(self._received())
        found.update(self._received())
        return found

    def _received(self) -> list[int]:
        """All that has come until nothing more does."""
        found: list[int] = []
        self.server.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            while True:
                found.append(int(self.server.recv(100)))
        return found
