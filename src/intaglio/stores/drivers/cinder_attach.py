"""Attaching a volume to this process and letting go of it, step by step, so that every step can be taken back."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, TypeVar, TypeVarTuple

from intaglio.stores.base import StoreError
from intaglio.stores.drivers.cinder_api import Volume
from intaglio.stores.drivers.cinder_brick import Brick, Connection, Device
from intaglio.stores.drivers.cinder_faults import InUse, absent
from intaglio.stores.drivers.cinder_options import CinderOptions
from intaglio.stores.drivers.cinder_volumes import Volumes, is_finished
from intaglio.stores.threads import Threads

_LONGEST_WAIT = 10.0  # seconds between attempts to attach

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_log = logging.getLogger(__name__)


class Host:
    """What attaching needs of a store: its volumes, os-brick, threads for data, and what could not be detached."""

    def __init__(self, store: str, chosen: CinderOptions, volumes: Volumes, brick: Brick, data: Threads) -> None:
        self.store = store
        self.options = chosen
        self.volumes = volumes
        self.brick = brick
        self.data = data
        self.left: set[Attachment] = set()

    async def finish(self) -> None:
        """Try again to let go of what could not be."""
        for each in list(self.left):
            await each.release()


class Attachment:
    """One attachment of a volume. After `attach` was begun `release` must be awaited, whatever came of it."""

    def __init__(self, host: Host, volume: Volume, *, write: bool) -> None:
        self._host = host
        self.volume = volume
        self._write = write
        self._id: str | None = None
        self._info: dict[str, Any] | None = None
        self._connection: Connection | None = None
        self._calls: set[asyncio.Future[Any]] = set()

    @property
    def device(self) -> Device:
        """The volume as this host has it."""
        return self.connection.device

    @property
    def connection(self) -> Connection:
        """How this host reaches it."""
        if self._connection is None:
            raise InUse(f"store {self._host.store!r}: volume {self.volume.id} is not attached")
        return self._connection

    async def attach(self) -> None:
        """Attach the volume; tries again while it is attached elsewhere or changing.

        Raises `NotFound`, `InUse`, and what the calls raise.
        """
        await self._reserve()
        await self.run(self._connect)

    async def run(self, call: Callable[[*Ts], T], *args: *Ts) -> T:
        """A call that goes on when the caller is cancelled, and that `release` waits for."""
        return await self._host.data.wait(asyncio.shield(self.submit(call, *args)))

    def submit(self, call: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Start a call that `release` waits for."""
        future = self._host.data.submit(call, *args)
        self._calls.add(future)
        future.add_done_callback(self._calls.discard)
        return future

    async def release(self) -> bool:
        """Let go of the volume; whether that is done. What cannot be done now is tried again later. Never raises."""
        self._host.left.add(self)
        if self._calls:
            await asyncio.wait(self._calls, timeout=self._host.data.limit)
        if self._calls:  # a call hangs: what it works on must stay
            return False
        try:
            if self._id is not None:
                await self._host.data.wait(asyncio.shield(self._host.data.submit(self._release)))
        except StoreError as error:
            _log.warning("%s; it is tried again later", error)
            return False
        self._host.left.discard(self)
        return True

    async def _reserve(self) -> None:
        attempts = self._host.options.cinder_attachment_retry_attempts
        for attempt in range(1, attempts + 1):
            try:
                await self.run(self._take)
            except InUse:
                if attempt == attempts:
                    raise
            else:
                return
            await asyncio.sleep(min(_LONGEST_WAIT, 2.0 ** (attempt - 1)))
            await self._require_there()

    async def _require_there(self) -> None:
        """A volume that is being removed is not waited for."""
        found = await self._host.volumes.run(self._host.volumes.api.find, self.volume.id)
        if found is None or not (self._write or is_finished(found)):
            raise absent(self._host.store, self.volume.id)

    # In threads

    def _take(self) -> None:
        self._id = self._host.volumes.api.reserve(self.volume.id, "rw" if self._write else "ro")

    def _connect(self) -> None:
        api, attachment = self._host.volumes.api, str(self._id)
        self._info = api.connect(attachment, self._host.brick.describe())
        self._connection = self._host.brick.connect(self._info, write=self._write)
        api.complete(attachment)

    def _release(self) -> None:
        connection, api = self._connection, self._host.volumes.api
        if connection is not None:
            connection.close(device=self._last_here())
            self._connection = None
        if self._id is not None:
            api.detach(self._id)
            self._id = None

    def _last_here(self) -> bool:
        """Whether nobody else on this host uses the same device: volumes that several may attach are shared."""
        if self.connection.local or not self.volume.multiattach:
            return True
        found = self._host.volumes.api.find(self.volume.id)
        here = self._host.brick.describe()["host"]
        return found is None or sum(each.host_name == here for each in found.attachments) <= 1
