"""Comparing what the stores hold with what the database says, both ways; removing what nobody knows of, when told to.

What somebody is at work on is never judged: an upload, an import, a copy, a removal; nor is anything younger than the
grace time ever removed, so that a service that is slower than this one looks has its time.
"""

import re
import time
from collections.abc import Collection, Mapping
from enum import StrEnum
from functools import partial

import msgspec

from intaglio.base.clock import utcnow
from intaglio.base.errors import IntaglioError
from intaglio.db.base import Connection
from intaglio.db.repos import copies as copy_rows
from intaglio.db.repos import deletions as deleted
from intaglio.db.repos import images, leases
from intaglio.db.repos.leases import Lease
from intaglio.domain.status import Status
from intaglio.services.inventory import UNKNOWN, Placed, Told, place, placed, silent
from intaglio.services.leases import lease_end
from intaglio.services.parts import Parts
from intaglio.services.recovery import retry_given_up
from intaglio.services.removal import STAGE_KIND, put_off, settle_patiently
from intaglio.stores.base import NotFound, Stat, Store, StoreError
from intaglio.stores.settings import STAGING

GRACE_HOURS = 24.0
"""The default: an object that nobody knows of is removed only when it is older."""

_OF_IMAGE = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_STAGED = {Status.UPLOADING, Status.IMPORTING}


class Kind(StrEnum):
    """What is wrong."""

    ORPHAN = "orphan"  # an object that no image has
    MISSING = "missing"  # a copy whose object is not there
    WRONG_SIZE = "wrong-size"
    STAGED = "staged"  # data that wait for an import that nobody can ask for
    NOWHERE = "nowhere"  # a copy whose location no configured store holds
    FOREIGN = "foreign"  # an object whose name could not be an image's; never touched


class Finding(msgspec.Struct, kw_only=True):
    """One disagreement. `age_hours` is None where the store does not say how old an object is."""

    kind: Kind
    store_id: str
    key: str
    image_id: str | None = None
    size: int | None = None
    age_hours: float | None = None
    note: str = ""
    fixed: bool = False


class Report(msgspec.Struct, kw_only=True):
    """What came out. `unreadable`: stores that could not be listed, and why; `removals` wait or were given up."""

    objects: dict[str, int] = {}
    copies: int = 0
    findings: list[Finding] = []
    unreadable: dict[str, str] = {}
    removals: list[Lease] = []
    kept_images: int = 0
    swept: dict[str, int] = {}
    retried: int = 0

    @property
    def fine(self) -> bool:
        """Whether nothing is left that a person should see to."""
        open_ = [each for each in self.findings if not each.fixed and each.kind is not Kind.FOREIGN]
        return not (open_ or self.unreadable or any(lease.given_up_at for lease in self.removals))


async def reconcile(
    parts: Parts,
    stores: Collection[str] = (),
    *,
    fix: bool = False,
    grace_hours: float = GRACE_HOURS,
    told: Told = silent,
) -> Report:
    """Compare all stores, or some. With `fix`, orphans and staged leftovers older than the grace time are removed.

    The listing of a store is held in memory, about 200 bytes an object.
    """
    report = Report()
    if fix:
        report.retried = await retry_given_up(parts)
    listed = await _list(parts, stores or tuple(parts.stores), report, told)
    named = await _compare_copies(parts, listed, report, told)
    for store_id, objects in listed.items():
        unknown = [stat for stat in objects.values() if (store_id, stat.key) not in named]
        report.findings += await _orphans(parts, store_id, unknown)
    if not stores or STAGING in stores:
        report.findings += await _staged(parts, report, told)
    if fix:
        await _fix(parts, report, grace_hours)
        await _sweep(parts, listed, report)
    report.removals = await parts.database.read(leases.failing)
    report.kept_images = await parts.database.read(deleted.count)
    return report


async def _list(parts: Parts, stores: Collection[str], report: Report, told: Told) -> dict[str, dict[str, Stat]]:
    listed: dict[str, dict[str, Stat]] = {}
    for store_id in stores:
        if store_id == STAGING or not parts.stores[store_id].abilities.owned:
            continue
        found = await _listing(parts.stores[store_id], store_id, report, told)
        if found is not None:
            listed[store_id] = found
            report.objects[store_id] = len(found)
    return listed


async def _listing(store: Store, store_id: str, report: Report, told: Told) -> dict[str, Stat] | None:
    found: dict[str, Stat] = {}
    try:
        async for stat in store.list():
            found[stat.key] = stat
            told(f"listing {store_id}", 1)
    except StoreError as error:
        report.unreadable[store_id] = str(error)
        return None
    return found


async def _compare_copies(
    parts: Parts, listed: Mapping[str, Mapping[str, Stat]], report: Report, told: Told
) -> set[tuple[str, str]]:
    """The objects that images name; what is wrong with those that should be there is reported."""
    named: set[tuple[str, str]] = set()
    async for each in placed(parts):
        report.copies += 1
        told("comparing copies", 1)
        named.add((each.store_id, each.key))
        if each.store_id == UNKNOWN:
            report.findings.append(_finding(Kind.NOWHERE, each, "no configured store holds its location"))
        elif each.store_id in listed:
            found = listed[each.store_id].get(each.key)
            if found is None:
                if await _is_missing(parts, each):
                    report.findings.append(_finding(Kind.MISSING, each, "its object is not there"))
            elif each.copy.size is not None and found.size != each.copy.size:
                said = f"it has {found.size} bytes where {each.copy.size} were stored"
                report.findings.append(_finding(Kind.WRONG_SIZE, each, said))
    return named


def _finding(kind: Kind, each: Placed, note: str) -> Finding:
    store_id = each.store_id or each.copy.location.store or UNKNOWN
    kept = "; the image is deleted and its data kept" if each.copy.status is Status.PENDING_DELETE else ""
    return Finding(
        kind=kind, store_id=store_id, key=each.key, image_id=each.copy.image_id, size=each.copy.size, note=note + kept
    )


async def _is_missing(parts: Parts, each: Placed) -> bool:
    """It was not in the listing: it may have come after it, and the copy may have gone since it was read."""
    try:
        await parts.stores[each.store_id].stat(each.key)
    except NotFound:
        now = await parts.database.read(lambda conn: copy_rows.of_images(conn, [each.copy.image_id]))
        return any(place(parts, copy) == each for copy in now)
    except StoreError:
        return False
    return False


async def _orphans(parts: Parts, store_id: str, unknown: list[Stat]) -> list[Finding]:
    """Those of the objects that are nobody's, looked at again after the listing."""
    found = []
    for start in range(0, len(unknown), copy_rows.PAGE):
        some = unknown[start : start + copy_rows.PAGE]
        ids = {stat.key: image_of(stat.key) for stat in some}
        spoken_for = await parts.database.read(partial(_spoken_for, parts=parts, ids=set(ids.values())))
        for stat in some:
            if ids[stat.key] is None:
                found.append(_about(Kind.FOREIGN, store_id, stat, "its name could not be an image's; it is left alone"))
            elif not spoken_for & {ids[stat.key], stat.key, f"{store_id}/{stat.key}"}:
                found.append(_about(Kind.ORPHAN, store_id, stat, "no image has it"))
    return found


def image_of(key: str) -> str | None:
    """The id of the image that an object's name says it is of; None for a name that no service gives one."""
    match = _OF_IMAGE.match(key)
    return None if match is None or key[match.end() :][:1] not in {"", "."} else match[0]


async def _spoken_for(conn: Connection, parts: Parts, ids: Collection[str | None]) -> set[str]:
    """Ids of images that somebody is at work on, and `store/key` of the copies of the others."""
    real = [each for each in ids if each is not None]
    if not real:
        return set()
    found = set(await copy_rows.busy(conn, real))
    for copy in await copy_rows.of_images(conn, real):
        where = place(parts, copy)
        found.add(f"{where.store_id}/{where.key}")
    return found


def _about(kind: Kind, store_id: str, stat: Stat, note: str) -> Finding:
    age = None if stat.modified is None else max(0.0, time.time() - stat.modified) / 3600
    return Finding(
        kind=kind,
        store_id=store_id,
        key=stat.key,
        image_id=image_of(stat.key),
        size=stat.size,
        age_hours=age,
        note=note,
    )


async def _staged(parts: Parts, report: Report, told: Told) -> list[Finding]:
    found = []
    listing = await _listing(parts.staging, STAGING, report, told) or {}
    for stat in listing.values():
        image_id = image_of(stat.key)
        if image_id is not None and await parts.database.read(partial(_is_left, image_id=image_id)):
            found.append(_about(Kind.STAGED, STAGING, stat, "no image waits for it"))
    return found


async def _is_left(conn: Connection, image_id: str) -> bool:
    image = await images.get(conn, image_id)
    if image is not None and image.status in _STAGED:
        return False
    return not await copy_rows.busy(conn, [image_id])


async def _fix(parts: Parts, report: Report, grace_hours: float) -> None:
    for finding in report.findings:
        if finding.kind not in {Kind.ORPHAN, Kind.STAGED}:
            continue
        if finding.age_hours is None:
            finding.note += "; its age is not known, so it is left"
        elif finding.age_hours < grace_hours:
            finding.note += f"; it is younger than {grace_hours:g} h, so it is left"
        else:
            await _remove(parts, finding)


async def _remove(parts: Parts, finding: Finding) -> None:
    """Remove an object under a lease that keeps everybody else from writing one of this name."""
    lease = await parts.database.write(lambda conn: _claim(conn, parts, finding))
    if lease is None:
        finding.note += "; somebody is at work on it now, so it is left"
        return
    try:
        await settle_patiently(parts, lease)
    except IntaglioError as error:
        await put_off(parts, lease, error)
        finding.note += f"; it could not be removed: {error}"
    else:
        finding.fixed = True


async def _claim(conn: Connection, parts: Parts, finding: Finding) -> Lease | None:
    image_id = finding.image_id or ""
    if finding.kind is Kind.STAGED:
        free = await _is_left(conn, image_id)
    else:
        free = not await _spoken_for(conn, parts, [image_id]) & {image_id, f"{finding.store_id}/{finding.key}"}
    if not free:
        return None
    lease = Lease(
        image_id=image_id,
        kind=STAGE_KIND if finding.kind is Kind.STAGED else "upload",
        holder=parts.holder,
        store_id=finding.store_id,
        key=finding.key,
        created_at=utcnow(),
        expires_at=lease_end(),
    )
    await leases.claim(conn, lease)
    return lease


async def _sweep(parts: Parts, listed: Collection[str], report: Report) -> None:
    """Remove what dead writers left unfinished: the stores tell it from what is being written."""
    for store_id in listed:
        try:
            report.swept[store_id] = await parts.stores[store_id].sweep()
        except StoreError as error:
            report.unreadable[store_id] = str(error)
