"""What a caller may not read is, to filters, search and counts, as if no image had it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from intaglio.authz.engine import Caller, PolicyEngine
from intaglio.authz.property_access import PropertyProtection
from intaglio.authz.settings import PolicySettings
from intaglio.db.migrations import upgrade
from intaglio.db.repos import images
from intaglio.db.settings import DatabaseSettings
from intaglio.domain.facets import Counted, read_facets
from intaglio.domain.image import Image
from intaglio.domain.principal import Principal
from intaglio.domain.query import ImageQuery, Viewer
from intaglio.domain.search import read_search
from intaglio.formats.settings import FormatSettings
from intaglio.ingest.settings import IngestSettings
from intaglio.services import listing
from intaglio.services.changes import Changes
from intaglio.services.osinfo import OsinfoDatabase
from intaglio.services.parts import Parts
from intaglio.services.settings import ImageLimits, MetadefSettings, TaskSettings
from tests.db.samples import ME, new_image
from tests.starters.databases import opened

pytestmark = pytest.mark.anyio

PROTECTIONS = """
[^secret]
create = admin
read = admin
update = admin
delete = admin

[.*]
create = @
read = @
update = @
delete = @
"""
CALLER = Caller(Principal(project_id=ME, roles=frozenset({"reader"})))


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    """A service without stores, for lists need none; its database holds one image with a secret and one without."""
    settings = DatabaseSettings(connection=f"sqlite:///{tmp_path}/images.sqlite")
    await upgrade(settings)
    database = await opened(settings)
    nothing = cast("Any", None)
    (tmp_path / "protections").write_text(PROTECTIONS)
    policy = PolicyEngine()
    yield Parts(
        database=database,
        stores=nothing,
        staging=nothing,
        door=nothing,
        policy=policy,
        protection=PropertyProtection(PolicySettings(property_protection_file=tmp_path / "protections"), policy),
        limits=ImageLimits(),
        format_settings=FormatSettings(),
        ingest_settings=IngestSettings(),
        metadef_settings=MetadefSettings(),
        task_settings=TaskSettings(),
        osinfo=OsinfoDatabase(()),
        changes=Changes(database, 1),
        holder="test",
    )
    await database.close()


async def put(parts: Parts, **fields: Any) -> Image:
    return await parts.database.write(lambda conn: images.insert(conn, new_image(**fields)))


async def names(parts: Parts, **conditions: Any) -> list[str | None]:
    query = ImageQuery(viewer=Viewer(ME), **conditions)
    return [image.name for image in await listing.page(parts, CALLER, query)]


async def test_a_filter_on_it_finds_nothing(parts: Parts) -> None:
    await put(parts, name="one", properties={"secret": "x", "open": "y"})
    assert await names(parts, properties=(("open", "y"),)) == ["one"]
    assert await names(parts, properties=(("secret", "x"),)) == []
    assert await names(parts, properties=(("open", "y"), ("secret", "x"))) == []


async def test_a_search_does_not_look_into_it(parts: Parts) -> None:
    await put(parts, name="one", properties={"secret": "hush", "open": "loud"}, tags=("label",))
    await put(parts, name="two", properties={"secret_description": "hush", "description": "described"})
    for text, found in [
        ("loud", ["one"]), ("label", ["one"]), ("described", ["two"]), ("two", ["two"]), ("hush", []),
        ("loud hush", []), ('"hush"', []), ("o", ["one"]), ("h", []),
    ]:  # fmt: skip
        for ranked in (True, False):
            assert await names(parts, phrases=read_search(text), ranked=ranked) == found, text


async def test_it_is_not_counted(parts: Parts) -> None:
    await put(parts, properties={"secret": "hush", "open": "loud"})
    query = ImageQuery(viewer=Viewer(ME))
    wanted = read_facets(["secret", "open", "visibility"])
    found = await listing.facets(parts, CALLER, query, wanted)
    assert found.total == 1
    assert list(found.counts) == ["secret", "open", "visibility"]
    assert found.counts["secret"] == Counted((), 1, 0)
    assert found.counts["open"] == Counted((("loud", 1),), 0, 1)
    hidden = ImageQuery(viewer=Viewer(ME), properties=(("secret", "hush"),))
    assert (await listing.facets(parts, CALLER, hidden, wanted)).total == 0
