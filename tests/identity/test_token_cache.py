"""The memory of validated tokens: how often is asked, what is forgotten when, and what one caller does to another."""

import asyncio
import json

import pytest

from intaglio.base.errors import Unavailable
from intaglio.identity import token_cache
from intaglio.identity.token_cache import TokenCache, TooManyTokens
from intaglio.identity.tokens import Token, read_token

pytestmark = pytest.mark.anyio


def token(user: str) -> Token:
    document = {"token": {"user": {"id": user}, "expires_at": "2999-01-01T00:00:00Z"}}
    return read_token(json.dumps(document).encode())


class Asked:
    """Keystone's part, counted; it answers when `open` is set. It knows what begins with `good`."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, bool]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.down = False

    async def __call__(self, text: str, allow_expired: bool) -> Token | None:
        self.calls.append((text, allow_expired))
        await self.open.wait()
        if self.down:
            raise Unavailable("down")
        known = text.startswith("good") or (text.startswith("old") and allow_expired)
        return token(text) if known else None


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def cache(asked: Asked, seconds: float = 300) -> tuple[TokenCache, Clock]:
    clock = Clock()
    return TokenCache(asked, seconds=seconds, clock=clock), clock


async def user(kept: TokenCache, text: str, *, allow_expired: bool = False) -> str | None:
    found = await kept.get(text, allow_expired=allow_expired)
    return None if found is None else found.principal.user_id


async def test_many_requests_with_one_token_ask_once() -> None:
    asked = Asked()
    kept, _ = cache(asked)
    assert set(await asyncio.gather(*(user(kept, "good") for _ in range(100)))) == {"good"}
    assert await user(kept, "good") == "good"
    assert len(asked.calls) == 1


async def test_each_token_is_its_own() -> None:
    kept, _ = cache(Asked())
    texts = [f"good-{number}" for number in range(50)]
    assert await asyncio.gather(*(user(kept, text) for text in texts)) == texts


async def test_forgotten_at_the_end_of_the_time() -> None:
    asked = Asked()
    kept, clock = cache(asked)
    await user(kept, "good")
    clock.now += 299
    await user(kept, "good")
    assert len(asked.calls) == 1
    clock.now += 2
    await user(kept, "good")
    assert len(asked.calls) == 2


async def test_what_is_not_known_is_remembered_briefly() -> None:
    asked = Asked()
    kept, clock = cache(asked)
    for _ in range(3):
        assert await user(kept, "bad") is None
    assert len(asked.calls) == 1
    clock.now += token_cache.REFUSED_SECONDS
    assert await user(kept, "bad") is None
    assert len(asked.calls) == 2


async def test_a_revoked_token_is_asked_about_again_and_then_refused() -> None:
    asked = Asked()
    kept, clock = cache(asked)
    assert await user(kept, "good") == "good"
    asked.__dict__["calls"].clear()
    clock.now += 301

    async def revoked(text: str, allow_expired: bool) -> Token | None:
        asked.calls.append((text, allow_expired))
        return None

    kept._ask = revoked
    assert await user(kept, "good") is None
    assert await user(kept, "good") is None
    assert len(asked.calls) == 1


async def test_a_refusal_does_not_stand_against_the_grace_of_a_service() -> None:
    asked = Asked()
    kept, _ = cache(asked)
    assert await user(kept, "old") is None
    assert await user(kept, "old", allow_expired=True) == "old"
    assert asked.calls == [("old", False), ("old", True)]


@pytest.mark.parametrize("seconds", [0, -1])
async def test_nothing_is_kept_when_the_time_is_none(seconds: int) -> None:
    asked = Asked()
    kept, _ = cache(asked, seconds)
    await asyncio.gather(*(user(kept, "good") for _ in range(10)))  # at once: still one
    await user(kept, "good")
    await user(kept, "bad")
    await user(kept, "bad")
    assert len(asked.calls) == 4


async def test_failures_reach_all_who_wait_and_are_not_kept() -> None:
    asked = Asked()
    asked.down = True
    kept, _ = cache(asked)
    answers = await asyncio.gather(*(user(kept, "good") for _ in range(10)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {Unavailable}
    assert len(asked.calls) == 1
    asked.down = False
    assert await user(kept, "good") == "good"


async def test_who_leaves_takes_the_answer_from_nobody() -> None:
    asked = Asked()
    asked.open.clear()
    kept, _ = cache(asked)
    leaving, staying = asyncio.create_task(user(kept, "good")), asyncio.create_task(user(kept, "good"))
    await asyncio.sleep(0)
    leaving.cancel()
    asked.open.set()
    assert await staying == "good"
    assert leaving.cancelled() or leaving.cancelling()
    assert len(asked.calls) == 1


async def test_a_flood_is_refused_and_does_not_displace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_cache, "WAITING", 3)
    asked = Asked()
    kept, _ = cache(asked)
    assert await user(kept, "good") == "good"
    asked.open.clear()
    waiting = [asyncio.create_task(user(kept, f"bad-{number}")) for number in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyTokens):
        await user(kept, "bad-4")
    assert await user(kept, "good") == "good"  # kept: nobody is asked
    asked.open.set()
    assert await asyncio.gather(*waiting) == [None, None, None]


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_cache, "REMEMBERED", 10)
    monkeypatch.setattr(token_cache, "REFUSED_REMEMBERED", 10)
    asked = Asked()
    kept, _ = cache(asked)
    for number in range(40):
        await user(kept, f"good-{number}")
        await user(kept, f"bad-{number}")
    assert (len(kept._known), len(kept._refused), len(kept._running)) == (10, 10, 0)
    asked.calls.clear()
    assert await user(kept, "good-39") == "good-39"
    assert asked.calls == []
    assert await user(kept, "good-0") == "good-0"
    assert len(asked.calls) == 1


async def test_no_token_is_in_memory() -> None:
    kept, _ = cache(Asked())
    await user(kept, "good-and-secret")
    await user(kept, "bad-and-secret")
    assert "secret" not in repr((list(kept._known), list(kept._refused)))


async def test_close_ends_what_is_being_asked() -> None:
    asked = Asked()
    asked.open.clear()
    kept, _ = cache(asked)
    waiting = asyncio.create_task(user(kept, "good"))
    await asyncio.sleep(0)
    await kept.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
