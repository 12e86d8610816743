"""PUT /v2/images/{id}/file: what is taken, what is refused, and that a refusal leaves nothing behind."""

import socket
import struct
import threading
from collections.abc import Iterator

import httpx
import pytest

from tests.api.wire import FORMATS, OCTETS, Caller, Json, differs, digests, noise, op, refused
from tests.starters.base import wait_until

SIZES = [1, 511, 512, 65536, 65537, 1 << 20, (1 << 20) + 1, 3_000_001]


def qcow2(size: int, *, backing: str = "", version: int = 3) -> bytes:
    """A qcow2 image of `size` bytes, all of them unallocated, in 64 KiB clusters."""
    name = backing.encode()
    header = struct.pack(
        ">4sIQIIQIIQQIIQ",
        b"QFI\xfb",
        version,
        104 + 8 if name else 0,
        len(name),
        16,
        size,
        0,
        1,
        3 << 16,
        1 << 16,
        1,
        0,
        0,
    )
    header += struct.pack(">QQQII", 0, 0, 0, 4, 104) + bytes(8) + name
    return header.ljust(4 << 16, b"\0")


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def still_queued(caller: Caller, image: Json) -> None:
    """The image is as it was before the upload, but for the time of the last change."""
    now = caller.image(image["id"])
    assert now == image | {"updated_at": now["updated_at"]}
    assert caller.get(f"/v2/images/{image['id']}/file").status_code == 204


def retry_works(caller: Caller, image: Json, data: bytes = b"the retry") -> None:
    answer = caller.upload(image["id"], data)
    assert answer.status_code == 204, answer.text
    assert caller.get(f"/v2/images/{image['id']}/file").content == data
    assert caller.image(image["id"]).items() >= digests(data).items()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("chunked", [False, True])
def test_taken(member: Caller, size: int, chunked: bool) -> None:
    data = noise(size)
    image = member.create(**FORMATS)
    answer = member.upload(image["id"], pieces(data, 50_000) if chunked else data)
    assert (answer.status_code, answer.content) == (204, b"")
    now = member.image(image["id"])
    now.pop("os_glance_receipt", None)  # a Glance has none
    assert now == image | digests(data) | {
        "status": "active", "virtual_size": size, "stores": "fast", "updated_at": now["updated_at"],
    }  # fmt: skip
    assert member.get(f"/v2/images/{image['id']}/file").content == data


@pytest.mark.parametrize("chunked", [False, True])
def test_no_bytes_at_all(member: Caller, chunked: bool) -> None:
    image = member.create(**FORMATS)
    assert member.upload(image["id"], iter(()) if chunked else b"").status_code == 204
    now = member.image(image["id"])
    assert now.items() >= (digests(b"") | {"status": "active"}).items()
    answer = member.get(f"/v2/images/{image['id']}/file")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")


@pytest.mark.parametrize(
    "headers",
    [
        {"x-openstack-image-size": "5"},
        {"Content-Type": "application/octet-stream; charset=binary"},
        {"X-Image-Meta-Store": "fast"},
    ],
    ids=str,
)
@pytest.mark.parametrize("chunked", [False, True])
def test_headers_taken(member: Caller, headers: dict[str, str], chunked: bool) -> None:
    image = member.create(**FORMATS)
    content = iter([b"12", b"345"]) if chunked else b"12345"
    answer = member.put(f"/v2/images/{image['id']}/file", content=content, headers=OCTETS | headers)
    assert answer.status_code == 204, answer.text


def test_store_is_chosen(member: Caller) -> None:
    image = member.create(**FORMATS)
    before = member.target.files()
    assert member.upload(image["id"], b"12345", X_Image_Meta_Store="slow").status_code == 204
    assert member.image(image["id"])["stores"] == "slow"
    assert member.get(f"/v2/images/{image['id']}/file").content == b"12345"
    if member.target.stores:
        assert set(member.target.files()) - set(before) == {str(member.target.stores / "slow" / image["id"])}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x-openstack-image-size": "6"}, 400),
        ({"x-openstack-image-size": "4"}, 400),
        pytest.param({"x-openstack-image-size": "0"}, 400, marks=differs("Glance takes 0 for not said")),
        ({"x-openstack-image-size": "-5"}, 400),
        ({"x-openstack-image-size": "five"}, 400),
        ({"x-openstack-image-size": ""}, 400),
        ({"x-openstack-image-size": "5.0"}, 400),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/json"}, 415),
        ({"Content-Type": "application/octet"}, 415),
        ({"X-Image-Meta-Store": "nowhere"}, 400),
        ({"X-Image-Meta-Store": ""}, 400),
        pytest.param({"X-Image-Meta-Store": "os_glance_staging_store"}, 400, marks=differs("Glance writes there")),
        pytest.param({"X-Image-Meta-Store": "os_glance_tasks_store"}, 400, marks=differs("Glance writes there")),
    ],
    ids=str,
)
@pytest.mark.parametrize("chunked", [False, True])
def test_headers_refused(member: Caller, headers: dict[str, str], status: int, chunked: bool) -> None:
    image = member.create(**FORMATS)
    before = member.target.files()
    content = iter([b"12", b"345"]) if chunked else b"12345"
    refused(member.put(f"/v2/images/{image['id']}/file", content=content, headers=OCTETS | headers), status)
    still_queued(member, image)
    assert member.target.files() == before
    retry_works(member, image)


def test_without_content_type(member: Caller) -> None:
    image = member.create(**FORMATS)
    refused(member.put(f"/v2/images/{image['id']}/file", content=b"12345"), 415)
    still_queued(member, image)


@pytest.mark.parametrize("missing", ["disk_format", "container_format"])
def test_formats_come_first(member: Caller, missing: str) -> None:
    image = member.create(**{name: value for name, value in FORMATS.items() if name != missing})
    refused(member.upload(image["id"], b"12345"), 400)
    still_queued(member, image)
    assert member.change(image["id"], op("replace", f"/{missing}", FORMATS[missing])).status_code == 200
    retry_works(member, image)


def test_active_image_keeps_its_bytes(member: Caller, admin: Caller) -> None:
    image = member.active(b"the first")
    before = member.target.files()
    for caller in (member, admin):
        refused(caller.upload(image["id"], b"the second"), 409)
    assert member.image(image["id"]) == image
    assert member.get(f"/v2/images/{image['id']}/file").content == b"the first"
    assert member.target.files() == before


def test_unknown_image(member: Caller) -> None:
    refused(member.upload("00000000-0000-4000-8000-000000000000", b"x"), 404)
    refused(member.upload("no-uuid", b"x"), 404)


class TestFormats:
    @pytest.mark.parametrize(
        ("disk_format", "container_format", "data", "virtual_size"),
        [
            ("qcow2", "bare", qcow2(5 << 30), 5 << 30),
            ("qcow2", "bare", qcow2(1 << 20, version=2), 1 << 20),
            ("raw", "bare", qcow2(5 << 30), 4 << 16),
            ("ami", "ami", noise(2000), None),
            ("ploop", "bare", noise(2000), None),
            ("qcow2", "ovf", noise(2000), None),
            ("vmdk", "ova", noise(2000), None),
            ("raw", "compressed", noise(2000), None),
        ],
        ids=["qcow2", "qcow2-v2", "qcow2-as-raw", "ami", "ploop", "ovf", "ova", "compressed"],
    )
    def test_match(
        self, member: Caller, disk_format: str, container_format: str, data: bytes, virtual_size: int | None
    ) -> None:
        image = member.active(data, disk_format=disk_format, container_format=container_format)
        assert image["status"] == "active"
        if virtual_size is not None:
            assert image["virtual_size"] == virtual_size
        assert member.get(f"/v2/images/{image['id']}/file").content == data

    MISMATCHES = (
        ("qcow2", noise(70_000)),
        ("qcow2", b"QFI"),
        ("qcow2", qcow2(1 << 30, backing="/etc/passwd")),
        ("raw", qcow2(1 << 30, backing="/etc/passwd")),
        ("vmdk", qcow2(1 << 30)),
        ("vhdx", noise(3_000_000)),
        ("iso", noise(70_000)),
        ("vdi", b""),
        ("ploop", qcow2(1 << 30)),
    )
    NAMES = ("noise", "short", "backing", "raw-backing", "other", "large-noise", "iso", "empty", "ploop")

    @pytest.mark.parametrize(("disk_format", "data"), MISMATCHES, ids=NAMES)
    @pytest.mark.parametrize("chunked", [False, True])
    def test_mismatch(self, member: Caller, disk_format: str, data: bytes, chunked: bool) -> None:
        image = member.create(disk_format=disk_format, container_format="bare")
        answer = member.upload(image["id"], pieces(data, 1000) if chunked else data)
        refused(answer, 415)
        now = member.image(image["id"])
        assert now["status"] == "queued"

    @pytest.mark.parametrize(("disk_format", "data"), MISMATCHES, ids=NAMES)
    @differs("Glance keeps the bytes and the location, and answers 500 to the next upload")
    def test_mismatch_leaves_nothing(self, member: Caller, disk_format: str, data: bytes) -> None:
        image = member.create(disk_format=disk_format, container_format="bare")
        before = member.target.files()
        refused(member.upload(image["id"], data), 415)
        still_queued(member, image)
        assert member.target.files() == before
        assert member.change(image["id"], op("replace", "/disk_format", "raw")).status_code == 200
        retry_works(member, image)
        right = member.create(disk_format="qcow2", container_format="bare")
        refused(member.upload(right["id"], noise(70_000)), 415)
        retry_works(member, right, qcow2(1 << 30))


class Slowly:
    """An upload that has sent its first bytes and ends when the test says so."""

    def __init__(self, caller: Caller, image: Json, data: bytes = b"0123456789" * 1000) -> None:
        self.data = data
        self._go_on = threading.Event()
        self.answer: httpx.Response | None = None
        self._sender = threading.Thread(target=self._send, args=(caller, image))
        self._sender.start()
        wait_until(lambda: caller.image(image["id"])["status"] == "saving", "the upload", 20)

    def _send(self, caller: Caller, image: Json) -> None:
        with Caller(caller.target, caller.user) as own:
            self.answer = own.upload(image["id"], self._body())

    def _body(self) -> Iterator[bytes]:
        half = len(self.data) // 2
        yield self.data[:half]
        self._go_on.wait(60)
        yield self.data[half:]

    def end(self) -> httpx.Response:
        self._go_on.set()
        self._sender.join(60)
        assert self.answer is not None
        return self.answer


@pytest.fixture
def image(member: Caller) -> Json:
    return member.create(**FORMATS)


class TestWhileBytesArrive:
    def test_nothing_is_visible(self, member: Caller, image: Json) -> None:
        upload = Slowly(member, image)
        try:
            now = member.image(image["id"])
            assert now == image | {"status": "saving", "updated_at": now["updated_at"]}
            assert member.get(f"/v2/images/{image['id']}/file").status_code == 204
            assert member.ids(id=image["id"], status="saving") == [image["id"]]
        finally:
            answer = upload.end()
        assert answer.status_code == 204
        assert member.get(f"/v2/images/{image['id']}/file").content == upload.data

    def test_second_upload(self, member: Caller, image: Json) -> None:
        upload = Slowly(member, image)
        try:
            refused(member.upload(image["id"], b"the other"), 409)
        finally:
            answer = upload.end()
        assert answer.status_code == 204
        assert member.get(f"/v2/images/{image['id']}/file").content == upload.data
        assert member.image(image["id"]).items() >= digests(upload.data).items()

    def test_formats_are_settled(self, member: Caller, image: Json) -> None:
        upload = Slowly(member, image)
        try:
            refused(member.change(image["id"], op("replace", "/disk_format", "qcow2")), 403)
            refused(member.post(f"/v2/images/{image['id']}/actions/deactivate"), 403)
        finally:
            answer = upload.end()
        assert answer.status_code == 204

    @differs("Glance writes back what it read before the upload")
    def test_changes_are_kept(self, member: Caller, image: Json) -> None:
        upload = Slowly(member, image)
        try:
            changed = member.change(image["id"], op("replace", "/name", "meanwhile"), op("add", "/p", "v"))
            assert changed.status_code == 200
            assert member.put(f"/v2/images/{image['id']}/tags/x").status_code == 204
        finally:
            answer = upload.end()
        assert answer.status_code == 204
        now = member.image(image["id"])
        assert (now["status"], now["name"], now["p"], now["tags"]) == ("active", "meanwhile", "v", ["x"])

    def test_deletion(self, member: Caller, image: Json) -> None:
        before = member.target.files()
        upload = Slowly(member, image)
        try:
            assert member.delete(f"/v2/images/{image['id']}").status_code == 204
        finally:
            answer = upload.end()
        refused(answer, 410)
        refused(member.get(f"/v2/images/{image['id']}"), 404)
        assert member.target.files() == before


@pytest.mark.parametrize("chunked", [False, True])
def test_client_that_leaves(member: Caller, image: Json, chunked: bool) -> None:
    before = member.target.files()
    request = member.build_request("PUT", "/")
    if member.user and not member.target.peer:
        request = next(httpx.BasicAuth(member.user.name, member.user.password).auth_flow(request))
    fields = {**request.headers, **OCTETS}
    fields |= {"transfer-encoding": "chunked"} if chunked else {"content-length": "1000000"}
    lines = [f"PUT /v2/images/{image['id']}/file HTTP/1.1", *(f"{key}: {value}" for key, value in fields.items())]
    lines = [line for line in lines if not chunked or not line.lower().startswith("content-length")]
    with socket.create_connection(("127.0.0.1", member.target.port), timeout=30) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        connection.sendall((b"400\r\n" if chunked else b"") + noise(1024) + (b"\r\n" if chunked else b""))
        wait_until(lambda: member.image(image["id"])["status"] == "saving", "the upload", 20)
    wait_until(lambda: member.image(image["id"])["status"] != "saving", "its end", 60)
    still_queued(member, image)
    assert member.target.files() == before
    retry_works(member, image)


@pytest.mark.ours
def test_expect_continue(member: Caller, image: Json) -> None:
    """What curl does with a large body: it waits to be told that the body is wanted."""
    assert member.user is not None
    request = next(httpx.BasicAuth(member.user.name, member.user.password).auth_flow(member.build_request("PUT", "/")))
    lines = [
        f"PUT /v2/images/{image['id']}/file HTTP/1.1", "Host: x", "Content-Length: 5", "Expect: 100-continue",
        "Content-Type: application/octet-stream", f"Authorization: {request.headers['authorization']}", "", "",
    ]  # fmt: skip
    with socket.create_connection(("127.0.0.1", member.target.port), timeout=30) as connection:
        connection.sendall("\r\n".join(lines).encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        connection.sendall(b"12345")
        assert connection.recv(1000).startswith(b"HTTP/1.1 204")
