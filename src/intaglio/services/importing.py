"""Asking for an import, and calling it off. The request records a task; a worker does it.

The task and the lock that names it on the image are written in one transaction: there is never one without the other,
and of two requests at once one is first.
"""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from intaglio.authz.engine import Caller
from intaglio.base.clock import utcnow
from intaglio.base.errors import Conflict, Invalid
from intaglio.db.base import Connection
from intaglio.db.repos import images, leases, tasks
from intaglio.db.repos.leases import Lease
from intaglio.domain.image import Image
from intaglio.domain.status import Status
from intaglio.domain.task import FAILED_STORES, KEEPS, LOCK, PENDING_STORES, Task, TaskStatus, TaskType
from intaglio.imports.base import LEASE_KIND, lease_end
from intaglio.imports.methods import METHODS
from intaglio.imports.remote import SEALED
from intaglio.imports.request import ImportRequest, read
from intaglio.imports.upstream import is_url
from intaglio.outbound.rules import Rules
from intaglio.services.access import visible_image
from intaglio.services.copies import copies
from intaglio.services.guarded import guarded_write
from intaglio.services.new_tasks import new_task
from intaglio.services.parts import Parts
from intaglio.services.quota import Budgets, budgeted_write, require_growth, reserve
from intaglio.services.removal import STAGE_KIND
from intaglio.services.signatures import CheckNeeded, Signatures
from intaglio.services.stores import NoSuchStore
from intaglio.signatures.base import NOBODY, Asker
from intaglio.signatures.settings import Mode

_FOREIGN_SILENCE = timedelta(minutes=60)
_FOREIGN_PENDING = timedelta(minutes=120)
"""How long an unfinished task of a Glance counts that says nothing; Glance's own measure of its own tasks."""


class MethodNotOffered(Invalid):
    """The import method is not enabled, or this release does not have it."""

    code = "import-method-not-offered"


class ImportRunning(Conflict):
    """Another import of this image is running."""

    code = "import-running"


class NoImportRunning(Conflict):
    """There is no import of this image to call off."""

    code = "no-import-running"


class NotImportable(Conflict):
    """The image is not in the status that the method needs."""

    code = "not-importable"


class ImportFormatsMissing(Conflict):
    """Data can be checked only against declared formats."""

    code = "import-formats-missing"


class CopyThere(Invalid):
    """A store that was named holds a copy of the image already."""

    code = "copy-there"


async def start(
    parts: Parts,
    caller: Caller,
    image_id: str,
    body: Mapping[str, Any],
    *,
    offered: Collection[str],
    header_store: str | None = None,
    asker: Asker = NOBODY,
) -> str:
    """Record the task of an import; its id. The same request again, while it runs, answers with the same task.

    `asker` has the caller's token, which an import from another region takes there, and for whom the certificate of a
    signed image is fetched: what can be refused of a signature before its bytes are seen is refused here.

    Raises `InvalidImport`, `MethodNotOffered`, `FetchRefused`, refusals, `ImportRunning`, `NotImportable`,
    `ImportFormatsMissing`, `SignedNotConverted`, `CannotConvert`, `NoSuchStore`, `CopyThere`, `OverQuota`.
    """
    request = read(body, header_store=header_store, multi=parts.stores.multi)
    if request.method not in offered:
        known = ", ".join(offered) or "none"
        raise MethodNotOffered(f"The import method '{request.method}' is not offered here; these are: {known}.")
    _require_fetchable(parts, request)
    signatures = Signatures(
        parts,
        asker,
        added=injected(parts, caller, request.method),
        described_later=request.method == "glance-download",
    )
    secrets = _sealed(parts, request, asker.token)

    async def work(conn: Connection, budgets: Budgets) -> str:
        image, target = await visible_image(conn, parts.policy, caller, image_id)
        for rule in request.plan.rules:
            parts.policy.require(rule, caller, target)
        at_work = await running(conn, image)
        if at_work is not None:
            if _is_same(at_work, body, header_store):
                return at_work.id
            raise ImportRunning(f"Image {image.id} is being imported by the task {at_work.id}; wait for its end.")
        image = await unlocked(conn, image)
        await _require_importable(conn, image, request)
        stores = targets(parts, image, request)
        if parts.plugins.conversion is not None and "describe" not in request.plan.steps:
            required = parts.verification.mode(image, stores) is Mode.REQUIRE
            parts.plugins.conversion.wanted(image, required=required)  # refuses at once what would be refused later
        task = _task(caller, image, body, header_store, stores, {**secrets, **signatures.kept(image, stores)})
        await record(parts, conn, budgets, image, task, stores, injected(parts, caller, request.method))
        return task.id

    while True:
        try:
            return await budgeted_write(parts, caller.principal.project_id, work)
        except CheckNeeded as needed:  # nothing is fetched while a transaction is open
            await signatures.look_up(needed.image, needed.stores)


async def record(
    parts: Parts,
    conn: Connection,
    budgets: Budgets,
    image: Image,
    task: Task,
    stores: tuple[str, ...],
    added: Mapping[str, str],
) -> None:
    """Record a task and give it the image, with room for its data. Raises `Superseded`, `OverQuota`."""
    await tasks.insert_task(conn, task)
    claimed = await images.update(conn, image, _claimed(image, task, stores, added))
    await require_growth(conn, budgets, image, claimed)
    lease = _lease(parts, image, stores)
    await leases.claim(conn, lease)
    await reserve(conn, budgets, lease, claimed, (image.size or 0) * len(stores))


def _require_fetchable(parts: Parts, request: ImportRequest) -> None:
    """Refuse a URL at once that would be refused later; the addresses of names are looked at when it is fetched."""
    rules = Rules(parts.outbound)
    named = [request.details[name] for name in ("uri", "checksum_url") if name in request.details]
    if is_url(request.details.get("signature", "")):
        named.append(request.details["signature"])
    for url in named:
        rules.target(url)
    parts.keyring.require_allowed(request.details.get("signature_key"))


def _sealed(parts: Parts, request: ImportRequest, token: str | None) -> Mapping[str, str]:
    """The caller's token for the worker, where the method needs it."""
    if request.method != "glance-download":
        return {}
    if parts.seal is None or not token:
        raise MethodNotOffered("Imports from another region need a token of Keystone.")
    return {SEALED: parts.seal.close(token)}


async def cancel(parts: Parts, caller: Caller, image_id: str) -> str:
    """Call off the import of an image; the id of its task, which ends within seconds.

    What is stored in full by then stays. Raises refusals, `NoImportRunning`.
    """

    async def work(conn: Connection) -> str:
        image, target = await visible_image(conn, parts.policy, caller, image_id)
        task = await running(conn, image)
        parts.policy.require("modify_image", caller, target)
        if task is None or not task.ours:
            raise NoImportRunning(f"No import of image {image.id} is running here.")
        await tasks.cancel(conn, task.id, utcnow())
        return task.id

    return await guarded_write(parts, work)


async def running(conn: Connection, image: Image) -> Task | None:
    """The task that is at work on the image; None also when the one it names is over, gone, or a Glance's that died."""
    lock = image.properties.get(LOCK)
    task = None if lock is None else await tasks.get(conn, lock)
    if task is None or task.finished:
        return None
    silence = _FOREIGN_PENDING if task.status is TaskStatus.PENDING else _FOREIGN_SILENCE
    return task if task.ours or utcnow() - task.updated_at < silence else None


async def unlocked(conn: Connection, image: Image) -> Image:
    """The image without the lock that a dead task left, whose stores are taken off both lists."""
    lock = image.properties.get(LOCK)
    if lock is None:
        return image
    task = await tasks.get(conn, lock)
    taken = set((task.input or {}).get("backend") or ()) if task is not None else set()
    if task is not None and not task.finished:
        now = utcnow()
        said = "It was given up: it had said nothing for long when another import was asked for."
        await tasks.finish(conn, task.id, TaskStatus.FAILURE, said, result=None, now=now, expires_at=now)
    lists = {name: _listed(image, name) - taken for name in (PENDING_STORES, FAILED_STORES)}
    properties = {name: value for name, value in image.properties.items() if name != LOCK}
    properties |= {name: ",".join(sorted(stores)) for name, stores in lists.items()}
    return await images.update(conn, image, replace(image, properties=properties, updated_at=utcnow()))


def _is_same(task: Task, body: Mapping[str, Any], header_store: str | None) -> bool:
    given = task.input or {}
    return given.get("import_req") == body and given.get("header_store") == header_store


def _lease(parts: Parts, image: Image, stores: tuple[str, ...]) -> Lease:
    """What fences the writing of objects, and holds the room that is reserved for them; the task's worker takes it."""
    return Lease(
        image_id=image.id,
        kind=LEASE_KIND,
        holder=parts.holder,
        store_id=(*stores, parts.stores.default)[0],
        key=image.id,
        created_at=utcnow(),
        expires_at=lease_end(),
    )


async def _require_importable(conn: Connection, image: Image, request: ImportRequest) -> None:
    if image.status is not request.plan.start:
        raise NotImportable(
            f"Image {image.id} is {image.status}; {request.method} needs an image that is {request.plan.start}."
        )
    if await leases.find(conn, image.id, STAGE_KIND) is not None:
        raise NotImportable(f"Data for image {image.id} are still arriving.")
    if not image.disk_format or not image.container_format:
        raise ImportFormatsMissing("Set disk_format and container_format of the image before importing its data.")


def targets(parts: Parts, image: Image, request: ImportRequest) -> tuple[str, ...]:
    """The stores to be written. Raises `NoSuchStore`, `CopyThere`."""
    writable = [store_id for store_id, store in parts.stores.items() if store.abilities.write]
    wanted = tuple(writable) if request.all_stores else request.stores or (parts.stores.default,)
    unknown = [store_id for store_id in wanted if store_id not in writable]
    if unknown:
        raise NoSuchStore(f"'{unknown[0][:80]}' is not a store that takes data; use some of: {', '.join(writable)}.")
    if request.plan.start is not Status.ACTIVE:
        return wanted
    present = {store_id for store_id, _, _ in copies(parts.stores, image.locations)}
    if not request.all_stores and present & set(wanted):
        raise CopyThere(f"Image {image.id} has a copy in {', '.join(sorted(present & set(wanted)))} already.")
    return tuple(store_id for store_id in wanted if store_id not in present)


def _task(
    caller: Caller,
    image: Image,
    body: Mapping[str, Any],
    header_store: str | None,
    stores: tuple[str, ...],
    secrets: Mapping[str, str],
) -> Task:
    given: dict[str, Any] = {"image_id": image.id, "import_req": dict(body), "backend": list(stores), **secrets}
    if caller.principal.is_admin:
        given[KEEPS] = True
    return new_task(
        caller,
        TaskType.API_IMAGE_IMPORT,
        image.id,
        given if header_store is None else {**given, "header_store": header_store},
    )


def injected(parts: Parts, caller: Caller, method: str) -> Mapping[str, str]:
    """The properties that the operator has every new image get."""
    return {} if method == "copy-image" else parts.plugins.injected(caller.principal.roles)


def _claimed(image: Image, task: Task, stores: tuple[str, ...], injected: Mapping[str, str]) -> Image:
    failed = _listed(image, FAILED_STORES) - set(stores)
    marks = {LOCK: task.id, PENDING_STORES: ",".join(stores), FAILED_STORES: ",".join(sorted(failed))}
    hidden = {"os_glance_stage_host"}
    kept = {name: value for name, value in image.properties.items() if name not in hidden}
    status = image.status if image.status is METHODS["copy-image"].start else Status.IMPORTING
    return replace(image, properties={**kept, **injected, **marks}, status=status, updated_at=utcnow())


def _listed(image: Image, name: str) -> set[str]:
    return {store_id for store_id in (image.properties.get(name) or "").split(",") if store_id}
