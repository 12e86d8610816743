"""The reason for a refusal reaches the client, also one that sends everything before it reads anything."""

import threading

import pytest

from tests.faults.client import MIB, HalfUpload, content, create, put, show, stored_files
from tests.starters.intaglio import Intaglio


@pytest.mark.parametrize("chunked", [False, True], ids=["content-length", "chunked"])
def test_wrong_format_of_a_large_image(service: Intaglio, chunked: bool) -> None:
    size = 64 * MIB
    image_id = create(service.url, disk_format="qcow2")
    block = content(MIB)
    with HalfUpload(service, image_id, size, chunked=chunked) as upload:
        for _ in range(size // MIB):
            upload.send(block)
        if chunked:
            upload.socket.sendall(b"0\r\n\r\n")
        answer = b""
        while b"</html>" not in answer:
            answer += upload.socket.recv(65536)
    assert answer.startswith(b"HTTP/1.1 415 ")
    assert b"not qcow2 as disk_format says" in answer
    assert show(service.url, image_id)["status"] == "queued"
    assert stored_files(service) == {}


def test_the_answer_does_not_wait_for_the_rest(service: Intaglio) -> None:
    image_id = create(service.url, disk_format="qcow2")
    with HalfUpload(service, image_id, 1 << 40) as upload:
        upload.send(content(MIB))
        assert upload.status() == 415
    assert show(service.url, image_id)["status"] == "queued"


def test_a_connection_is_kept_for_the_next_request(service: Intaglio) -> None:
    """What was left of a refused body is not taken for the next request."""
    image_id = create(service.url, disk_format="qcow2")
    data = b"GET /v2/images HTTP/1.1\r\nHost: x\r\n\r\n" * 100_000
    assert put(service.url, image_id, data).status_code == 415
    assert show(service.url, image_id)["status"] == "queued"


def test_many_refusals_at_once(service: Intaglio) -> None:
    image_ids = [create(service.url, disk_format="qcow2") for _ in range(8)]
    statuses: list[int] = []
    data = content(8 * MIB)
    threads = [
        threading.Thread(target=lambda image_id=image_id: statuses.append(put(service.url, image_id, data).status_code))
        for image_id in image_ids
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [415] * 8
