"""The table of attacks: each is refused for its own reason, leaving no connection and no attempt to make others."""

from typing import Any

import pytest

from intaglio.outbound.base import Facts, FetchFailed, FetchRefused, FetchTooLarge, Reason
from tests.outbound.hostile_server import ANSWERS, DATA, REDIRECTS, RESTS, TAG, Act, hostile
from tests.outbound.hostile_urls import HERE, SECTIONS, Row
from tests.outbound.looking import Watcher, fetch, fetcher, settings
from tests.outbound.table import PAGE, page

pytestmark = pytest.mark.anyio
ROWS = [row for rows in SECTIONS.values() for row in rows]


async def refused(watcher: Watcher, url: str, port: int, act: Act | None = None) -> Reason:
    chosen = settings(port) if act is None else settings(port, act.patience)
    with pytest.raises((FetchRefused, FetchFailed, FetchTooLarge)) as error:
        await fetch(fetcher(watcher, chosen), url)
    raised: Any = error.value
    assert str(raised).endswith(".")
    reason: Reason = raised.reason
    return reason


@pytest.mark.parametrize("row", [pytest.param(row, id=row.what.replace(" ", "-")) for row in ROWS])
async def test_url(row: Row) -> None:
    watcher = Watcher()
    assert await refused(watcher, row.url, 8080) is row.reason
    assert watcher.attempts == []
    assert len(watcher.names) <= 1


@pytest.mark.parametrize("place", REDIRECTS)
async def test_redirect(place: str) -> None:
    watcher = Watcher()
    async with hostile() as server:
        host = "rebind.example" if place == "rebound" else "images.example"
        url = f"http://{host}:{server.port}/{place}"
        assert await refused(watcher, url, server.port, REDIRECTS[place]) is REDIRECTS[place].reason
    assert set(watcher.attempts) == {HERE}


@pytest.mark.parametrize("place", ANSWERS)
async def test_answer(place: str) -> None:
    watcher = Watcher()
    async with hostile() as server:
        url = f"http://images.example:{server.port}/{place}"
        assert await refused(watcher, url, server.port, ANSWERS[place]) is ANSWERS[place].reason
    assert set(watcher.attempts) == {HERE}
    assert len(server.asked) <= 2  # the library asks once more where a connection ends without a word


@pytest.mark.parametrize("place", RESTS)
async def test_rest(place: str) -> None:
    watcher = Watcher()
    async with hostile() as server:
        fetching = fetcher(watcher, settings(server.port))
        url, known = f"http://images.example:{server.port}/{place}", Facts(size=len(DATA), validator=TAG)
        with pytest.raises(FetchFailed) as error:
            await fetch(fetching, url, offset=100, known=known)
    assert error.value.reason is RESTS[place].reason
    assert server.asked[0][1]["if-range"] == TAG
    assert set(watcher.attempts) == {HERE}


def test_the_table_is_large_and_complete() -> None:
    reasons = {row.reason for row in ROWS} | {act.reason for act in (*REDIRECTS.values(), *ANSWERS.values())}
    elsewhere = {Reason.HOST, Reason.UNREACHABLE, Reason.TLS, Reason.DOWNGRADE, Reason.CONNECT_TIME}  # test_fetching.py
    assert reasons | elsewhere == set(Reason)
    assert len(ROWS) + len(REDIRECTS) + len(ANSWERS) + len(RESTS) >= 180


def test_the_page_shows_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "stale: run python -m tests.outbound.table"
