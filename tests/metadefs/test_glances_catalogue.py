"""The catalogue that the real Glance ships and loads: read, exported, and loaded back, on each database."""

import json
from pathlib import Path

import pytest

from intaglio.db.migrations import upgrade
from intaglio.domain.metadefs.changes import Mode, Outcome
from intaglio.services import metadef_files
from tests.starters.databases import Databases, glance_manage, opened
from tests.starters.environments import environment

pytestmark = [pytest.mark.real, pytest.mark.anyio, pytest.mark.timeout(400)]


async def test_exports_and_loads_back_equal(databases: Databases, tmp_path: Path) -> None:
    shipped = environment("glance").parent / "etc" / "glance" / "metadefs"
    made = databases.glance_made()
    glance_manage(made, databases.home, "db_load_metadefs", str(shipped))
    files = sorted(shipped.glob("*.json"))
    assert len(files) > 20

    await upgrade(made)
    from_glance = await opened(made)
    try:
        report = metadef_files.export(await metadef_files.everything(from_glance), tmp_path / "first")
        assert len(report) == len(files)
        # Glance's own files, read by us, are what Glance's loader made of them
        differing = [
            each for each in await metadef_files.compare(from_glance, metadef_files.read(shipped))
            if each.outcome is not Outcome.UNCHANGED
        ]  # fmt: skip
        assert differing == []
        again = await metadef_files.load(from_glance, metadef_files.read(shipped), Mode.PREFER_NEW)
        assert {each.outcome for each in again} == {Outcome.UNCHANGED}
    finally:
        await from_glance.close()

    ours = await opened(await databases.ready())
    try:
        loaded = await metadef_files.load(ours, metadef_files.read(tmp_path / "first"), Mode.SKIP)
        assert {each.outcome for each in loaded} == {Outcome.CREATED}
        metadef_files.export(await metadef_files.everything(ours), tmp_path / "second")
    finally:
        await ours.close()
    first, second = ({file.name: json.loads(file.read_text()) for file in (tmp_path / name).iterdir()}
                     for name in ("first", "second"))  # fmt: skip
    assert first == second
    originals = {each["namespace"]: each for each in (json.loads(file.read_text()) for file in files)}
    for each in second.values():
        original = originals[each["namespace"]]
        assert each.get("properties", {}) == original.get("properties", {})
        assert [o["properties"] for o in each.get("objects", [])] == [
            o["properties"] for o in original.get("objects", [])
        ]
