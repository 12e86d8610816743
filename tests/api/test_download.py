"""GET (and HEAD) /v2/images/{id}/file: all of it, parts of it, none of it."""

import hashlib

import pytest

from tests.api.wire import FORMATS, Caller, Json, differs, noise, refused

TEN = b"0123456789"
MD5 = hashlib.md5(TEN, usedforsecurity=False).hexdigest()


@pytest.fixture(scope="module")
def ten(member: Caller) -> str:
    """The address of ten bytes."""
    return f"/v2/images/{member.active(TEN)['id']}/file"


@pytest.fixture(scope="module")
def empty(member: Caller) -> str:
    """The address of an active image without a byte."""
    return f"/v2/images/{member.active(b'')['id']}/file"


@pytest.fixture(scope="module")
def queued(member: Caller) -> str:
    """The address of data that were never uploaded."""
    return f"/v2/images/{member.create(**FORMATS)['id']}/file"


def test_whole(member: Caller, ten: str) -> None:
    answer = member.get(ten)
    assert (answer.status_code, answer.content) == (200, TEN)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-length"] == "10"
    assert answer.headers["content-md5"] == MD5
    assert "content-range" not in answer.headers
    assert "content-encoding" not in answer.headers


def test_large(member: Caller) -> None:
    data = noise(10_000_019)
    image = member.active(data)
    path = f"/v2/images/{image['id']}/file"
    assert member.get(path).content == data
    for start, end in ((0, 0), (1 << 20, (1 << 20) + 5), (65_535, 9_999_999), (10_000_018, 10_000_018)):
        answer = member.get(path, headers={"Range": f"bytes={start}-{end}"})
        assert (answer.status_code, answer.content == data[start : end + 1]) == (206, True), (start, end)


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-3", 0, 3),
        ("bytes=0-0", 0, 0),
        ("bytes=5-", 5, 9),
        ("bytes=0-", 0, 9),
        ("bytes=9-", 9, 9),
        ("bytes=9-9", 9, 9),
        ("bytes=-3", 7, 9),
        ("bytes=-10", 0, 9),
        ("bytes=-30", 0, 9),
        ("bytes=0-9", 0, 9),
        ("bytes=0-100", 0, 9),
        ("bytes=4-99999999999999999999", 4, 9),
        ("BYTES=0-3", 0, 3),
    ],
)
def test_range(member: Caller, ten: str, asked: str, start: int, end: int) -> None:
    answer = member.get(ten, headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.content == TEN[start : end + 1]
    assert answer.headers["content-range"] == f"bytes {start}-{end}/10"
    assert answer.headers["content-length"] == str(end + 1 - start)
    assert answer.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=", "bytes=10-", "bytes=10-12", "bytes=5-2", "items=0-1", "bytes=a-b", "0-3", "bytes=1", "bytes",
        "bytes=0x1-5", "bytes=99999999999999999999-", "",
        pytest.param("bytes=-0", marks=differs("Glance answers with the whole image")),
        pytest.param("bytes=--1", marks=differs("Glance drops the connection")),
    ],
)  # fmt: skip
def test_no_such_range(member: Caller, ten: str, asked: str) -> None:
    answer = member.get(ten, headers={"Range": asked})
    if asked == "":
        assert answer.status_code in {200, 416}
        return
    refused(answer, 416)


@differs("Glance does not say how long the image is")
def test_refused_range_tells_the_size(member: Caller, ten: str) -> None:
    answer = member.get(ten, headers={"Range": "bytes=10-"})
    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */10")


@pytest.mark.parametrize("asked", ["bytes=0-1,4-5", "bytes=0-1, 4-5", "bytes=0-0,-1"])
def test_several_ranges(member: Caller, ten: str, asked: str) -> None:
    refused(member.get(ten, headers={"Range": asked}), 400)


@pytest.mark.parametrize(
    ("asked", "start", "end"), [("bytes 0-3/*", 0, 3), ("bytes 0-3/10", 0, 3), ("bytes 9-9/*", 9, 9)]
)
def test_older_form(member: Caller, ten: str, asked: str, start: int, end: int) -> None:
    answer = member.get(ten, headers={"Content-Range": asked})
    assert (answer.status_code, answer.content) == (206, TEN[start : end + 1])
    assert answer.headers["content-range"] == f"bytes {start}-{end}/10"


@pytest.mark.parametrize(
    "asked",
    [
        "bytes 5-20/*", "x", "bytes 4-2/*", "bytes 10-10/*",
        pytest.param("bytes */10", marks=differs("Glance drops the connection")),
        pytest.param("bytes */*", marks=differs("Glance drops the connection")),
    ],
)  # fmt: skip
def test_no_such_range_in_the_older_form(member: Caller, ten: str, asked: str) -> None:
    refused(member.get(ten, headers={"Content-Range": asked}), 416)


def test_range_wins_over_the_older_form(member: Caller, ten: str) -> None:
    answer = member.get(ten, headers={"Range": "bytes=0-1", "Content-Range": "bytes 4-5/*"})
    assert (answer.status_code, answer.content) == (206, b"01")


def test_no_byte(member: Caller, empty: str) -> None:
    answer = member.get(empty)
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")
    assert answer.headers["content-md5"] == "d41d8cd98f00b204e9800998ecf8427e"


@pytest.mark.parametrize(
    "asked",
    ["bytes=0-", "bytes=0-0", "bytes=-0", pytest.param("bytes=-1", marks=differs("Glance answers with 206, no byte"))],
)
def test_range_of_no_byte(member: Caller, empty: str, asked: str) -> None:
    refused(member.get(empty, headers={"Range": asked}), 416)


def test_no_data(member: Caller, queued: str) -> None:
    answer = member.get(queued)
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize(
    "headers",
    [{"Range": "bytes=0-1"}, {"Range": "bytes=-1"}, {"Content-Range": "bytes 0-1/*"}, {"Content-Range": "bytes */5"}],
    ids=str,
)
@differs("Glance answers 500 or drops the connection")
def test_range_of_no_data(member: Caller, queued: str, headers: dict[str, str]) -> None:
    assert 400 <= member.get(queued, headers=headers).status_code < 500


@pytest.mark.parametrize("path", ["/v2/images/00000000-0000-4000-8000-000000000000/file", "/v2/images/no-uuid/file"])
def test_unknown(member: Caller, path: str) -> None:
    refused(member.get(path), 404)


@differs("Glance sends neither")
def test_ranges_are_announced_and_the_digest_is_of_what_is_sent(member: Caller, ten: str) -> None:
    assert member.get(ten).headers["accept-ranges"] == "bytes"
    part = member.get(ten, headers={"Range": "bytes=0-3"})
    assert part.headers["accept-ranges"] == "bytes"
    assert part.headers.get("content-md5") in {None, hashlib.md5(b"0123", usedforsecurity=False).hexdigest()}


@pytest.mark.ours
class TestHead:
    def test_whole(self, member: Caller, ten: str) -> None:
        got, head = member.get(ten), member.head(ten)
        assert (head.status_code, head.content) == (200, b"")
        for name in ("content-length", "content-md5", "content-type", "accept-ranges"):
            assert head.headers[name] == got.headers[name]

    def test_range(self, member: Caller, ten: str) -> None:
        head = member.head(ten, headers={"Range": "bytes=0-3"})
        assert (head.status_code, head.content) in {(206, b""), (200, b"")}

    @pytest.mark.parametrize(("who", "status"), [("stranger", 404), ("reader", 403), ("nobody", 401)])
    def test_rights(self, request: pytest.FixtureRequest, ten: str, who: str, status: int) -> None:
        caller: Caller = request.getfixturevalue(who)
        answer = caller.head(ten)
        assert (answer.status_code, answer.content) == (status, b"")


@pytest.mark.parametrize(
    ("stores", "status"),
    [("fast", 200), ("slow", 200), ("slow,fast", 200), ("slow&prefer=fast", 200), ("nowhere", 400)],
)
def test_preferred_store(member: Caller, ten: str, stores: str, status: int) -> None:
    answer = member.get(f"{ten}?prefer={stores}")
    assert answer.status_code == status
    if status == 200:
        assert answer.content == TEN


def test_reader_that_leaves(member: Caller) -> None:
    """A download given up half-way disturbs nobody."""
    data = noise(30_000_000)
    image = member.active(data)
    for _ in range(3):
        with member.stream("GET", f"/v2/images/{image['id']}/file") as answer:
            assert next(answer.iter_bytes(1000)) == data[:1000]
    assert (
        hashlib.sha256(member.get(f"/v2/images/{image['id']}/file").content).digest() == hashlib.sha256(data).digest()
    )


def test_deleted_while_it_is_read(member: Caller) -> None:
    """Who has begun to read gets all of it."""
    data = noise(30_000_000)
    image: Json = member.active(data)
    with member.stream("GET", f"/v2/images/{image['id']}/file") as answer:
        parts = answer.iter_bytes(65536)
        read = next(parts)
        assert member.delete(f"/v2/images/{image['id']}").status_code == 204
        assert read + b"".join(parts) == data
