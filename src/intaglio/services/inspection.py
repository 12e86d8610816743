"""Judging stored data anew, by the rules of today. What is refused is taken out of use where that is wanted."""

import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from enum import StrEnum
from functools import partial

import msgspec

from intaglio.base.clock import utcnow
from intaglio.base.errors import NotFound
from intaglio.db.base import Connection
from intaglio.db.repos import images, receipts, verdicts
from intaglio.domain.image import Image
from intaglio.domain.status import Status
from intaglio.formats.base import FormatMismatch, UnsafeContent, Verdict
from intaglio.formats.judge import Inspection, rule_set
from intaglio.ingest.sources import Copy, DeliveryBroken, continued, require_size
from intaglio.services.guarded import guarded_write
from intaglio.services.inventory import Told, silent
from intaglio.services.parts import Parts
from intaglio.services.verify import Pace
from intaglio.stores.base import StoreError

_log = logging.getLogger(__name__)

_INSPECTED_CONTAINER = "bare"


class NothingToInspect(NotFound):
    """There is no image of that id whose data are in use."""

    code = "nothing-to-inspect"


class Outcome(StrEnum):
    """What an image's data are found to be."""

    SAFE = "safe"
    REFUSED = "refused"
    UNREADABLE = "unreadable"  # no store delivers them now; nothing is noted
    NOT_INSPECTED = "not inspected"  # its container format is one that is taken as it is


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one image. `deactivated`: it was active until now."""

    image_id: str
    name: str | None
    outcome: Outcome
    detected_format: str = ""
    reason: str = ""
    deactivated: bool = False

    @property
    def fine(self) -> bool:
        return self.outcome in {Outcome.SAFE, Outcome.NOT_INSPECTED}


async def inspect(
    parts: Parts,
    *,
    image_id: str | None = None,
    again: bool = False,
    deactivate: bool = False,
    bytes_per_second: float | None = None,
    told: Told = silent,
) -> AsyncIterator[Finding]:
    """Look at the data of one image, or of every image in use that the rules of today have not judged or have refused.

    With `again` every image in use is looked at. Each verdict is noted before the next image's turn, so that a run that
    is cut short goes on where it was. `deactivate` takes active images out of use whose data are refused.

    Raises `NothingToInspect`.
    """
    pace = Pace(bytes_per_second)
    rules = rule_set(parts.format_settings)
    async for image in _chosen(parts, image_id, None if again else rules):
        told(f"image {image.id}", 0)
        finding = await _judged(parts, image, pace, told)
        if finding.outcome in {Outcome.SAFE, Outcome.REFUSED}:
            finding = await _note(parts, finding, rules, deactivate=deactivate)
        yield finding


async def _chosen(parts: Parts, image_id: str | None, rules: str | None) -> AsyncIterator[Image]:
    if image_id is not None:
        image = await parts.database.read(lambda conn: images.get(conn, image_id))
        if image is None or image.status not in {Status.ACTIVE, Status.DEACTIVATED}:
            raise NothingToInspect(f"There is no image {image_id} that is active or deactivated.")
        yield image
        return
    after = ""
    while page := await parts.database.read(partial(verdicts.waiting, after=after, rules=rules)):
        for image in page:
            yield image
        after = page[-1].id


async def _judged(parts: Parts, image: Image, pace: Pace, told: Told) -> Finding:
    finding = partial(Finding, image_id=image.id, name=image.name)
    if image.container_format != _INSPECTED_CONTAINER:
        return finding(outcome=Outcome.NOT_INSPECTED)
    try:
        verdict = await _look(parts, image, pace, told)
    except (StoreError, DeliveryBroken) as error:
        return finding(outcome=Outcome.UNREADABLE, reason=str(error))
    except (FormatMismatch, UnsafeContent) as refusal:
        return finding(outcome=Outcome.REFUSED, reason=str(refusal))
    return finding(outcome=Outcome.SAFE, detected_format=verdict.detected or "")


async def _look(parts: Parts, image: Image, pace: Pace, told: Told) -> Verdict:
    """Read as much of the image as the inspection wants to see."""
    inspection = Inspection(parts.format_settings, image.disk_format or "", image.container_format or "")
    size = image.size or 0
    locations = parts.stores.for_reading(image.locations, lambda each: each.store)
    copies = [Copy(*parts.stores.for_location(location.uri, location.metadata)) for location in locations]
    if not copies:
        raise DeliveryBroken("It has no copy.")
    await require_size(copies[0], size)
    async with aclosing(continued(copies, f"image {image.id}", size, 0, size)) as pieces:
        async for piece in pieces:
            inspection.feed(piece)
            told(f"image {image.id}", len(piece))
            await pace.passed(len(piece))
            if not inspection.wants_more:
                break
    return inspection.finish(size)


async def _note(parts: Parts, finding: Finding, rules: str, *, deactivate: bool) -> Finding:
    """Record the verdict, and take the image out of use in the same transaction."""
    refused = finding.outcome is Outcome.REFUSED
    verdict = verdicts.Recorded(
        image_id=finding.image_id,
        rules=rules,
        accepted=not refused,
        detected_format=finding.detected_format,
        reason=finding.reason or None,
        judged_at=utcnow(),
    )

    async def work(conn: Connection) -> bool:
        await verdicts.record(conn, verdict)
        await receipts.note(conn, finding.image_id)
        image = await images.get(conn, finding.image_id)
        if not (refused and deactivate) or image is None or image.status is not Status.ACTIVE:
            return False
        await images.transition(conn, image.id, Status.ACTIVE, Status.DEACTIVATED)
        return True

    deactivated = await guarded_write(parts, work)
    if deactivated:
        _log.error("image %s was deactivated: %s", finding.image_id, finding.reason)
    return msgspec.structs.replace(finding, deactivated=deactivated)
