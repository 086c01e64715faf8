from __future__ import annotations

from pytest_roo_load.ccs.metrics import BUCKETS_S, Histogram, Metrics


def test_requests_are_counted_by_method_route_and_status() -> None:
    metrics = Metrics()
    for status in (200, 200, 503):
        metrics.request("GET", "/a", status, 0.004)
    text = metrics.exposition({"ccs_up": ("Up.", 1)})
    assert 'ccs_http_requests_total{method="GET",route="/a",status="200"} 2\n' in text
    assert 'ccs_http_requests_total{method="GET",route="/a",status="503"} 1\n' in text
    assert "# TYPE ccs_up gauge\nccs_up 1\n" in text
    assert metrics.errors() == 1


def test_buckets_are_cumulative_and_end_with_all() -> None:
    metrics = Metrics()
    for duration in (0.0005, 0.001, 0.3, 99):
        metrics.request("GET", "/a", 200, duration)
    buckets = [line for line in metrics.exposition({}).splitlines() if "_bucket" in line]
    assert len(buckets) == len(BUCKETS_S) + 1
    assert buckets[0].endswith('le="0.001"} 2')  # a bound belongs to its bucket
    assert buckets[-1].endswith('le="+Inf"} 4')
    assert 'ccs_http_request_duration_seconds_count{method="GET",route="/a"} 4' in metrics.exposition({})


def test_percentiles_lie_in_their_bucket() -> None:
    histogram = Histogram()
    assert histogram.percentile(95) is None
    for _ in range(90):
        histogram.observe(0.002)
    for _ in range(10):
        histogram.observe(0.2)
    assert 0.001 < (histogram.percentile(50) or 0) <= 0.0025
    assert 0.1 < (histogram.percentile(95) or 0) <= 0.25
    histogram.observe(1000)
    assert histogram.percentile(100) == BUCKETS_S[-1]


def test_all_durations_add_up() -> None:
    metrics = Metrics()
    metrics.request("GET", "/a", 200, 1)
    metrics.request("GET", "/b", 200, 3)
    together = metrics.all_durations()
    assert (together.count, together.total_s) == (2, 4.0)
    assert metrics.durations["GET", "/a"].count == 1


def test_labels_are_escaped() -> None:
    metrics = Metrics()
    metrics.request("GET", 'a"b\\c\nd', 200, 0)
    assert 'route="a\\"b\\\\c\\nd"' in metrics.exposition({})
