"""`intaglio store check --conformance`: the suite that every driver passes, on the stores that are configured."""

import asyncio
import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from intaglio.base.errors import Invalid, Unavailable
from intaglio.bootstrap.settings import Settings
from intaglio.bootstrap.store_commands import NoSuchStoreHere, check
from intaglio.stores.base import Store, StoreError
from intaglio.stores.registry import build_one

Scores = Mapping[str, Mapping[str, Any]]
"""What became of each test on each store: `passed` (a number), `skipped` and `failed` (reasons)."""


class SuiteMissing(Invalid):
    """What the conformance suite runs on is not installed."""

    code = "conformance-suite-missing"


def run(settings: Settings, stores: Sequence[str], told: Callable[[str, int], None]) -> Scores:
    """Run the suite on all stores, or some; those that do not work now have failed a test named `works`.

    Raises `SuiteMissing`.
    """
    try:
        suite = importlib.import_module("intaglio.stores.conformance_run")
    except ImportError as error:
        raise SuiteMissing(
            f"The conformance suite needs {error.name}, which is not installed: pip install pytest anyio hypothesis"
        ) from error
    configs = {config.id: config for config in settings.stores.stores}
    unknown = [store_id for store_id in stores if store_id not in configs]
    if unknown:
        raise NoSuchStoreHere(f"There is no store {unknown[0]!r}; there are: {', '.join(configs)}.")
    found: dict[str, Mapping[str, Any]] = {}
    for store_id in stores or configs:

        def build(store_id: str = store_id) -> Store:
            return build_one(configs[store_id])

        trouble = _not_in_place(settings, store_id) or asyncio.run(_trouble(build()))
        if trouble is None:
            found[store_id] = suite.run(build, lambda name, of=store_id: told(f"{of}: {name}", 1))
        else:
            found[store_id] = {"works": suite.Score(failed=[trouble])}
    return found


def _not_in_place(settings: Settings, store_id: str) -> str | None:
    """Why the store is not the one that was set up; None also where nothing was set up yet: there is no database."""
    try:
        [health] = check(settings, [store_id], accept=False)
    except Unavailable:
        return None
    return None if health.healthy else health.reason


async def _trouble(store: Store) -> str | None:
    """Why a store cannot be tried; also lets it forget what dead writers left, which the suite would notice."""
    try:
        await store.check()
        if store.abilities.write:
            await store.sweep()
    except StoreError as error:
        return str(error)
    finally:
        await store.close()
    return None
