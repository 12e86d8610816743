"""What the steps of an import work with, what each is told, and how it knows that it is still wanted."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from intaglio.base.clock import utcnow
from intaglio.base.errors import Conflict, Gone, Unavailable
from intaglio.base.process import is_dead
from intaglio.db.base import Connection, Database, T, Work
from intaglio.db.repos import images, leases, tasks
from intaglio.db.repos.images import Superseded
from intaglio.db.repos.leases import Lease
from intaglio.domain.image import Image, Location
from intaglio.domain.task import LOCK
from intaglio.flows.base import Json
from intaglio.formats.settings import FormatSettings
from intaglio.identity.regions import Regions, Seal
from intaglio.imports.conversion import Conversion
from intaglio.imports.plugins import Plugin
from intaglio.ingest.door import Door
from intaglio.ingest.unpacking import UnpackingLimits
from intaglio.outbound.base import Fetcher
from intaglio.outbound.settings import Patience
from intaglio.signatures.keyring import Keyring
from intaglio.signatures.own import OwnKey
from intaglio.signatures.own_signing import OwnSigner
from intaglio.signatures.verification import Verification
from intaglio.stores.base import NotFound, Store
from intaglio.stores.registry import Stores

_log = logging.getLogger(__name__)

LEASE_KIND = "import"
"""Leases of this kind belong to flows, which are always finished or undone by a flow; nobody else settles them."""
UNSTAGE_KIND = "unstage"
"""What the last holder of staged data was to remove; any worker may do it when this one ends."""
LEASE_SECONDS = 20
_LONGEST_PAUSE = 5.0
_LOOK_SECONDS = 0.5


class ImageGone(Gone):
    """The image was deleted while a task was at work on it."""

    code = "import-image-gone"


class ImportCancelled(Conflict):
    """Somebody asked for the import to be given up."""

    code = "import-cancelled"


class ImportOvertaken(Conflict):
    """The image is no longer this task's: another one holds its lock."""

    code = "import-overtaken"


class Room(Protocol):
    """The quota of the project that an image belongs to."""

    async def claim(self, job: "Job", lease: Lease, size: int, *, known: bool) -> int:
        """Make sure of room for `size` bytes of the image, staged and in each of its stores; the room there is now.

        `known`: that will be all. Otherwise there may be room for more than `size` afterwards.

        Raises `OverQuota`, `ImportOvertaken`, and what `require_wanted` raises.
        """
        ...

    async def change(
        self, job: "Job", lease: Lease, change: Callable[[Image], Image], also: Callable[[Connection], Awaitable[None]]
    ) -> None:
        """Change the image, which may take more room then, and do what goes with that. Raises the same."""
        ...


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """The parts that steps use."""

    database: Database
    stores: Stores
    staging: Store
    door: Door
    formats: FormatSettings
    hashing_algorithm: str
    size_cap: int  # bytes
    holder: str  # names this process in leases
    task_hours: int  # how long a finished task is kept
    fetcher: Fetcher
    patience: Patience  # with sources
    room: Room
    verification: Verification
    own_key: OwnKey
    own_signer: OwnSigner | None = None  # set where images are signed anew
    keyring: Keyring  # of upstreams
    regions: Regions | None = None  # set where Keystone says where they are
    seal: Seal | None = None  # opens the tokens of users who asked for imports from there
    copied_properties: tuple[str, ...] = ()  # beginnings of the names of properties that come from there
    property_quota: int = -1  # properties of an image; negative: no limit
    secure_hash: bool = True  # what is added by its location is digested
    location_attempts: int = 3  # at that
    unpacking: UnpackingLimits | None = None  # of packed data; None: they are imported as they are
    conversion: Conversion | None = None  # to the operator's format; None: data stay in the one they have
    introspects: bool = False  # whether what data say of themselves becomes properties
    ovf: tuple[str, ...] = ()  # what of an OVA's description does
    plugins: Mapping[str, Plugin] = {}  # those of other packages, in their order

    async def write(self, work: Work[T]) -> T:
        """Run `work` in a transaction until it succeeds, decided anew on what is there; it must bear repetition.

        A database that does not answer is waited for: what was done need not be lost because it is restarted.
        """
        pause = 0.05
        while True:
            try:
                return await self.database.write(work)
            except Superseded:
                await asyncio.sleep(pause)
            except Unavailable as error:
                _log.warning("an import waits for the database: %s", error)
                pause = min(_LONGEST_PAUSE, pause * 2)
                await asyncio.sleep(pause)

    def expiry(self) -> datetime:
        """When a task that ends now expires."""
        return utcnow() + timedelta(hours=self.task_hours)


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One import, as its task's input says it; the same at every attempt.

    `keeps_properties`: what the image says already is not replaced by what is found in its data.
    """

    task_id: str
    image_id: str
    method: str
    stores: tuple[str, ...]
    all_must_succeed: bool
    keeps_properties: bool = False


Step = Callable[[Bench, Job], Awaitable[Json]]


async def require_wanted(conn: Connection, job: Job, *, cancellable: bool = True) -> Image:
    """The image, when this task is still to work on it.

    Raises `ImageGone`, `ImportOvertaken`, and with `cancellable` `ImportCancelled`.
    """
    image = await images.get(conn, job.image_id)
    if image is None:
        raise ImageGone("The image was deleted.")
    if image.properties.get(LOCK) != job.task_id:
        raise ImportOvertaken("Another task took over the image.")
    if cancellable and await tasks.is_cancelled(conn, job.task_id):
        raise ImportCancelled("It was cancelled.")
    return image


async def seize(conn: Connection, bench: Bench, job: Job, store_id: str) -> Lease:
    """Make this process the one that writes objects of the image, whoever was before: it runs the flow now."""
    before = await leases.find(conn, job.image_id, LEASE_KIND)
    if before is not None:  # not ended and taken anew: room that is reserved hangs on it
        taken = await leases.take_over(conn, before, bench.holder, lease_end())
        if taken is None:
            raise Superseded("The lease was renewed at this moment.")
        return taken
    lease = Lease(
        image_id=job.image_id,
        kind=LEASE_KIND,
        holder=bench.holder,
        store_id=store_id,
        key=job.image_id,
        created_at=utcnow(),
        expires_at=lease_end(),
    )
    await leases.claim(conn, lease)
    return lease


def lease_end() -> datetime:
    """When a lease taken or renewed now ends."""
    return utcnow() + timedelta(seconds=LEASE_SECONDS)


def holds(stores: Stores, image_id: str, locations: Iterable[Location], store_id: str) -> bool:
    """Whether one of an image's locations is in this store, or is the object that this store would write for it."""
    for location in locations:
        if location.store == store_id or (location.store is None and not stores.multi):
            return True
        try:
            if location.uri == stores[store_id].uri(image_id):
                return True
        except NotFound:  # a store of several places does not know of such an object
            continue
    return False


async def undisturbed(bench: Bench, job: Job, store_id: str) -> None:
    """Wait until nobody else removes the image's object from this store any more.

    What a dead one was to remove is left to the caller, who is to remove it before writing anew.
    """

    async def others(conn: Connection) -> bool:
        busy = False
        for lease in await leases.of_image(conn, job.image_id):
            if lease.kind == LEASE_KIND or lease.store_id != store_id or not lease.key.startswith(job.image_id):
                continue
            held = lease.holder != leases.NOBODY and not is_dead(lease.holder)
            if held and lease.expires_at > utcnow():
                busy = True
            else:
                await leases.release(conn, lease)
        return busy

    while await bench.write(others):  # noqa: ASYNC110 - other processes remove it
        await asyncio.sleep(_LOOK_SECONDS)


async def discard(store: Store, key: str) -> None:
    """Remove an object if it is there. Raises what the store raises, but `NotFound`."""
    try:
        await store.delete(key)
    except NotFound:
        return
