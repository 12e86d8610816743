"""Finding what dead processes left in Cinder: volumes half written, deletions half done, attachments nobody uses."""

import logging
import socket
import time
from collections.abc import Collection

from intaglio.base.process import is_dead, this_process
from intaglio.stores.base import StoreError
from intaglio.stores.drivers.cinder_api import Api, Held, Volume
from intaglio.stores.drivers.cinder_brick import MARK, Brick
from intaglio.stores.drivers.cinder_volumes import DELETED, IMAGE, SEEN, STORE, WRITER, moment

ABANDONED = 24 * 3600.0
"""Seconds without a change after which a volume that a process elsewhere was writing is taken for abandoned."""
HALFWAY = 3600.0
"""Seconds after which an attachment that was begun and not completed is; that usually takes one."""

_BUSY = frozenset({"creating", "deleting", "extending", "detaching", "downloading", "uploading"})  # Cinder is at it
_BEGUN = ("reserved", "attaching")

_log = logging.getLogger(__name__)


class Sweeper:
    """One sweep of a store; its methods block and run in threads."""

    def __init__(self, store: str, api: Api, brick: Brick, own: Collection[str]) -> None:
        """`own`: ids of volumes that are being written here."""
        self._store = store
        self._api = api
        self._brick = brick
        self._own = own

    def sweep(self) -> int:
        """Detach and remove all that nobody will; how much that was."""
        ours = {each.id: each for each in self._api.volumes({STORE: self._store})}
        read = [each for status in ("in-use", *_BEGUN) for each in self._api.volumes(status=status)]
        others = [each for each in read if each.id not in ours and IMAGE in each.metadata]
        return sum(self._tried(each) for each in (*ours.values(), *others))

    def discard(self, volume: Volume) -> None:
        """Detach and remove a volume that is known to be nobody's."""
        self._release(volume, self._api.attachments(volume.id))
        if volume.status not in _BUSY:
            self._api.delete(volume.id)

    def _tried(self, volume: Volume) -> int:
        try:
            return self._detach(volume) + self._remove(volume)
        except StoreError as error:
            _log.warning("%s; volume %s is looked at again later", error, volume.id)
            return 0

    def _detach(self, volume: Volume) -> int:
        """End attachments of processes that are no more. Of a volume they wrote all are theirs."""
        if self._is_dead_writers(volume):
            gone = self._api.attachments(volume.id)
        else:
            gone = [each.attachment_id for each in volume.attachments if _is_left(each)]
            if volume.status in _BEGUN and _age(volume) > HALFWAY:
                gone += self._api.attachments(volume.id)
        self._release(volume, gone)
        return len(gone)

    def _release(self, volume: Volume, attachments: Collection[str]) -> None:
        for attachment in attachments:
            info = self._api.connection(attachment)
            if info is not None:
                self._brick.disconnect(info)
            self._api.detach(attachment)
            _log.warning("store %s: detached volume %s, whose reader or writer died", self._store, volume.id)

    def _remove(self, volume: Volume) -> int:
        unwanted = DELETED in volume.metadata or self._is_dead_writers(volume)
        if not unwanted or volume.status in _BUSY or volume.id in self._own:
            return 0
        now = self._api.find(volume.id)
        if now is None or now.status in _BUSY or now.attachments:
            return 0
        return int(self._api.delete(volume.id))

    def _is_dead_writers(self, volume: Volume) -> bool:
        writer = volume.metadata.get(WRITER)
        if writer is None or volume.id in self._own:
            return False
        return is_dead(writer) or writer == this_process() or _age(volume) > ABANDONED


def _is_left(attachment: Held) -> bool:
    """Whether a process of this host had it that is no more, of this boot or an earlier one."""
    device = attachment.device or ""
    if not device.startswith(MARK) or attachment.host_name != socket.gethostname():
        return False
    process = device.removeprefix(MARK)
    return is_dead(process) or process.partition(":")[0] != this_process().partition(":")[0]


def _age(volume: Volume) -> float:
    """Seconds since it changed, or its writer said that it lives."""
    changed = moment(volume.updated_at) or moment(volume.created_at) or time.time()
    seen = volume.metadata.get(SEEN, "")
    return time.time() - max(changed, float(seen) if seen.isdecimal() else 0.0)
