"""The proxy as a process: its control, datagrams, and its end."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from chaos_lab import has_gone

from pytest_roo_load.chaos.datagrams import Weather
from pytest_roo_load.errors import UsageError


class Control:
    """A proxy's process and its control."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "pytest_roo_load.chaos", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.ready = json.loads(self.process.stdout.readline() or "{}")

    def ask(self, method: str, path: str, data: Any = None) -> tuple[int, Any]:
        request = urllib.request.Request(
            self.ready["control"] + path, method=method, data=None if data is None else json.dumps(data).encode()
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(10)
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()
        return status


@pytest.fixture(scope="module")
def echo_port() -> Iterator[int]:
    """A server in a thread that sends back one message per connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                one, _ = listener.accept()
            except OSError:
                return
            with one:
                one.sendall(one.recv(4096))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


@pytest.fixture(scope="module")
def control() -> Iterator[Control]:
    proxy = Control("--seed", "3")
    yield proxy
    assert proxy.end() == 0


def echoed(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as one:
        one.sendall(b"hello")
        return one.recv(100)


def test_a_link_from_its_begin_to_its_end(control: Control, echo_port: int) -> None:
    status, link = control.ask("POST", "/links", {"name": "one", "server": f"127.0.0.1:{echo_port}"})
    assert status == 201
    assert echoed(link["port"]) == b"hello"
    toxic = {"kind": "latency", "settings": {"latency_s": 0.01}, "direction": "both"}
    status, poisoned = control.ask("POST", "/links/one/toxics", toxic)
    assert status == 201
    assert [one["direction"] for one in poisoned["toxics"]] == ["upstream", "downstream"]
    assert echoed(link["port"]) == b"hello"
    assert control.ask("DELETE", "/links/one/toxics/latency")[1]["toxics"] == []
    assert control.ask("GET", "/links/one")[1]["opened"] == 2
    assert control.ask("PATCH", "/links/one", {"up": False})[1]["up"] is False
    assert has_gone(link["port"])
    assert control.ask("POST", "/reset") == (204, None)
    assert echoed(link["port"]) == b"hello"
    assert "one" in control.ask("GET", "/links")[1]
    assert control.ask("DELETE", "/links/one") == (204, None)
    assert has_gone(link["port"])


@pytest.mark.parametrize(
    ("method", "path", "data", "told"),
    [
        ("GET", "/links/none", None, "no such link: 'none'"),
        ("POST", "/links", ["name"], "not a JSON object"),
        ("POST", "/links", {"name": "x", "server": "nowhere"}, "not an address: 'nowhere'"),
        ("PATCH", "/links/none", {}, "no such link"),
        ("POST", "/links/none/toxics", {"kind": "latency"}, "no such link"),
        ("PUT", "/links/none/weather", {}, "no such link of datagrams"),
    ],
)
def test_what_is_refused(control: Control, method: str, path: str, data: Any, told: str) -> None:
    status, answer = control.ask(method, path, data)
    assert status == 400
    assert told in answer["error"]


def test_links_on_the_command_line(echo_port: int) -> None:
    proxy = Control("--link", f"one=127.0.0.1:{echo_port}")
    assert echoed(proxy.ready["links"]["one"]) == b"hello"
    assert proxy.end() == 0
    assert has_gone(proxy.ready["links"]["one"])


def test_a_link_that_is_none() -> None:
    proxy = Control("--link", "one")
    assert proxy.process.stderr is not None
    assert "option --link: not a link: 'one'" in proxy.process.stderr.read()
    assert proxy.end() == 2


def test_datagrams(control: Control) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        client.settimeout(5)
        place = f"127.0.0.1:{server.getsockname()[1]}"
        _, link = control.ask("POST", "/links", {"name": "udp", "server": place, "datagrams": True})
        client.connect(("127.0.0.1", link["port"]))
        client.send(b"one")
        data, sender = server.recvfrom(100)
        assert data == b"one"
        server.sendto(b"answer", sender)
        assert client.recv(100) == b"answer"
        control.ask("PUT", "/links/udp/weather", {"duplicate": 1.0})
        client.send(b"two")
        assert [server.recv(100), server.recv(100)] == [b"two", b"two"]
        control.ask("PUT", "/links/udp/weather", {"loss": 1.0})
        client.send(b"three")
        control.ask("PUT", "/links/udp/weather", {})
        client.send(b"four")
        assert server.recv(100) == b"four"
        _, facts = control.ask("GET", "/links/udp")
        assert (facts["clients"], facts["arrived"], facts["sent"]) == (1, 5, 5)
        control.ask("DELETE", "/links/udp")


def test_the_weather_of_datagrams() -> None:
    random = Random(1)
    weather = Weather(loss=0.1, duplicate=0.2, reorder=0.3, reorder_s=1.0, latency_s=0.2, jitter_s=0.05)
    fates = [weather.delays(random) for _ in range(20_000)]
    assert sum(not fate for fate in fates) / len(fates) == pytest.approx(0.1, abs=0.01)
    assert sum(len(fate) > 1 for fate in fates) / len(fates) == pytest.approx(0.18, abs=0.01)
    delays = [delay for fate in fates for delay in fate]
    assert sum(delay > 1 for delay in delays) / len(delays) == pytest.approx(0.3, abs=0.01)
    assert 0.15 <= min(delays) <= max(delays) <= 1.25


@pytest.mark.parametrize("data", [{"rain": 1}, {"loss": 2}, {"loss": "much"}, {"latency_s": -1}])
def test_weather_that_there_is_not(data: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Weather.of(data)
