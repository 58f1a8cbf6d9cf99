"""A short run of the fuzzer; `task fuzz` is the long one."""

import fuzz
import pytest


@pytest.mark.parametrize("decoder", list(fuzz.decoders()), ids=lambda decoder: decoder.name)
def test_mutated_datagrams_raise_nothing_and_memory_is_bounded(decoder: fuzz.Decoder) -> None:
    result = fuzz.run(decoder, 10_000, seed=7)
    assert result.failures == []
    assert result.datagrams == 10_000
    assert result.flows > 0
    assert result.peak_rss - result.start_rss < 512 << 10
