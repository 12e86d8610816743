"""What `intaglio store` does: looking at the stores, comparing them with the database, reading images back."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import msgspec

from intaglio.base.errors import Invalid
from intaglio.bootstrap.administration import with_parts
from intaglio.bootstrap.settings import Settings
from intaglio.services import inventory, marks, reconcile, verify
from intaglio.services.inventory import StoreUse, Told
from intaglio.services.parts import Parts
from intaglio.services.reconcile import Report
from intaglio.services.verify import Verdict
from intaglio.stores.base import StoreError
from intaglio.stores.settings import STAGING

_MIB = 1 << 20


class NoSuchStoreHere(Invalid):
    """The configuration names no store of this id."""

    code = "store-not-in-configuration"


class CannotResume(Invalid):
    """No run of `store verify` was cut short, or it was about something else."""

    code = "verify-cannot-resume"


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A store as the operator configured it."""

    id: str
    type: str
    default: bool
    read_only: bool
    weight: int
    description: str | None


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a store works now, and why not."""

    id: str
    healthy: bool
    reason: str = ""


class Verification(msgspec.Struct, kw_only=True):
    """What a run of `store verify` has found so far; kept in a file, so that a run that was cut short goes on."""

    image: str | None
    stores: list[str]
    after: int = 0
    looked_at: int = 0
    wrong: list[Verdict] = []
    unproven: int = 0


def listed(settings: Settings) -> list[Listed]:
    """Every store; nothing is asked."""

    async def work(parts: Parts) -> list[Listed]:
        stores = parts.stores
        return [
            Listed(
                id=store_id,
                type=stores.config(store_id).type,
                default=store_id == stores.default,
                read_only=not store.abilities.write,
                weight=stores.weight(store_id),
                description=stores.config(store_id).description,
            )
            for store_id, store in stores.items()
        ]

    return with_parts(settings, work, database=False)


def check(settings: Settings, stores: Sequence[str], *, accept: bool) -> list[Health]:
    """Ask each store whether it works now; with `accept`, take first what is there for the stores named."""

    async def work(parts: Parts) -> list[Health]:
        _require_known(parts, stores)
        if accept:
            for store_id in stores:
                await marks.accept(parts, store_id)
        await marks.recall(parts)
        return [await _health(parts, store_id) for store_id in stores or (*parts.stores, STAGING)]

    return with_parts(settings, work)


async def _health(parts: Parts, store_id: str) -> Health:
    store = parts.store(store_id)
    try:
        if store is not None:
            await store.check()
    except StoreError as error:
        return Health(id=store_id, healthy=False, reason=str(error))
    return Health(id=store_id, healthy=True)


def usage(settings: Settings, told: Told) -> list[StoreUse]:
    """How much of each store images take, by the database."""
    return with_parts(settings, lambda parts: inventory.usage(parts, told))


def compare(settings: Settings, stores: Sequence[str], *, fix: bool, grace_hours: float, told: Told) -> Report:
    """See `reconcile.reconcile`."""

    async def work(parts: Parts) -> Report:
        _require_known(parts, stores)
        await marks.recall(parts)
        return await reconcile.reconcile(parts, stores, fix=fix, grace_hours=grace_hours, told=told)

    return with_parts(settings, work)


def read_back(
    settings: Settings,
    image: str | None,
    stores: Sequence[str],
    *,
    mebibytes_per_second: float | None,
    resume: bool,
    told: Told,
    found: Callable[[Verdict], None],
) -> Verification:
    """Verify copies one after the other, from where a run that was cut short stopped with `resume`.

    Raises `CannotResume`.
    """
    file = settings.serve.data_dir / "store-verify.json"
    state = _resumed(file, image, stores) if resume else Verification(image=image, stores=list(stores))
    rate = None if mebibytes_per_second is None else mebibytes_per_second * _MIB

    async def work(parts: Parts) -> Verification:
        _require_known(parts, stores)
        await marks.recall(parts)
        copies = verify.verify(
            parts, image_id=image, stores=stores, after=state.after, bytes_per_second=rate, told=told
        )
        async for verdict in copies:
            _note(state, verdict)
            _keep(file, state)
            found(verdict)
        file.unlink(missing_ok=True)
        return state

    return with_parts(settings, work)


def _note(state: Verification, verdict: Verdict) -> None:
    state.after = verdict.location
    state.looked_at += 1
    state.unproven += verdict.outcome is verify.Outcome.UNPROVEN
    if not verdict.fine:
        state.wrong.append(verdict)


def _keep(file: Path, state: Verification) -> None:
    new = file.with_suffix(".new")
    new.write_bytes(msgspec.json.encode(state))
    new.replace(file)


def _resumed(file: Path, image: str | None, stores: Sequence[str]) -> Verification:
    try:
        state = msgspec.json.decode(file.read_bytes(), type=Verification)
    except FileNotFoundError:
        raise CannotResume("There is no verification that was cut short; leave --resume away to begin one.") from None
    except (OSError, msgspec.MsgspecError) as error:
        raise CannotResume(f"{file} cannot be read ({error}); leave --resume away to begin anew.") from error
    if (state.image, state.stores) != (image, list(stores)):
        about = state.image or "all images"
        where = ", ".join(state.stores) or "all stores"
        raise CannotResume(f"The verification that was cut short is of {about} in {where}; ask for the same again.")
    return state


def _require_known(parts: Parts, stores: Collection[str]) -> None:
    for store_id in stores:
        if store_id not in parts.stores and store_id != STAGING:
            raise NoSuchStoreHere(f"There is no store {store_id!r}; there are: {', '.join(parts.stores)}.")
