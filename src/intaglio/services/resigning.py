"""Changing what says by whom an active image is signed, or for whom: only to what its stored data were signed with.

The digest that a signature is about is on record, or is computed by a durable task that reads the stored data; the
change itself is made in one transaction, when the digest is there.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from intaglio.authz.engine import Caller
from intaglio.base.clock import utcnow
from intaglio.base.errors import Conflict
from intaglio.db.base import Connection
from intaglio.db.repos import images, tasks
from intaglio.domain.image import Image
from intaglio.domain.signatures import EVIDENCE, PROPERTIES, Evidence, differs, evidence_of
from intaglio.domain.status import Status
from intaglio.domain.task import LOCK, Task, TaskStatus, TaskType
from intaglio.imports.methods import DIGEST
from intaglio.services.copies import copies
from intaglio.services.guarded import guarded_write
from intaglio.services.importing import ImportRunning, running, unlocked
from intaglio.services.new_tasks import new_task
from intaglio.services.parts import Parts
from intaglio.signatures.base import Asker
from intaglio.signatures.settings import Mode
from intaglio.signatures.verification import Check

_WITH_DATA = {Status.ACTIVE, Status.DEACTIVATED}
_PATIENCE_SECONDS = 30.0  # that a request waits for the digest; clients wait for a minute
_LOOK_SECONDS = 0.2


class DigestPending(Conflict):
    """The stored data are still being read for the digest that the new signature is about."""

    code = "digest-pending"


class DigestFailed(Conflict):
    """The stored data could not be read, or are not what was stored."""

    code = "digest-failed"


class _CheckNeeded(Exception):
    """The signer was not looked at yet."""

    def __init__(self, image: Image, stores: tuple[str, ...]) -> None:
        super().__init__(image.id)
        self.image = image
        self.stores = stores


class _DigestNeeded(Exception):
    """The digest that was signed is not on record."""

    def __init__(self, image_id: str, algorithm: str) -> None:
        super().__init__(image_id)
        self.image_id = image_id
        self.algorithm = algorithm


NEEDS = (_CheckNeeded, _DigestNeeded)
"""What `Resigning.judged` raises inside a transaction, to be handed to `Resigning.look_up` after it was undone."""


class Resigning:
    """One change of one image; it knows what was found out for it so far."""

    def __init__(self, parts: Parts, caller: Caller, asker: Asker) -> None:
        self._parts = parts
        self._caller = caller
        self._asker = asker
        self._checks: dict[tuple[str, str | None, str], Check] = {}

    def judged(self, before: Image, after: Image) -> Image:
        """The image after the change, with what is noted of its signature now.

        Raises one of `NEEDS`, what `Verification.wanted` raises, `SignatureMismatch`.
        """
        if before.status not in _WITH_DATA or not self._concerns(before, after):
            return after
        stores = self._stores(after)
        signature = self._parts.verification.wanted(after, stores)
        known = evidence_of(after.properties, after.os_hash_value) or Evidence(data=after.os_hash_value or "")
        if signature is None:
            return _noting(after, replace(known, verified=None))
        verified = known.verified
        same = verified is not None and verified.fingerprint == signature.fingerprint
        if same and not self._parts.verification.by_scope:
            return after
        check = self._checks.get((signature.fingerprint, after.owner, after.visibility.value))
        if check is None:
            raise _CheckNeeded(after, stores)
        on_record = {**known.digests, after.os_hash_algo or "": after.os_hash_value or ""}
        if check.algorithm not in on_record:
            raise _DigestNeeded(after.id, check.algorithm)
        check.require(on_record)
        return replace(after, properties={**after.properties, EVIDENCE: check.evidence(known.data, known.digests)})

    def _concerns(self, before: Image, after: Image) -> bool:
        """Whether there is another signature now, or those for whom the same one has to hold are others."""
        if self._parts.verification.mode(after, self._stores(after)) is Mode.OFF:
            return False
        if differs(before.properties, after.properties):
            return True
        if (before.owner, before.visibility) == (after.owner, after.visibility):
            return False
        was, now = (self._parts.verification.mode(image, self._stores(image)) for image in (before, after))
        if was is not now:
            return True
        return self._parts.verification.by_scope and set(PROPERTIES) <= after.properties.keys()

    def _stores(self, image: Image) -> tuple[str, ...]:
        return tuple(store_id for store_id, _, _ in copies(self._parts.stores, image.locations))

    async def look_up(self, needed: Exception) -> None:
        """Find out what was missing.

        Raises what `Verification.check` raises, `ImportRunning`, `DigestPending`, `DigestFailed`.
        """
        if isinstance(needed, _CheckNeeded):
            check = await self._parts.verification.check(needed.image, needed.stores, asker=self._asker)
            if check is not None:
                image = needed.image
                self._checks[check.signature.fingerprint, image.owner, image.visibility.value] = check
        elif isinstance(needed, _DigestNeeded):
            task_id = await self._begin(needed.image_id, needed.algorithm)
            await self._wait(task_id)

    async def _begin(self, image_id: str, algorithm: str) -> str:
        """Record the task that computes the digest; its id, also of one that is at work on that already."""

        async def work(conn: Connection) -> str:
            image = await images.get(conn, image_id)
            if image is None:
                raise DigestFailed(f"Image {image_id} was deleted.")
            at_work = await running(conn, image)
            if at_work is not None:
                if _method(at_work) == {"name": DIGEST, "digest": algorithm}:
                    return at_work.id
                raise ImportRunning(f"The task {at_work.id} is at work on image {image.id}; wait for its end.")
            image = await unlocked(conn, image)
            task = _task(self._caller, image, algorithm)
            await tasks.insert_task(conn, task)
            properties = {**image.properties, LOCK: task.id}
            await images.update(conn, image, replace(image, properties=properties, updated_at=utcnow()))
            return task.id

        return await guarded_write(self._parts, work)

    async def _wait(self, task_id: str) -> None:
        for _ in range(int(_PATIENCE_SECONDS / _LOOK_SECONDS)):
            task = await self._parts.database.read(lambda conn: tasks.get(conn, task_id))
            if task is None or task.status is TaskStatus.SUCCESS:
                return
            if task.status is TaskStatus.FAILURE:
                raise DigestFailed(f"The signature could not be verified, and was not changed. {task.message}")
            await asyncio.sleep(_LOOK_SECONDS)
        raise DigestPending(
            f"The stored data are being read to verify the new signature, by the task {task_id}. Nothing is changed "
            "yet: send the same request again when the task is done."
        )


def _method(task: Task) -> Mapping[str, Any]:
    method: Mapping[str, Any] = (task.input or {}).get("import_req", {}).get("method", {})
    return method


def _task(caller: Caller, image: Image, algorithm: str) -> Task:
    request = {"method": {"name": DIGEST, "digest": algorithm}}
    return new_task(
        caller, TaskType.API_IMAGE_IMPORT, image.id, {"image_id": image.id, "import_req": request, "backend": []}
    )


def _noting(image: Image, evidence: Evidence) -> Image:
    """The image with what is still known, or without a word of it."""
    properties = {name: value for name, value in image.properties.items() if name != EVIDENCE}
    if evidence.digests:
        properties[EVIDENCE] = evidence.text()
    return replace(image, properties=properties)
