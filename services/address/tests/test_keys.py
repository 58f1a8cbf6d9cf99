"""The index of keys, with shards so small that they are split and cleaned all the time, against a dictionary."""

import numpy as np
import pytest

from sixfold.address.domain import keys
from sixfold.address.domain.keys import KeyIndex, key_hash, key_hashes


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch):
    monkeypatch.setattr(keys, "_SLOTS", 64)
    monkeypatch.setattr(keys, "_FULL", 51)
    monkeypatch.setattr(keys, "_FEW", 3)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("first", [1, (1 << 32) - 300])
def test_every_key_that_is_there_is_found_and_no_other(seed, first):
    random = np.random.default_rng(seed)
    held: dict[int, int] = {}
    hashes: dict[int, int] = {}
    index = KeyIndex(lambda ids: np.array([held[number] for number in ids.tolist()], np.uint64))
    for _ in range(30):
        if held and random.random() < 0.4:
            chosen = random.permutation(list(held))[: random.integers(1, len(held) + 1)].astype(np.int64)
            index.remove(np.array([held[number] for number in chosen.tolist()], np.uint64), chosen)
            for number in chosen.tolist():
                del hashes[held.pop(number)]
        else:
            ids = np.arange(first, first + random.integers(1, 90), dtype=np.int64)
            first = int(ids[-1]) + 1
            new = random.integers(0, 1 << 64, len(ids), dtype=np.uint64)
            held |= dict(zip(ids.tolist(), new.tolist(), strict=True))
            hashes |= dict(zip(new.tolist(), ids.tolist(), strict=True))
            index.insert(new, ids)
        assert len(index) == len(held)
        every = np.array(list(hashes), np.uint64)
        assert index.maybe(every).all()
        for key, number in hashes.items():
            assert number in index.candidates(key)
        absent = random.integers(0, 1 << 64, 200, dtype=np.uint64)
        maybe = index.maybe(absent)
        assert maybe.sum() < 40
        for key, found in zip(absent.tolist(), maybe.tolist(), strict=True):
            assert found or not index.candidates(key)
    built = KeyIndex(lambda ids: np.array([held[number] for number in ids.tolist()], np.uint64))
    built.build(np.array(list(held.values()), np.uint64), np.array(list(held), np.int64))
    assert len(built) == len(held)
    assert all(number in built.candidates(key) for key, number in hashes.items())
    if held:
        index.remove(np.array(list(held.values()), np.uint64), np.array(list(held), np.int64))
    assert len(index) == 0


def test_a_key_that_is_not_there_cannot_be_removed():
    index = KeyIndex(lambda ids: ids.astype(np.uint64))
    with pytest.raises(KeyError):
        index.remove(np.array([7], np.uint64), np.array([1]))


def test_many_keys_are_hashed_as_one_is():
    assert key_hashes(["a", "b"]).tolist() == [key_hash("a"), key_hash("b")]
