"""`intaglio quota`: what projects use, as a table and as JSON; wrong sums found, and set right."""

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.client import content, create, put
from tests.starters.intaglio import COMMAND, Intaglio, intaglio


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Intaglio]:
    """Two projects' images; the service then stands still."""
    conf = "[DEFAULT]\nuser_storage_quota = 1MB\n"
    with intaglio(tmp_path_factory.mktemp("commands"), auth="none", workers=1, conf=conf) as running:
        for owner, size in (("engines", 1000), ("engines", 24), ("looms", 5)):
            assert put(running.url, create(running.url, owner=owner), content(size)).status_code == 204
        create(running.url, owner=None)
        running.stop()
        yield running


def conf(service: Intaglio) -> list[str]:
    words = [str(word) for word in service.arguments]
    return [
        "--config-file",
        words[words.index("--config-file") + 1],
        "--data-dir",
        words[words.index("--data-dir") + 1],
    ]


def test_show(service: Intaglio) -> None:
    lines = [line.split() for line in service.run("quota", "show", *conf(service)).splitlines()]
    assert lines[0] == ["PROJECT", "WHAT", "USED", "RESERVED", "LIMIT"]
    assert ["engines", "stored", "1024", "0", str(1 << 20)] in lines
    assert ["engines", "images", "2", "0", "no", "limit"] in lines
    assert ["(no", "owner)", "images", "1", "0", "no", "limit"] in lines


def test_show_one_as_json(service: Intaglio) -> None:
    found = json.loads(service.run("quota", "show", "looms", "--format", "json", *conf(service)))
    assert found["looms"]["stored"] == {"used": 5, "reserved": 0, "limit": 1 << 20}
    assert set(found) == {"looms"}
    unknown = json.loads(service.run("quota", "show", "nobody", "--format", "json", *conf(service)))
    assert unknown["nobody"]["images"] == {"used": 0, "reserved": 0, "limit": None}


def test_recount(service: Intaglio) -> None:
    assert service.run("quota", "recount", *conf(service)) == "Every sum is right.\n"
    spoil(service.data / "intaglio.sqlite")
    done = recount(service)
    assert done.returncode == 1
    assert ["engines", "stored", "1", "1024"] in [line.split() for line in done.stdout.splitlines()]
    assert "Nothing was changed" in done.stdout
    told = json.loads(recount(service, "--format", "json").stdout)
    assert [(drift["project"], drift["found"]["used"]["stored"]) for drift in told] == [("engines", 1024)]
    assert "Set right." in service.run("quota", "recount", "--fix", *conf(service))
    assert service.run("quota", "recount", *conf(service)) == "Every sum is right.\n"


def recount(service: Intaglio, *words: str) -> "subprocess.CompletedProcess[str]":
    command: list[str | Path] = [COMMAND, "quota", "recount", *words, *conf(service)]
    return subprocess.run(command, env=service.environment, capture_output=True, text=True, check=False)


def spoil(database: Path) -> None:
    """A wrong sum, and what a lease that was removed by hand left reserved."""
    with sqlite3.connect(database) as connection:
        connection.execute(
            "UPDATE intaglio_project_usage SET stored = 1, stored_reserved = 9 WHERE project_id = 'engines'"
        )
        connection.execute("INSERT INTO intaglio_reservations VALUES ('an-image', 'upload', 'engines', 'stored', 9)")
    connection.close()
