"""Receipts of images, and which images wait for a new one.

What waits is noted in the transaction of the change itself, by whatever door the change came; who writes receipts takes
what waits, a few at a time. What a Glance on the same tables changed is found by looking at all images in use.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import delete, exists, false, func, or_, select, update

from intaglio.base.clock import utcnow
from intaglio.db.base import Connection
from intaglio.db.repos.dialects import putting
from intaglio.db.tables.added import certificates, receipts, receipts_due
from intaglio.db.tables.images import images
from intaglio.domain.image import Image
from intaglio.domain.signatures import OF_SIGNATURES
from intaglio.domain.status import Status

PAGE = 500
_IN_USE = (Status.ACTIVE, Status.DEACTIVATED)
_CLAIM = timedelta(seconds=20)
"""How long one who takes what waits may be at work on it, until somebody else does."""


class Digests(StrEnum):
    """Where an image's digests on record come from."""

    COMPUTED = "computed"  # by this service, from the bytes
    DECLARED = "declared"  # by whoever named the place of the bytes
    ON_RECORD = "on-record"  # they stood in the database


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """One receipt: a DSSE envelope in JSON. Times are naive UTC."""

    image_id: str
    envelope: str
    keyid: str
    mark: str
    digests: Digests
    compared_at: datetime | None
    issued_at: datetime


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """An image that waits for a receipt; `attempts` to write it have failed, the last one with `error`."""

    image_id: str
    digests: Digests | None
    noted_at: datetime
    retry_at: datetime
    attempts: int = 0
    error: str | None = None


async def changed(conn: Connection, before: Image, after: Image) -> None:
    """Note that a receipt is to be written if what it says of an image is another now."""
    if after.status not in _IN_USE:
        return
    arrived = before.status not in _IN_USE
    digested = (before.checksum, before.os_hash_value) != (after.checksum, after.os_hash_value)
    moved = {each.uri for each in before.locations} != {each.uri for each in after.locations}
    resigned = any(before.properties.get(name) != after.properties.get(name) for name in OF_SIGNATURES)
    if arrived or digested:
        await note(conn, after.id, Digests.COMPUTED)
    elif moved or resigned:
        await note(conn, after.id)


async def note(conn: Connection, image_id: str, digests: Digests | None = None) -> None:
    """Have a receipt written soon; without `digests` what is known of their origin stays."""
    now = utcnow()
    values: dict[str, Any] = {"noted_at": now, "retry_at": now, "attempts": 0, "error": None}
    if digests is not None:
        values["digests"] = digests.value
    await conn.execute(putting(conn.dialect, receipts_due, *values), [{"image_id": image_id, **values}])


async def waiting(conn: Connection, now: datetime) -> bool:
    """Whether there is anything to take."""
    return (
        await conn.execute(select(receipts_due.c.image_id).where(receipts_due.c.retry_at <= now).limit(1))
    ).first() is not None


async def take(conn: Connection, now: datetime, limit: int) -> list[Due]:
    """Some of those that wait, which nobody else takes for a while."""
    ready = select(receipts_due).where(receipts_due.c.retry_at <= now).order_by(receipts_due.c.retry_at).limit(limit)
    taken = []
    for row in (await conn.execute(ready)).mappings().all():
        due = msgspec.convert(_values(row), Due)
        same = (receipts_due.c.image_id == due.image_id, receipts_due.c.retry_at == due.retry_at)
        claimed = update(receipts_due).where(*same).values(retry_at=now + _CLAIM)
        if (await conn.execute(claimed)).rowcount:
            taken.append(due)
    return taken


async def find_due(conn: Connection, image_id: str) -> Due | None:
    """What is noted of an image that waits, None when it does not."""
    row = (await conn.execute(select(receipts_due).where(receipts_due.c.image_id == image_id))).mappings().first()
    return None if row is None else msgspec.convert(_values(row), Due)


def _values(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}


async def put_off(conn: Connection, due: Due, error: str, until: datetime) -> None:
    """Note why it could not be written, and when somebody shall try again."""
    values = {"attempts": due.attempts + 1, "error": error, "retry_at": until}
    await conn.execute(update(receipts_due).where(*_same(due)).values(values))


async def settle(conn: Connection, due: Due) -> None:
    """It does not wait any more, unless something changed meanwhile."""
    await conn.execute(delete(receipts_due).where(*_same(due)))


def _same(due: Due) -> tuple[Any, ...]:
    return receipts_due.c.image_id == due.image_id, receipts_due.c.noted_at == due.noted_at


async def find(conn: Connection, image_id: str) -> Receipt | None:
    """The image's receipt, None when there is none yet."""
    row = (await conn.execute(select(receipts).where(receipts.c.image_id == image_id))).mappings().first()
    return None if row is None else msgspec.convert(_values(row), Receipt)


async def record(conn: Connection, receipt: Receipt) -> None:
    """Keep a receipt in the place of the one before."""
    values = msgspec.structs.asdict(receipt) | {"digests": receipt.digests.value}
    changes = [name for name in values if name != "image_id"]
    await conn.execute(putting(conn.dialect, receipts, *changes), [values])


async def compared(conn: Connection, image_id: str, at: datetime) -> None:
    """Note that the receipt still says what is so."""
    await conn.execute(update(receipts).where(receipts.c.image_id == image_id).values(compared_at=at))


async def doubtful(conn: Connection, after: str, *, everything: bool = False) -> tuple[Sequence[str], str | None]:
    """Looks at the next images in use behind that id: those without a receipt, or changed since theirs was compared.

    Returns their ids and the last id that was looked at, which is None at the end. Images without a digest have none.
    With `everything` all of them.
    """
    has_digest = or_(images.c.os_hash_value.is_not(None), images.c.checksum.is_not(None))
    wanted = (images.c.deleted == false(), images.c.status.in_([each.value for each in _IN_USE]), has_digest)
    window = select(images.c.id).where(images.c.id > after).order_by(images.c.id).limit(PAGE).subquery("window")
    last = (await conn.execute(select(func.max(window.c.id)))).scalar()
    if last is None:
        return (), None
    both = images.outerjoin(receipts, receipts.c.image_id == images.c.id)
    statement = select(images.c.id).select_from(both).where(images.c.id > after, images.c.id <= last, *wanted)
    if not everything:
        changed_at = func.coalesce(images.c.updated_at, images.c.created_at)
        stale = or_(
            receipts.c.image_id.is_(None), receipts.c.compared_at.is_(None), receipts.c.compared_at < changed_at
        )
        waits = exists().where(receipts_due.c.image_id == images.c.id)
        statement = statement.where(stale, ~waits)
    return (await conn.execute(statement)).scalars().all(), last


async def forget_gone(conn: Connection) -> int:
    """Remove the receipts of images whose data are gone; how many that were."""
    gone = ~exists().where(images.c.id == receipts.c.image_id, images.c.status != Status.DELETED.value)
    return (await conn.execute(delete(receipts).where(gone))).rowcount


async def counts(conn: Connection) -> tuple[int, int]:
    """How many receipts there are, and how many images wait for one."""
    found = (await conn.execute(select(func.count()).select_from(receipts))).scalar_one()
    return found, await count_due(conn)


async def count_due(conn: Connection) -> int:
    """How many images wait for a receipt."""
    return int((await conn.execute(select(func.count()).select_from(receipts_due))).scalar_one())


async def remember(conn: Connection, found: Mapping[str, str], keyid: str | None = None) -> None:
    """Keep certificates (PEM by fingerprint) for receipts to come, and with `keyid` as the service's own."""
    now = utcnow()
    rows = [{"fingerprint": each, "pem": pem, "keyid": keyid, "seen_at": now} for each, pem in found.items()]
    if rows:
        await conn.execute(putting(conn.dialect, certificates, *(() if keyid is None else ("keyid",))), rows)


async def known(conn: Connection, fingerprints: Iterable[str]) -> Mapping[str, str]:
    """Those of the certificates that are kept: PEM by fingerprint."""
    wanted = list(fingerprints)
    if not wanted:
        return {}
    statement = select(certificates.c.fingerprint, certificates.c.pem).where(certificates.c.fingerprint.in_(wanted))
    return {row.fingerprint: row.pem for row in await conn.execute(statement)}


class OwnCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate of the service itself, of today or of before."""

    keyid: str
    fingerprint: str
    pem: str
    since: datetime


async def own(conn: Connection) -> list[OwnCertificate]:
    """Every certificate that receipts were ever signed with, the latest first."""
    statement = select(certificates).where(certificates.c.keyid.is_not(None)).order_by(certificates.c.seen_at.desc())
    return [
        OwnCertificate(keyid=row.keyid, fingerprint=row.fingerprint, pem=row.pem, since=row.seen_at)
        for row in await conn.execute(statement)
    ]
