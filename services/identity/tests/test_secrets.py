"""Secrets of CPEs: chosen and drawn ones, each terminal's own."""

import pytest

from sixfold.identity.credentials.secrets import Hasher


@pytest.fixture
async def hasher(tmp_path):
    (tmp_path / "key").write_text(bytes(range(32)).hex())
    made = Hasher(tmp_path / "key")
    await made.start()
    yield made
    await made.stop()


async def test_a_chosen_secret_is_verified_twice_and_no_other_is(hasher):
    kept = await hasher.hashed("t-a", "correct horse")
    assert len(kept.salt) == 16
    for _ in range(2):
        assert await hasher.verify("t-a", "correct horse", kept)
    assert not await hasher.verify("t-a", "wrong horse", kept)
    assert not await hasher.verify("t-b", "correct horse", kept)


async def test_a_drawn_secret_is_its_terminal_s_alone(hasher):
    kept = hasher.drawn("t-a", "s" * 27)
    assert await hasher.verify("t-a", "s" * 27, kept)
    assert not await hasher.verify("t-b", "s" * 27, kept)
    assert not await hasher.verify("t-a", "r" * 27, kept)
    assert kept != hasher.drawn("t-b", "s" * 27)


async def test_nothing_kept_is_nothing_proven(hasher):
    assert not await hasher.verify("t-a", "", None)
    assert not await hasher.verify("t-a", "correct horse", None)


def test_what_is_drawn_is_never_taken_for_a_token(monkeypatch):
    from sixfold.identity.credentials import desk

    draws = iter([f"{desk.TOKEN_PREFIX}abc", "good"])
    monkeypatch.setattr(desk.secrets, "token_urlsafe", lambda _: next(draws))
    assert desk._drawn_secret() == "good"
