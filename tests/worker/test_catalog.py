"""The image manager on a timetable: the real commands, once for all workers, made up for, and taken over."""

import asyncio
import json
import os
import re
import sys
import urllib.request
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from intaglio.base.clock import utcnow
from intaglio.base.metrics import Counts
from intaglio.db.base import Connection, Database
from intaglio.db.engine import open_database
from intaglio.db.migrations import upgrade
from intaglio.db.repos import tasks
from intaglio.domain.task import Task, TaskQuery, TaskStatus
from intaglio.worker import catalog
from intaglio.worker.catalog import RUNS, CatalogRuns, ScheduleInvalid, due, families
from intaglio.worker.settings import CatalogSchedule
from tests.manager import trees
from tests.manager.upstream import Upstream, upstream
from tests.starters.base import wait_until
from tests.starters.databases import Databases
from tests.starters.intaglio import intaglio

pytestmark = pytest.mark.anyio
on_sqlite = pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
EVERY_MINUTE = "* * * * *"


@pytest.fixture
def site() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[Database]:
    settings = databases.empty()
    await upgrade(settings)
    opened = open_database(settings)
    yield opened
    await opened.close()


def files(directory: Path, site: Upstream) -> Path:
    hint = trees.debian(site, ["20260108-1"])
    version = {"version": "20250101", "url": f"{site.url}/old", "checksum": "sha256:" + "0" * 64}
    definition = {"name": "Debian 13", "format": "qcow2", "login": "debian", "latest_url": hint, "versions": [version]}
    directory.mkdir()
    (directory / "debian.yml").write_text(yaml.safe_dump({"images": [definition | {"meta": {"os_distro": "debian"}}]}))
    return directory


async def recorded(database: Database) -> list[Task]:
    async def page(conn: Connection) -> list[Task]:
        return list(await tasks.page(conn, TaskQuery(owner=None), utcnow()) or ())

    return await database.read(page)


@pytest.mark.parametrize(
    ("cron", "now", "expected"),
    [
        ("0 0 * * 0", "2026-11-22T04:00:00", "2026-11-22T00:00:00"),
        ("0 0 * * 0", "2026-11-21T23:59:59", "2026-11-15T00:00:00"),
        ("0 0 * * 0", "2026-11-22T00:00:00", "2026-11-22T00:00:00"),
        ("30 2 * * mon-fri", "2026-11-22T04:00:00", "2026-11-20T02:30:00"),
        ("15 3 1 * *", "2026-11-22T04:00:00", "2026-11-01T03:15:00"),
    ],
)
def test_when_a_run_is_due(cron: str, now: str, expected: str) -> None:
    assert due(cron, datetime.fromisoformat(now)) == datetime.fromisoformat(expected)


@pytest.mark.parametrize("cron", ["", "sunday", "0 0 * *", "61 0 * * 0", "0 0 * * 0 0", "@weekly"])
def test_what_is_no_timetable(cron: str) -> None:
    with pytest.raises(ScheduleInvalid, match="0 0 \\* \\* 0 for Sundays"):
        due(cron, utcnow())


async def test_of_several_workers_one_does_it_and_writes_down_what_came(
    database: Database, site: Upstream, tmp_path: Path
) -> None:
    schedule = CatalogSchedule(files=files(tmp_path / "images", site), cron="0 0 1 1 *")
    schedule = CatalogSchedule(files=schedule.files, cron=f"{utcnow().minute} {utcnow().hour} * * *")
    counts = Counts(families())
    workers = [CatalogRuns(database, schedule, counts) for _ in range(3)]
    await asyncio.gather(*(worker.tend() for worker in workers))
    [task] = await recorded(database)
    assert (task.status, task.message) == (TaskStatus.SUCCESS, "update: 1 new")
    assert task.result == {
        "steps": [
            {
                "step": "update",
                "exit_code": 0,
                "counts": {"new": 1},
                "names": {"new": ["Debian 13"]},
                "message": "",
            }
        ]
    }
    assert "20260108-1" in (schedule.files / "debian.yml").read_text()
    assert site.asked("/cloud/trixie/") == [""], "the upstream was asked once"
    assert counts.total(counts.place(RUNS, "success")) == 1
    await workers[1].tend()
    assert len(await recorded(database)) == 1, "and the time is over with"


async def test_a_worker_that_died_is_replaced_when_it_is_silent(
    database: Database, site: Upstream, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = utcnow()
    schedule = CatalogSchedule(files=files(tmp_path / "images", site), cron=f"{now.minute} {now.hour} * * *")
    runs = CatalogRuns(database, schedule, Counts(families()))
    at = due(schedule.cron, now)
    task_id = str(uuid.uuid5(catalog._NAMESPACE, f"{schedule.files} {at.isoformat()}"))
    assert await database.write(lambda conn: runs._claim(conn, task_id, at)), "a worker begins, and dies"
    await runs.tend()
    assert [task.status for task in await recorded(database)] == [TaskStatus.PROCESSING], "perhaps it only is slow"

    async def age(conn: Connection) -> None:
        await tasks.touch(conn, task_id, now - catalog.SILENCE - timedelta(seconds=1))

    await database.write(age)
    await asyncio.gather(runs.tend(), CatalogRuns(database, schedule, Counts(families())).tend())
    assert [task.status for task in await recorded(database)] == [TaskStatus.SUCCESS]
    assert caplog.text.count("goes on here") == 1
    assert site.asked("/cloud/trixie/") == [""]


@on_sqlite
async def test_what_fails_is_said_and_a_run_long_past_is_not_made_up_for(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = utcnow()
    today = f"{now.minute} {now.hour} * * *"
    schedule = CatalogSchedule(files=tmp_path / "nowhere", cron=today, steps=("update", "apply"))
    counts = Counts(families())
    await CatalogRuns(database, schedule, counts).tend()
    [task] = await recorded(database)
    assert task.status is TaskStatus.FAILURE
    assert "There is no file or directory" in task.message
    assert [each["step"] for each in (task.result or {})["steps"]] == ["update"], "nothing can follow"
    assert counts.total(counts.place(RUNS, "failure")) == 1
    assert "catalogue, run of" in caplog.text
    old = now - timedelta(days=3)
    past = CatalogSchedule(files=tmp_path / "other", cron=f"0 0 {old.day} {old.month} *")
    await CatalogRuns(database, past, counts).tend()
    assert len(await recorded(database)) == 1


@on_sqlite
async def test_a_worker_that_is_stopped_ends_the_manager_and_leaves_the_run_to_others(
    database: Database, tmp_path: Path
) -> None:
    now = utcnow()
    schedule = CatalogSchedule(files=tmp_path / "images", cron=f"{now.minute} {now.hour} * * *")
    pid = tmp_path / "pid"
    program = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    runs = CatalogRuns(database, schedule, Counts(families()), (sys.executable, "-c", program))
    running = asyncio.create_task(runs.tend())
    await asyncio.to_thread(wait_until, lambda: pid.exists() and bool(pid.read_text()), "the manager's beginning")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    with pytest.raises(ProcessLookupError):
        os.kill(int(await asyncio.to_thread(pid.read_text)), 0)
    assert [task.status for task in await recorded(database)] == [TaskStatus.PROCESSING]


def test_a_service_keeps_its_own_images_current(site: Upstream, tmp_path: Path) -> None:
    """`intaglio serve` with a timetable: the new build is found, listed, and imported into this same service."""
    images = files(tmp_path / "images", site)
    conf = f"""[intaglio]
        catalog_files = {images}
        catalog_schedule = {EVERY_MINUTE}
        catalog_steps = update,plan,apply
        catalog_cloud = intaglio
        """
    text = (images / "debian.yml").read_text().replace("format: qcow2", "format: raw\n  visibility: public")
    (images / "debian.yml").write_text(text)
    conf = re.sub(r"^ +", "", conf, flags=re.MULTILINE)
    home = tmp_path / "service"
    (home / ".config" / "openstack").mkdir(parents=True)
    (home / ".config" / "openstack" / "clouds.yaml").symlink_to(home / "data" / "clouds.yaml")
    with intaglio(home, auth="none", workers=1, conf=conf) as service:

        def asked(path: str) -> Any:
            with urllib.request.urlopen(f"{service.url}{path}") as answer:
                return json.load(answer)

        def ended() -> list[Any]:
            found = asked("/v2/tasks")["tasks"]
            return [each for each in found if each["type"] == "import" and each["status"] in {"success", "failure"}]

        wait_until(lambda: bool(ended()), f"a run's end (log {service.log})", 50)
        said = asked(f"/v2/tasks/{ended()[-1]['id']}")
        assert said["status"] == "success", said
        assert said["message"] == "update: 1 new; plan: 1 import; apply: 1 import done"
        [image] = asked("/v2/images")["images"]
        assert (image["name"], image["internal_version"]) == ("Debian 13 20260108-1", "20260108-1")
        with urllib.request.urlopen(f"{service.url}/metrics") as page:
            assert re.search(r'intaglio_catalog_runs_total{result="success"} [1-9]', page.read().decode())
