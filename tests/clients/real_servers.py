"""Servers of other makers, started as processes for one test: the same routes on each, with TLS and without."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import trustme

from pytest_roo_load.services import ports

__all__ = ["SERVERS", "Certificate", "serve_with"]

BIG = b"0123456789abcdef" * 2**19
_READY_S = 15.0


class Certificate:
    """Who a server is, for 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        mine = authority.issue_cert("127.0.0.1")
        self.ca_file, self.key, self.chain = folder / "ca.pem", folder / "server.key", folder / "server.pem"
        authority.cert_pem.write_to_path(self.ca_file)
        mine.private_key_pem.write_to_path(self.key)
        mine.cert_chain_pems[0].write_to_path(self.chain)


@contextmanager
def serve_with(name: str, folder: Path, certificate: Certificate | None) -> Iterator[str]:
    """The URL of a server while its process runs."""
    with SERVERS[name](folder, certificate) as port:
        yield f"http{'' if certificate is None else 's'}://127.0.0.1:{port}"


@contextmanager
def _process(*command: str | Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def node(_folder: Path, certificate: Certificate | None) -> Iterator[int]:
    script = Path(__file__).with_name("node_server.js")
    files = () if certificate is None else (certificate.key, certificate.chain)
    with _process("node", script, *files) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())


@contextmanager
def nginx(folder: Path, certificate: Certificate | None) -> Iterator[int]:
    (folder / "big").write_bytes(BIG)
    (folder / "text").write_bytes(b"hello")
    secured = (
        "" if certificate is None else f"ssl_certificate {certificate.chain}; ssl_certificate_key {certificate.key};"
    )
    with ports.reserved() as port:
        listen = f"listen 127.0.0.1:{port}{' ssl' if certificate else ''}; {secured}"
        (folder / "nginx.conf").write_text(
            f"""daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
            events {{ }}
            http {{
              access_log off; client_max_body_size 1g; default_type text/plain;
              client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
              uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
              server {{
                {listen} root {folder};
                location = /gzip {{ gzip on; gzip_types *; gzip_min_length 1; alias {folder}/big; }}
                location = /upload {{ proxy_pass http{"s" if certificate else ""}://127.0.0.1:{port}/sink; }}
                location = /sink {{ return 200 $content_length; }}
              }}
            }}"""
        )
        with _process(shutil.which("nginx") or "nginx", "-p", folder, "-c", folder / "nginx.conf"):
            _wait_for(port)
            yield port


@contextmanager
def envoy(folder: Path, certificate: Certificate | None) -> Iterator[int]:
    """Envoy in front of Node."""
    with node(folder, None) as upstream, ports.reserved() as port:
        (folder / "envoy.json").write_text(json.dumps(_envoy(port, upstream, certificate)))
        with _process(
            "envoy", "-c", folder / "envoy.json", "--concurrency", "1", "-l", "error", "--disable-hot-restart"
        ):
            _wait_for(port)
            yield port


def _envoy(port: int, upstream: int, certificate: Certificate | None) -> dict[str, Any]:
    kinds = "type.googleapis.com/envoy.extensions"
    manager = {
        "@type": f"{kinds}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "test",
        "route_config": {
            "virtual_hosts": [
                {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "node"}}]}
            ]
        },
        "http_filters": [
            {"name": "router", "typed_config": {"@type": f"{kinds}.filters.http.router.v3.Router"}},
        ],
    }
    chain: dict[str, Any] = {"filters": [{"name": "http", "typed_config": manager}]}
    if certificate is not None:
        chain["transport_socket"] = _envoy_tls(certificate)
    return {
        "static_resources": {
            "listeners": [{"name": "front", "address": _address(port), "filter_chains": [chain]}],
            "clusters": [
                {
                    "name": "node",
                    "type": "STATIC",
                    "load_assignment": {
                        "cluster_name": "node",
                        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(upstream)}}]}],
                    },
                }
            ],
        }
    }


def _envoy_tls(certificate: Certificate) -> dict[str, Any]:
    kind = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
    files = {
        "certificate_chain": {"filename": str(certificate.chain)},
        "private_key": {"filename": str(certificate.key)},
    }
    return {
        "name": "tls",
        "typed_config": {"@type": kind, "common_tls_context": {"tls_certificates": [files]}},
    }


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _wait_for(port: int) -> None:
    deadline = monotonic() + _READY_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert monotonic() < deadline, "the server does not listen"
            sleep(0.02)
        else:
            return


SERVERS: dict[str, Callable[[Path, Certificate | None], Any]] = {"node": node, "nginx": nginx, "envoy": envoy}
