"""Keystone is killed, comes back, or says nothing: what is still answered, what is refused, and for how long."""

import asyncio
import logging
from collections.abc import Iterator

import pytest

from intaglio.base.errors import Unavailable
from intaglio.identity.keystone import KeystoneTooSlow, KeystoneUnreachable
from tests.identity.keystone_part import part
from tests.starters.keystone import Keystone, keystone

pytestmark = [pytest.mark.real, pytest.mark.anyio, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keystone]:
    """A Keystone that is of this file alone."""
    with keystone(tmp_path_factory.mktemp("mortal")) as server:
        yield server


async def test_killed_and_back(mortal: Keystone, caplog: pytest.LogCaptureFixture) -> None:
    known, new = mortal.token("mia", project="alpha"), mortal.token("stan", project="beta")
    async with part(mortal, http_request_max_retries=1) as ours:
        await ours.who(known)
        mortal.kill()
        try:
            assert (await ours.who(known)).user_id == mortal.ids["user/mia"]
            with caplog.at_level(logging.ERROR), pytest.raises(KeystoneUnreachable):
                await ours.who(new)
            assert ours.asked == [known, new, new]  # once more, and then it is said
            assert len([record for record in caplog.records if "no connection to Keystone" in record.message]) == 1
        finally:
            mortal.start()
        assert (await ours.who(new)).user_id == mortal.ids["user/stan"]


async def test_down_from_the_start(mortal: Keystone) -> None:
    """The service's own login fails for want of a connection, and is made when there is one."""
    token = mortal.token("mia", project="alpha")
    async with part(mortal, http_request_max_retries=0) as ours:
        mortal.kill()
        try:
            with pytest.raises(KeystoneUnreachable):
                await ours.who(token)
        finally:
            mortal.start()
        assert (await ours.who(token)).user_id == mortal.ids["user/mia"]


async def test_silent(mortal: Keystone) -> None:
    """Who needs no answer gets on; who needs one waits as long as was configured, however many there are."""
    known, new = mortal.token("mia", project="alpha"), mortal.token("stan", project="beta")
    async with part(mortal, http_connect_timeout=5.0) as ours:
        await ours.who(known)
        with mortal.silent():
            waiting = [asyncio.create_task(ours.who(f"{new}{number or ''}")) for number in range(30)]
            await asyncio.sleep(0)
            for _ in range(100):
                assert (await ours.who(known)).user_id == mortal.ids["user/mia"]
            assert not any(task.done() for task in waiting)
            answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(answer, KeystoneTooSlow | KeystoneUnreachable) for answer in answers)
        assert all(isinstance(answer, Unavailable) for answer in answers)
    async with part(mortal) as ours:
        assert (await ours.who(new)).user_id == mortal.ids["user/stan"]


async def test_revived_service_token(mortal: Keystone) -> None:
    """The service's own token is taken back under its feet: it logs in again, and no user notices."""
    async with part(mortal) as ours:
        await ours.who(mortal.token("mia", project="alpha"))
        own = ours.validator._session._adapter.get_token()
        assert own
        mortal.revoke(own)
        assert (await ours.who(mortal.token("stan", project="beta"))).user_id == mortal.ids["user/stan"]
        assert ours.validator._session._adapter.get_token() != own
