"""What `intaglio image inspect`, `sign-all` and `receipts` do: stored data judged anew, signed, and proven."""

from collections.abc import AsyncIterator, Callable, Collection
from typing import TypeVar

import msgspec

from intaglio.base.errors import Invalid
from intaglio.bootstrap.administration import with_parts
from intaglio.bootstrap.settings import Settings
from intaglio.domain.image import Visibility
from intaglio.services import baseline, inspection, marks, receipt_writing, receipts
from intaglio.services.baseline import Signed
from intaglio.services.inspection import Finding
from intaglio.services.inventory import Told
from intaglio.services.parts import Parts

T = TypeVar("T")

_MIB = 1 << 20


class NoReceiptsHere(Invalid):
    """The configuration has no receipts written."""

    code = "no-receipts-here"


class Written(msgspec.Struct, frozen=True):
    """How many receipts were written, how many there are now, and how many images wait for one."""

    written: int
    there: int
    waiting: int


def inspect(
    settings: Settings,
    image: str | None,
    *,
    again: bool,
    deactivate: bool,
    mebibytes_per_second: float | None,
    told: Told,
    found: Callable[[Finding], None],
) -> list[Finding]:
    """See `inspection.inspect`; `found` hears of each image as soon as it was judged."""
    rate = _bytes(mebibytes_per_second)

    def work(parts: Parts) -> AsyncIterator[Finding]:
        return inspection.inspect(
            parts, image_id=image, again=again, deactivate=deactivate, bytes_per_second=rate, told=told
        )

    return _each(settings, work, found)


def sign_all(
    settings: Settings,
    image: str | None,
    *,
    visibilities: Collection[Visibility],
    dry_run: bool,
    mebibytes_per_second: float | None,
    told: Told,
    found: Callable[[Signed], None],
) -> list[Signed]:
    """See `baseline.sign_all`; `found` hears of each image as soon as it was signed."""
    rate = _bytes(mebibytes_per_second)

    def work(parts: Parts) -> AsyncIterator[Signed]:
        return baseline.sign_all(
            parts, image_id=image, visibilities=visibilities, dry_run=dry_run, bytes_per_second=rate, told=told
        )

    return _each(settings, work, found)


def _each(settings: Settings, work: Callable[[Parts], AsyncIterator[T]], found: Callable[[T], None]) -> list[T]:
    """All that comes of `work`; `found` hears of each at once."""

    async def run(parts: Parts) -> list[T]:
        await marks.recall(parts)
        done = []
        async for each in work(parts):
            found(each)
            done.append(each)
        return done

    return with_parts(settings, run)


def _bytes(mebibytes: float | None) -> float | None:
    return None if mebibytes is None else mebibytes * _MIB


def write_receipts(settings: Settings, *, everything: bool) -> Written:
    """Write the receipts that are missing, and those that would say something else now. Raises `NoReceiptsHere`."""
    if not settings.signatures.receipts:
        raise NoReceiptsHere("[image_signature_verification] receipts is off: this service writes none.")

    async def work(parts: Parts) -> Written:
        await marks.recall(parts)
        await parts.own_key.current()  # without it every one would fail
        await receipts.reconcile(parts, everything=everything)
        written = await receipt_writing.Receipts(parts).tend()
        return Written(written, *await parts.database.read(receipts.counts))

    return with_parts(settings, work)
