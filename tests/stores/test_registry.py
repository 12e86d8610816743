"""From settings to stores, and from locations to stores."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from intaglio.stores.base import Broken, Misconfigured, NotFound
from intaglio.stores.conformance import content
from intaglio.stores.conformance_sources import pieces
from intaglio.stores.registry import Stores, build
from intaglio.stores.settings import StoreConfig, StoreSettings, single_file_store

pytestmark = pytest.mark.anyio


class Row(msgspec.Struct, frozen=True):
    uri: str
    store: str | None


def config(store_id: str, directory: str, weight: int = 0) -> StoreConfig:
    return StoreConfig(id=store_id, type="file", weight=weight, options={"filesystem_store_datadir": directory})


@pytest.fixture
def stores() -> Stores:
    configs = (config("fast", "/fast", 10), config("slow", "/slow", -5), StoreConfig(id="ram", type="memory"))
    return build(StoreSettings(stores=configs, default="slow", multi=True))


async def test_the_embedded_default(tmp_path: Path) -> None:
    stores = build(single_file_store(tmp_path / "deep" / "images"))
    assert await stores.prepare() == {}
    assert list(stores) == [stores.default] == ["file"]
    await stores["file"].put("key", pieces(b"data"))
    assert stores.location("file", "key") == (f"file://{tmp_path}/deep/images/key", {})
    _, store, key = stores.for_location(f"file://{tmp_path}/deep/images/key", {})
    assert await content(store, key) == b"data"
    await stores.close()


def test_locations_name_their_store_when_there_are_several(stores: Stores) -> None:
    assert stores.location("fast", "key") == ("file:///fast/key", {"store": "fast"})


@pytest.mark.parametrize(
    ("uri", "metadata", "found"),
    [
        ("file:///fast/key", {"store": "fast"}, "fast"),
        ("file:///fast/key", {}, "fast"),
        ("file:///slow/key", {}, "slow"),
        ("filesystem:///slow/key", {"store": "renamed away"}, "slow"),
        ("memory://ram/key", {"id": "x", "mountpoint": "/y"}, "ram"),
    ],
)
def test_locations_lead_to_their_store(stores: Stores, uri: str, metadata: Mapping[str, str], found: str) -> None:
    assert stores.for_location(uri, metadata) == (found, stores[found], "key")


@pytest.mark.parametrize(
    ("uri", "metadata"),
    [
        ("file:///fast/key", {"store": "slow"}),
        ("file:///elsewhere/key", {}),
        ("swift+https://user:secret@host/container/key", {}),
        ("user:secret", {}),
        ("", {}),
    ],
)
def test_locations_of_no_store_are_refused_without_secrets(
    stores: Stores, uri: str, metadata: Mapping[str, str]
) -> None:
    with pytest.raises(NotFound) as refused:
        stores.for_location(uri, metadata)
    assert "secret" not in str(refused.value)


def test_reading_prefers_weight_and_keeps_order(stores: Stores) -> None:
    rows = [Row("1", "slow"), Row("2", "ram"), Row("3", "fast"), Row("4", None), Row("5", "unknown"), Row("6", "fast")]
    ordered = stores.for_reading(rows, lambda row: row.store)
    assert [row.uri for row in ordered] == ["3", "6", "2", "4", "5", "1"]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (
            StoreSettings(stores=(StoreConfig(id="a", type="floppy"),), default="a"),
            "'floppy'.*supported are cinder,",
        ),
        (StoreSettings(stores=(config("a", "/a"),), default="b"), "default store 'b'.*: a"),
        (StoreSettings(stores=(), default="b"), "there are none"),
        (StoreSettings(stores=(config("a", "/a"), config("a", "/b")), default="a"), "two stores have the id a"),
        (StoreSettings(stores=(config("a", "not/absolute"),), default="a"), "'a'.*absolute"),
        (StoreSettings(stores=(StoreConfig(id="m", type="memory", options={"capacity": "x"}),), default="m"), "capa"),
    ],
)
def test_wrong_settings_are_named(settings: StoreSettings, named: str) -> None:
    with pytest.raises(Misconfigured, match=named):
        build(settings)


async def test_a_store_that_cannot_be_prepared_is_told_and_hinders_no_other(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    configs = (config("bad", f"{tmp_path}/file/below"), config("good", f"{tmp_path}/good"))
    stores = build(StoreSettings(stores=configs, default="bad", multi=True))
    troubles = await stores.prepare()
    assert list(troubles) == ["bad"]
    assert isinstance(troubles["bad"], Broken)
    await stores["good"].put("key", pieces(b"data"))
    await stores.close()
