"""Every hostile image through every door, of one service: refused for its own reason, and nothing is left of it."""

import contextlib
import gzip
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults.client import stored_files
from tests.formats.hostile import DOORS, HOSTILE, MISMATCH, PAGE, page
from tests.imports.client import Client
from tests.imports.source import HERE, Source, serving
from tests.starters.images import image
from tests.starters.intaglio import Intaglio, intaglio

CONF = f"""[DEFAULT]
enabled_backends = fast:file,web:http
[glance_store]
default_backend = fast
[fast]
filesystem_store_datadir = {{stores}}
[image_import_opts]
image_import_plugins = image_decompression
[intaglio]
fetch_networks = {HERE}
imports_at_once = 8
rate_limit_import =
[import_filtering_opts]
allowed_ports =
"""
SECONDS = 120


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Intaglio]:
    directory = tmp_path_factory.mktemp("hostile")
    conf = CONF.format(stores=directory / "data" / "images")
    with intaglio(directory, auth="none", conf=conf) as running:
        yield running


@pytest.fixture(scope="module")
def source() -> Iterator[Source]:
    with serving() as found:
        found.texts = {name: image(name).read_bytes() for name in HOSTILE}
        yield found


@pytest.fixture(scope="module")
def client(service: Intaglio) -> Iterator[Client]:
    with contextlib.closing(Client(service)) as made:
        yield made


@pytest.fixture(scope="module")
def rows(client: Client, source: Source) -> dict[tuple[str, str], tuple[str, Any]]:
    """Every image at every door; the tasks of all run side by side."""
    found = {}
    for name, hostile in HOSTILE.items():
        for door in DOORS:
            fields = {"disk_format": hostile.declared}
            data, url = image(name).read_bytes(), source.url.replace("disk.img", name)
            if door in {"glance-direct", "packed"}:
                image_id = client.staged(gzip.compress(data) if door == "packed" else data, **fields)
                answer = client.http.post(f"{image_id}/import", json={"method": {"name": "glance-direct"}})
            else:
                wanted = {"container_format": "bare", **fields}
                image_id = str(client.http.post("../images", json=wanted).json()["id"])
                if door == "upload":
                    headers = {"Content-Type": "application/octet-stream"}
                    answer = client.http.put(f"{image_id}/file", content=data, headers=headers)
                elif door == "web-download":
                    body = {"method": {"name": "web-download", "uri": url}}
                    answer = client.http.post(f"{image_id}/import", json=body)
                else:
                    answer = client.http.post(f"{image_id}/locations", json={"url": url})
            found[name, door] = (image_id, answer)
    return found


def settled(client: Client, image_id: str) -> dict[str, Any]:
    end = time.monotonic() + SECONDS
    while (found := client.http.get(image_id).json())["status"] in {"importing", "uploading", "saving"}:
        assert time.monotonic() < end, found
        time.sleep(0.05)
    return dict(found)


@pytest.mark.real
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", HOSTILE)
def test_refused(client: Client, rows: dict[tuple[str, str], tuple[str, Any]], name: str, door: str) -> None:
    hostile, (image_id, answer) = HOSTILE[name], rows[name, door]
    if door == "upload":
        assert answer.status_code == 415, answer.text
        said = answer.text
    else:
        assert answer.status_code == 202, answer.text
    found = settled(client, image_id)
    if door != "upload":
        said = client.reason(image_id)
    assert hostile.said in said, f"{hostile.code}: {said}"
    assert (found["status"], found["size"], found["checksum"]) == ("queued", None, None)


@pytest.mark.real
def test_nothing_is_left(client: Client, service: Intaglio, rows: dict[tuple[str, str], tuple[str, Any]]) -> None:
    for image_id, _ in rows.values():
        settled(client, image_id)
    assert stored_files(service) == {}
    assert [path for path in (service.data / "staging").rglob("*") if path.is_file() and len(path.name) >= 36] == []


def test_the_page_is_what_the_tables_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python -m tests.formats.hostile writes it"
    assert {each.code for each in HOSTILE.values()} >= {MISMATCH}
