"""What Envoy is told: its configuration, and where the instances are that it balances over. Pure functions.

Field names are those of Envoy's v3 API. Instances are found by EDS in a file: Envoy notices when it is replaced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["POLICIES", "configuration", "endpoints"]

POLICIES = {"round_robin": "ROUND_ROBIN", "least_request": "LEAST_REQUEST", "random": "RANDOM"}

_CLUSTER = "ccs"
_TYPE = "type.googleapis.com/envoy"
_HTTP = f"{_TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER = f"{_TYPE}.extensions.filters.http.router.v3.Router"
_ASSIGNMENT = f"{_TYPE}.config.endpoint.v3.ClusterLoadAssignment"
_PREVIOUS_HOSTS = f"{_TYPE}.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
_MANY = 100_000
_ROUTE_TIMEOUT = "60s"


def configuration(*, host: str, port: int, endpoints_file: str, policy: str) -> dict[str, Any]:
    """The whole configuration of a load balancer that listens on `port`.

    What could not be sent at all is tried at another instance; what may have been received only if it changes nothing
    (GET), so that no message is posted twice.
    """
    return {
        "admin": {"address": _address(host, 0)},
        "node": {"id": "roo-load", "cluster": "roo-load"},
        "static_resources": {"listeners": [_listener(host, port)], "clusters": [_cluster(endpoints_file, policy)]},
    }


def endpoints(addresses: Sequence[tuple[str, int]]) -> dict[str, Any]:
    """The content of the file with the instances."""
    hosts = [{"endpoint": {"address": _address(host, port)}} for host, port in addresses]
    assignment = {"@type": _ASSIGNMENT, "cluster_name": _CLUSTER, "endpoints": [{"lb_endpoints": hosts}]}
    return {"resources": [assignment]}


def _listener(host: str, port: int) -> dict[str, Any]:
    manager = {
        "@type": _HTTP,
        "stat_prefix": "front",
        "use_remote_address": True,
        "generate_request_id": False,
        "preserve_external_request_id": True,
        "server_header_transformation": "PASS_THROUGH",
        "delayed_close_timeout": "0s",
        "stream_idle_timeout": "0s",
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": _routes()}]},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": _ROUTER}}],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    return {
        "name": "front",
        "address": _address(host, port),
        "enable_reuse_port": False,
        "filter_chains": [chain],
    }


def _routes() -> list[Mapping[str, Any]]:
    get = [{"name": ":method", "string_match": {"exact": "GET"}}]
    unsent = "connect-failure,refused-stream"
    return [
        _route({"path": "/ws"}, timeout="0s", retry_on=unsent),
        _route({"prefix": "/", "headers": get}, timeout=_ROUTE_TIMEOUT, retry_on=f"{unsent},reset"),
        _route({"prefix": "/"}, timeout=_ROUTE_TIMEOUT, retry_on=unsent),
    ]


def _route(match: Mapping[str, Any], *, timeout: str, retry_on: str) -> Mapping[str, Any]:
    elsewhere = {"name": "envoy.retry_host_predicates.previous_hosts", "typed_config": {"@type": _PREVIOUS_HOSTS}}
    retries = {
        "retry_on": retry_on,
        "num_retries": 3,
        "retry_host_predicate": [elsewhere],
        "host_selection_retry_max_attempts": 5,
    }
    return {"match": match, "route": {"cluster": _CLUSTER, "timeout": timeout, "retry_policy": retries}}


def _cluster(endpoints_file: str, policy: str) -> dict[str, Any]:
    limits = dict.fromkeys(("max_connections", "max_pending_requests", "max_requests"), _MANY)
    return {
        "name": _CLUSTER,
        "type": "EDS",
        "connect_timeout": "1s",
        "lb_policy": POLICIES[policy],
        "eds_cluster_config": {"eds_config": {"path_config_source": {"path": endpoints_file}}},
        "circuit_breakers": {"thresholds": [{**limits, "max_retries": 1000}]},
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        "ignore_health_on_host_removal": True,
        "health_checks": [
            {
                "timeout": "2s",
                "interval": "0.5s",
                "no_traffic_interval": "0.5s",
                "unhealthy_threshold": 2,
                "healthy_threshold": 1,
                "http_health_check": {"path": "/health"},
            }
        ],
    }


def _address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}
