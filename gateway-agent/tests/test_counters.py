"""Counters: exact over threads, bounded in labels, the same in the heartbeat and on /metrics."""

import threading

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from sixfold.agent.counters import DESCRIPTIONS, CounterExposition, Counters


def test_threads_lose_no_count() -> None:
    counters = Counters()

    def work() -> None:
        for number in range(10_000):
            counters.add("flows", 2)
            counters.add("kernel_drops", 1, port=str(number % 3))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counters.snapshot()["flows"] == 80_000
    assert counters.total("kernel_drops") == 40_000


def test_endless_label_values_become_other() -> None:
    counters = Counters()
    for number in range(5_000):
        counters.add("sequence_lost", 1, exporter=f"10.0.{number // 256}.{number % 256}", domain=str(number))
    snapshot = counters.snapshot()
    assert len(snapshot) == 1_025
    assert snapshot['sequence_lost{domain="other",exporter="other"}'] == 5_000 - 1_024


def test_an_undeclared_name_is_an_error_in_tests_and_counted_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(KeyError, match="frobs"):
        Counters().add("frobs")
    monkeypatch.setattr(Counters, "strict", False)
    counters = Counters()
    counters.add("frobs")
    assert counters.snapshot() == {"frobs": 1}


def test_metrics_have_the_counters_with_their_descriptions() -> None:
    counters, registry = Counters(), CollectorRegistry()
    registry.register(CounterExposition(counters))
    counters.add("kernel_drops", 3, port="2055")
    counters.add("kernel_drops", 4, port="4739")
    text = generate_latest(registry).decode()
    assert f"# HELP agent_kernel_drops_total {DESCRIPTIONS['kernel_drops']}\n" in text
    assert 'agent_kernel_drops_total{port="2055"} 3.0\n' in text
    assert 'agent_kernel_drops_total{port="4739"} 4.0\n' in text


def test_the_four_losses_are_declared_first() -> None:
    assert list(DESCRIPTIONS)[:4] == [
        "kernel_drops",
        "sequence_lost",
        "sets_without_template",
        "flows_unknown_sampling",
    ]
