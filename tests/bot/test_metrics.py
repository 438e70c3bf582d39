"""What Prometheus reads."""

from bot.metrics import Metrics


def test_nothing_counted_is_nothing_said() -> None:
    assert Metrics().text() == ""


def test_counters_gauges_and_histograms_are_written_as_the_format_wants() -> None:
    metrics = Metrics()
    metrics.count("updates_total", 3)
    metrics.count("calls_total", method="sendMessage", ok="yes")
    metrics.count("calls_total", ok="yes", method="sendMessage")
    metrics.count("calls_total", method="getMe", ok="no")
    metrics.gauge("errands_waiting", lambda: 7)
    for seconds in (0.001, 0.01, 0.03, 60.0):
        metrics.observe("reply_seconds", seconds)
    assert metrics.text().splitlines() == [
        "# TYPE intake_calls_total counter",
        'intake_calls_total{method="getMe",ok="no"} 1',
        'intake_calls_total{method="sendMessage",ok="yes"} 2',
        "# TYPE intake_updates_total counter",
        "intake_updates_total 3",
        "# TYPE intake_errands_waiting gauge",
        "intake_errands_waiting 7",
        "# TYPE intake_reply_seconds histogram",
        'intake_reply_seconds_bucket{le="0.01"} 2',
        'intake_reply_seconds_bucket{le="0.025"} 2',
        'intake_reply_seconds_bucket{le="0.05"} 3',
        'intake_reply_seconds_bucket{le="0.1"} 3',
        'intake_reply_seconds_bucket{le="0.25"} 3',
        'intake_reply_seconds_bucket{le="0.5"} 3',
        'intake_reply_seconds_bucket{le="1"} 3',
        'intake_reply_seconds_bucket{le="2.5"} 3',
        'intake_reply_seconds_bucket{le="5"} 3',
        'intake_reply_seconds_bucket{le="10"} 3',
        'intake_reply_seconds_bucket{le="+Inf"} 4',
        "intake_reply_seconds_sum 60.041",
        "intake_reply_seconds_count 4",
    ]
    assert metrics.text().endswith("\n")
    assert metrics.total("calls_total") == 3


def test_a_big_counter_loses_no_digit() -> None:
    metrics = Metrics()
    metrics.count("updates_total", 12_345_678)
    assert metrics.text().splitlines()[1] == "intake_updates_total 12345678"
