"""Leases on each database: one holder, who learns when the lease was lost."""

import asyncio

import msgspec
import pytest

from intaglio.db.base import Database
from intaglio.db.repos import leases
from intaglio.db.repos.leases import Lease, LeaseHeld
from tests.db.samples import moment, new_image

pytestmark = pytest.mark.anyio
replace = msgspec.structs.replace


def lease(**changes: object) -> Lease:
    made = Lease(
        image_id=new_image().id,
        holder="host/boot/1",
        store_id="file",
        key="a-key",
        created_at=moment(0.25),
        expires_at=moment(30.5),
    )
    return replace(made, **changes)


async def claim(database: Database, wanted: Lease) -> None:
    await database.write(lambda conn: leases.claim(conn, wanted))


async def test_a_lease_comes_back(database: Database) -> None:
    made = lease()
    assert await database.read(lambda conn: leases.find(conn, made.image_id)) is None
    await claim(database, made)
    assert await database.read(lambda conn: leases.find(conn, made.image_id)) == made
    assert await database.read(lambda conn: leases.find(conn, made.image_id, "other")) is None


async def test_one_holder_for_each_kind(database: Database) -> None:
    made = lease()
    await claim(database, made)
    with pytest.raises(LeaseHeld):
        await claim(database, replace(made, holder="host/boot/2"))
    await claim(database, replace(made, kind="copy"))


async def test_one_of_many_claims_wins(database: Database) -> None:
    made = lease()
    tries = [claim(database, replace(made, holder=f"host/boot/{number}")) for number in range(8)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["LeaseHeld"] * 7 + ["NoneType"]


async def test_a_holder_renews_and_releases(database: Database) -> None:
    made = lease()
    await claim(database, made)
    assert await database.write(lambda conn: leases.renew(conn, made, moment(99)))
    found = await database.read(lambda conn: leases.find(conn, made.image_id))
    assert found == replace(made, expires_at=moment(99))
    assert await database.write(lambda conn: leases.release(conn, made))
    assert not await database.write(lambda conn: leases.release(conn, made))
    assert not await database.write(lambda conn: leases.renew(conn, made, moment(100)))


async def test_a_lost_lease_is_not_the_next_holders(database: Database) -> None:
    first = lease()
    await claim(database, first)
    await database.write(lambda conn: leases.release(conn, first))
    for second in (replace(first, created_at=moment(1)), replace(first, holder="host/boot/2")):
        await claim(database, second)
        assert not await database.write(lambda conn: leases.renew(conn, first, moment(100)))
        assert not await database.write(lambda conn: leases.release(conn, first))
        assert await database.write(lambda conn, held=second: leases.release(conn, held))  # type: ignore[misc]


async def test_all_are_found_those_that_end_soonest_first(database: Database) -> None:
    made = [lease(expires_at=moment(seconds)) for seconds in (3, 1, 2)]
    for each in made:
        await claim(database, each)
    assert await database.read(leases.everyone) == [made[1], made[2], made[0]]


async def test_a_lease_is_taken_over_as_it_was_seen_or_not_at_all(database: Database) -> None:
    seen = lease()
    await claim(database, seen)
    until = moment(90.75)
    renewed = replace(seen, expires_at=moment(60.5))
    assert await database.write(lambda conn: leases.renew(conn, seen, renewed.expires_at))
    assert await database.write(lambda conn: leases.take_over(conn, seen, "host/boot/2", until)) is None
    taken = await database.write(lambda conn: leases.take_over(conn, renewed, "host/boot/2", until))
    assert taken == replace(seen, holder="host/boot/2", expires_at=until)
    assert await database.read(leases.everyone) == [taken]
    assert not await database.write(lambda conn: leases.release(conn, seen))
    assert not await database.write(lambda conn: leases.renew(conn, seen, until))


async def test_one_of_many_takes_a_lease_over(database: Database) -> None:
    seen = lease()
    await claim(database, seen)

    async def take(number: int) -> Lease | None:
        return await database.write(lambda conn: leases.take_over(conn, seen, f"host/boot/{number}", moment(90)))

    taken = [each for each in await asyncio.gather(*map(take, range(8))) if each is not None]
    assert await database.read(leases.everyone) == taken
