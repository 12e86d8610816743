"""Images in the volumes of a real Cinder, by the whole service: every process killed while one is written or read."""

import contextlib
from collections.abc import Iterator

import httpx
import pytest

from tests.faults.client import MIB, HalfUpload, content, create, get, leases, put, wait_for_status
from tests.starters.base import wait_until
from tests.starters.cinder_shared import Block
from tests.starters.intaglio import Intaglio, intaglio
from tests.stores.cinder_stores import load_ceph, options, until_gone, until_idle, volumes

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(300)]

DATA = content(24 * MIB)


@pytest.fixture(scope="module")
def service(block: Block, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Intaglio]:
    load_ceph()
    home = tmp_path_factory.mktemp("service")
    section = options(block, home)
    locks = section.pop("lock_path")
    conf = "[DEFAULT]\nenabled_backends = block:cinder\n[glance_store]\ndefault_backend = block\n"
    conf += f"[oslo_concurrency]\nlock_path = {locks}\n[block]\n"
    conf += "".join(f"{option} = {value}\n" for option, value in section.items())
    with intaglio(home, auth="none", conf=conf) as running:
        yield running


def test_killed_while_a_volume_is_written(service: Intaglio, block: Block) -> None:
    """The image is queued again and its volume goes; the next upload works."""
    image_id = create(service.url)
    with HalfUpload(service, image_id, len(DATA)) as upload:
        upload.send(DATA[: len(DATA) // 2])
        wait_until(lambda: _statuses(block, image_id) == ["in-use"], "the volume to be attached", seconds=60)
        service.kill()
    service.start()
    wait_for_status(service.url, image_id, "queued", seconds=60)
    until_gone(block, image_id)
    wait_until(lambda: leases(service) == [], "the claim to be released")
    assert put(service.url, image_id, DATA).status_code == 204
    assert get(service.url, image_id).content == DATA
    _delete(service, block, image_id)


def test_killed_while_a_volume_is_read(service: Intaglio, block: Block) -> None:
    """It is detached after the restart, and is read again."""
    image_id = create(service.url)
    assert put(service.url, image_id, DATA).status_code == 204
    until_idle(block, image_id)
    path = f"{service.url}/v2/images/{image_id}/file"
    with contextlib.suppress(httpx.RemoteProtocolError, httpx.ReadError), httpx.stream("GET", path) as answer:
        next(answer.iter_raw(1000))
        assert _statuses(block, image_id) == ["in-use"]
        service.kill()
    service.start()
    until_idle(block, image_id)
    assert get(service.url, image_id).content == DATA
    _delete(service, block, image_id)


def _statuses(block: Block, image_id: str) -> list[str]:
    return [each["status"] for each in volumes(block, glance_image_id=image_id)]


def _delete(service: Intaglio, block: Block, image_id: str) -> None:
    assert httpx.delete(f"{service.url}/v2/images/{image_id}", timeout=60).status_code == 204
    until_gone(block, image_id)
