"""nginx with one worker that answers a 103-byte JSON and counts requests."""

from __future__ import annotations

import http.client
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.cores import SERVER
from benchmarks.processes import program, started, until
from pytest_roo_load.services.ports import free_port

__all__ = ["Nginx", "nginx"]

_ANSWER = '{"id":1234567,"name":"a virtual user","roles":["reader","writer"],"active":true,"created":"2026-01-01"}'
_CONFIGURATION = """
daemon off; master_process off; worker_processes 1; worker_rlimit_nofile 30000;
pid {folder}/pid; error_log {folder}/error.log warn;
events {{ worker_connections 30000; }}
http {{
    access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; tcp_nodelay on;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} reuseport backlog=8192;
        location / {{ default_type application/json; return 200 '{answer}'; }}
        location = /status {{ stub_status; }}
    }}
}}
"""


class Nginx:
    """A server that tells how many requests it has had.

    Attributes:
        url: Where it is.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._looking = http.client.HTTPConnection("127.0.0.1", port)
        self._looks = 0

    def __repr__(self) -> str:
        return f"<Nginx at {self.url}>"

    def requests(self) -> int:
        """How many requests it has answered; these looks do not count."""
        return int(self._look()[2].split()[2]) - self._looks

    def connections(self) -> int:
        """How many connections are open; that of these looks does not count."""
        return int(self._look()[0].split()[2]) - 1

    def _look(self) -> list[bytes]:
        """The lines of nginx's stub_status: connections; headlines; accepted, handled, requests; by state."""
        self._looking.request("GET", "/status")
        lines = self._looking.getresponse().read().splitlines()
        self._looks += 1
        return lines

    def close(self) -> None:
        """End looking."""
        self._looking.close()


@contextmanager
def nginx() -> Iterator[Nginx]:
    """A server on the server's core.

    Raises:
        FileNotFoundError: nginx is not installed.
    """
    command = program("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if command is None:
        raise FileNotFoundError("nginx is not installed; the system's packages have it")
    with tempfile.TemporaryDirectory(prefix="roo-nginx-") as name:
        folder, port = Path(name), free_port()
        text = _CONFIGURATION.format(folder=folder, port=port, answer=_ANSWER)
        (folder / "nginx.conf").write_text(text, encoding="utf-8")
        with started([command, "-e", folder / "error.log", "-p", folder, "-c", folder / "nginx.conf"], SERVER):
            server = Nginx(port)
            until(lambda: _answers(server))
            try:
                yield server
            finally:
                server.close()


def _answers(server: Nginx) -> bool:
    try:
        server.requests()
    except ConnectionError:
        server.close()
        return False
    return True
