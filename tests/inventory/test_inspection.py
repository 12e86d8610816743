"""`intaglio image inspect`: what is stored is judged by the rules of today, whatever it was judged by before."""

from typing import Any

import pytest
from sqlalchemy import update

from intaglio.db.base import Database
from intaglio.db.repos import images, verdicts
from intaglio.db.repos.verdicts import Recorded
from intaglio.db.tables.added import verdicts as verdict_rows
from intaglio.domain.image import Image
from intaglio.domain.status import Status
from intaglio.formats.judge import rule_set
from intaglio.services.inspection import Finding, NothingToInspect, Outcome, inspect
from tests.db.samples import EPOCH, new_image
from tests.deletion.site import DATA, Site
from tests.inventory.conftest import Commands
from tests.starters.images import image as real_image

pytestmark = pytest.mark.anyio


async def findings(site: Site, **how: Any) -> dict[str, Finding]:
    return {each.image_id: each async for each in inspect(site.parts, **how)}


async def recorded(site: Site, image: Image) -> Recorded | None:
    return await site.parts.database.read(lambda conn: verdicts.find(conn, image.id))


async def poisoned(site: Site, **fields: Any) -> Image:
    """An image that was accepted, and whose stored data are now what no upload would bring in."""
    hostile = real_image("qcow2-backing-file").read_bytes()
    image = await site.active(real_image("qcow2").read_bytes().ljust(len(hostile), b"\0")[: len(hostile)], **fields)
    (site.home / "stores" / "fast" / image.id).write_bytes(hostile)
    return image


async def test_uploads_are_judged_and_noted(site: Site) -> None:
    image = await site.active(real_image("qcow2").read_bytes(), disk_format="qcow2")
    found = await recorded(site, image)
    assert found is not None
    assert (found.rules, found.accepted, found.detected_format) == (rule_set(site.parts.format_settings), True, "qcow2")
    docker = await site.active(disk_format="raw", container_format="docker")
    assert await recorded(site, docker) is None


async def test_only_what_other_rules_judged_is_looked_at(site: Site) -> None:
    first, second, third = [await site.active() for _ in range(3)]
    assert await findings(site) == {}
    older = update(verdict_rows).where(verdict_rows.c.image_id == second.id).values(rules="of old")
    await site.parts.database.write(lambda conn: conn.execute(older))
    await site.parts.database.write(
        lambda conn: conn.execute(verdict_rows.delete().where(verdict_rows.c.image_id == third.id))
    )
    found = await findings(site)
    assert {key: each.outcome for key, each in found.items()} == {second.id: Outcome.SAFE, third.id: Outcome.SAFE}
    assert await findings(site) == {}
    assert set(await findings(site, again=True)) == {first.id, second.id, third.id}


async def test_what_is_refused_is_found_each_time_until_it_is_out_of_use(site: Site) -> None:
    bad = await poisoned(site, disk_format="qcow2")
    good = await site.active()
    found = await findings(site, again=True)
    assert found[good.id].outcome is Outcome.SAFE
    assert (found[bad.id].outcome, found[bad.id].deactivated) == (Outcome.REFUSED, False)
    assert "backing file" in found[bad.id].reason
    assert (await site.image(bad.id)).status is Status.ACTIVE
    found = await findings(site, deactivate=True)
    assert [(each.image_id, each.deactivated) for each in found.values()] == [(bad.id, True)]
    assert (await site.image(bad.id)).status is Status.DEACTIVATED
    noted = await recorded(site, bad)
    assert noted is not None
    assert (noted.accepted, "backing file" in (noted.reason or "")) == (False, True)
    assert await findings(site, deactivate=True) == {}


async def test_what_cannot_be_read_is_not_judged(site: Site) -> None:
    image = await site.active(store_id="slow")
    docker = await site.active(container_format="docker")
    with site.away("slow"):
        found = await findings(site, again=True)
    assert {key: each.outcome for key, each in found.items()} == {
        image.id: Outcome.UNREADABLE,
        docker.id: Outcome.NOT_INSPECTED,
    }
    assert found[image.id].reason
    (site.home / "stores" / "slow" / image.id).write_bytes(DATA[:10])
    assert (await findings(site, image_id=image.id))[image.id].outcome is Outcome.UNREADABLE
    noted = await recorded(site, image)
    assert noted is not None
    assert noted.accepted


async def test_one_image(site: Site) -> None:
    image = await site.active()
    assert (await findings(site, image_id=image.id))[image.id].outcome is Outcome.SAFE
    with pytest.raises(NothingToInspect):
        await findings(site, image_id="00000000-0000-4000-8000-000000000000")


async def test_the_command(site: Site, ran: Commands) -> None:
    bad = await poisoned(site, disk_format="qcow2", name="trojan")
    await site.active()
    for nonsense in ((), (bad.id, "--all"), ("--all", "--rate", "0")):
        assert (await ran("image", "inspect", *nonsense))[0] == 2
    code, out, _ = await ran("image", "inspect", "--all", "--again", "--deactivate", "--rate", "500")
    lines = out.splitlines()
    assert (code, len(lines)) == (1, 2)
    assert f"refused: image {bad.id} (trojan): " in lines[0]
    assert lines[0].endswith("It was deactivated.")
    assert lines[1] == "2 images looked at: 1 refused, 1 safe."
    assert (await ran("image", "inspect", "--all"))[:2] == (0, "0 images looked at.\n")
    code, found = await ran.json("image", "inspect", bad.id)
    assert (code, [(each["outcome"], each["deactivated"]) for each in found]) == (1, [("refused", False)])
    code, _, err = await ran("image", "inspect", "no-such-image")
    assert (code, "no-such-image" in err) == (1, True)


async def test_pages_of_those_that_wait(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """On every database: those in use alone, each once, in pages."""
    monkeypatch.setattr(verdicts, "PAGE", 2)
    wanted = []
    for number, status in enumerate([Status.ACTIVE] * 3 + [Status.DEACTIVATED, Status.QUEUED, Status.ACTIVE]):
        image = new_image(number, status=status)
        await database.write(lambda conn, image=image: images.insert(conn, image))  # type: ignore[misc]
        wanted.append(image.id)
    judged = Recorded(image_id=wanted[5], rules="new", accepted=True, judged_at=EPOCH)
    refused = Recorded(image_id=wanted[0], rules="new", accepted=False, reason="bad", judged_at=EPOCH)
    for each in (judged, refused, refused):
        await database.write(lambda conn, each=each: verdicts.record(conn, each))  # type: ignore[misc]
    found: list[str] = []
    after = ""
    while page := await database.read(lambda conn, after=after: verdicts.waiting(conn, after, rules="new")):  # type: ignore[misc]
        found += [image.id for image in page]
        after = page[-1].id
    assert found == sorted([*wanted[:4]])
    assert await database.read(lambda conn: verdicts.find(conn, wanted[0])) == refused
