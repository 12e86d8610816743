"""Requests that no HTTP library would write: headers, paths and framing. The server answers with a 4xx or hangs up."""

import base64
import contextlib
import http.client
import socket
from collections.abc import Iterable

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.wire import OCTETS, PATCH_V21
from tests.fuzz.inputs import EXAMPLES
from tests.fuzz.service import MIA, ROOT, Fuzzed

Header = tuple[bytes, bytes]

DATA: Header = (b"Content-Type", OCTETS["Content-Type"].encode())
CREDENTIALS = b"Basic " + base64.b64encode(f"{MIA.name}:{MIA.password}".encode())
ODD_VALUES = (
    b"", b" ", b"\t", b"\x00", b"\x7f", b"\xff\xfe", b"\xc3\x28", b"a\rb", b"a\x0bb", b'"', b",", b"=", b"x" * 5000,
    b"-1", b"+1", b"0x10", b"1e3", b"1,1", b"1, 2", b"18446744073709551616", b"9" * 400, b"\xd9\xa3", b"NaN", b"%00",
    b"bytes=", b"bytes=-", b"bytes=0-", b"bytes=-0", b"bytes=5-2", b"bytes=0-9,20-", b"bytes=a-b", b"bytes=-9999999999",
    b"bytes=99999999999999999999-", b"bytes 0-1/*", b"bytes */5", b"BYTES=0-0", b"bytes=0-0;", b"octets=1-2",
    b"Basic", b"Basic =", b"Basic \xff", b"Basic " + b"A" * 5000, b"Bearer x", b"Basic Og==", b"Basic bWlhOgA=",
    b"text/html", b"application/json", b"*/*;q=nan", b"text/plain;q=0", b"application/octet-stream;" * 100,
    b"req-" + b"x" * 60, b"x" * 65, b"../../etc/passwd", b"file", b"FILE", b"os_glance_staging_store", b"100-continue",
)  # fmt: skip
NAMES = (
    b"Accept", b"Accept-Encoding", b"Authorization", b"Connection", b"Content-Encoding", b"Content-Range",
    b"Content-Type", b"Cookie", b"Date", b"Expect", b"Forwarded", b"Host", b"If-Match", b"Range", b"Upgrade",
    b"X-Auth-Token", b"X-Forwarded-Host", b"X-Forwarded-Proto", b"X-Identity-Status", b"X-Image-Meta-Store",
    b"X-OpenStack-Image-Size", b"X-OpenStack-Request-ID", b"X-Project-Id", b"X-Roles", b"X-User-Id",
)  # fmt: skip
FRAMING = (
    (b"Content-Length", b"abc"), (b"Content-Length", b"-5"), (b"Content-Length", b"18446744073709551616"),
    (b"Content-Length", b"5, 6"), (b"Content-Length", b""), (b"Transfer-Encoding", b"gzip"),
    (b"Transfer-Encoding", b"chunked, identity"), (b"Transfer-Encoding", b"\xff"), (b"Transfer-Encoding", b""),
)  # fmt: skip
ODD_SEGMENTS = (
    b"%", b"%0", b"%zz", b"%00", b"%ff", b"%c3%28", b"%ed%a0%80", b"%2e%2e", b"..", b".", b"%2f", b"//", b"a%2fb",
    b"\xff", b"\x01", b"{image_id}", b"*", b"%F0%9F%92%A9", b"x" * 3000, b"AAAAAAAA-AAAA-AAAA-AAAA-AAAAAAAAAAAA",
    b"00000000-0000-0000-0000-00000000000%30", b"None", b"null", b"'", b"\\", b"%0d%0aX: y", b"detail", b"file",
)  # fmt: skip

headers = st.lists(
    st.tuples(st.sampled_from(NAMES), st.one_of(st.sampled_from(ODD_VALUES), st.binary(max_size=20))), max_size=4
)
segments = st.lists(st.one_of(st.sampled_from(ODD_SEGMENTS), st.binary(max_size=6)), min_size=1, max_size=3)


def exchange(fuzz: Fuzzed, request: bytes, method: bytes = b"GET", *, patience: float = 20) -> int | None:
    """The status of the answer to these bytes; None when the server hangs up instead.

    TimeoutError when it does neither for `patience` seconds.
    """
    with socket.create_connection(("127.0.0.1", fuzz.service.port), timeout=patience) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(request)
        answer = http.client.HTTPResponse(connection, method=method.decode())
        try:
            answer.begin()
            answer.read()
        except ConnectionError:
            return None
        return answer.status


def send(fuzz: Fuzzed, method: bytes, target: bytes, given: Iterable[Header], body: bytes = b"") -> int | None:
    """The status of the answer to a request that is written as it stands; None when the server hangs up instead."""
    return exchange(fuzz, written(method, target, given, body), method)


def written(method: bytes, target: bytes, given: Iterable[Header], body: bytes) -> bytes:
    lines = [b"%s %s HTTP/1.1" % (method, target), *(b"%s: %s" % header for header in given), b"", b""]
    return b"\r\n".join(lines) + body


def require_refused_or_done(fuzz: Fuzzed, status: int | None) -> None:
    assert status is None or status < 500, status
    fuzz.require_alive()


def with_identity(given: Iterable[Header]) -> list[Header]:
    """The headers that every request has come first, so that what is given is there a second time."""
    return [(b"Host", b"127.0.0.1"), (b"Authorization", CREDENTIALS), (b"Connection", b"close"), *given]


@pytest.mark.parametrize("call", ["GET list", "GET file", "PUT file", "PATCH", "POST", "DELETE tag"])
@EXAMPLES
@given(headers)
def test_headers(fuzz: Fuzzed, call: str, given: list[Header]) -> None:
    image_id = fuzz.image("active" if call == "GET file" else "queued").encode()
    calls: dict[str, tuple[bytes, bytes, Header | None, bytes]] = {
        "GET list": (b"GET", b"/v2/images", None, b""),
        "GET file": (b"GET", b"/v2/images/%s/file" % image_id, None, b""),
        "PUT file": (b"PUT", b"/v2/images/%s/file" % image_id, DATA, b"x"),
        "PATCH": (b"PATCH", b"/v2/images/%s" % image_id, (b"Content-Type", PATCH_V21.encode()), b"[]"),
        "POST": (b"POST", b"/v2/images", (b"Content-Type", b"application/json"), b"{}"),
        "DELETE tag": (b"DELETE", b"/v2/images/%s/tags/t" % image_id, None, b""),
    }
    method, target, own, body = calls[call]
    sized = [own, (b"Content-Length", str(len(body)).encode())] if own else []
    require_refused_or_done(fuzz, send(fuzz, method, target, with_identity([*sized, *given]), body))


@pytest.mark.parametrize("method", [b"GET", b"PUT", b"PATCH", b"POST", b"DELETE", b"HEAD", b"OPTIONS", b"X"])
@EXAMPLES
@given(segments, st.sampled_from([b"/", b"/v2/", b"/v2/images/", b"/v2/images/%s/", b"/v2.7/images/", b""]))
def test_paths(fuzz: Fuzzed, method: bytes, parts: list[bytes], start: bytes) -> None:
    start = start % fuzz.image("queued").encode() if b"%s" in start else start
    require_refused_or_done(fuzz, send(fuzz, method, start + b"/".join(parts), with_identity([])))


@pytest.mark.parametrize("number", range(len(FRAMING)))
@pytest.mark.parametrize("twice", [False, True])
def test_framing(fuzz: Fuzzed, number: int, twice: bool) -> None:
    """Of two ways to say how long a body is at most one is believed, and what is behind it is no request."""
    smuggled = b"0\r\n\r\nDELETE /v2/images/%s HTTP/1.1\r\nHost: x\r\n\r\n" % fuzz.kept["record"]["id"].encode()
    own = [(b"Content-Length", str(len(smuggled)).encode())] if twice else []
    for target in (b"/v2/images", b"/v2/images/%s/file" % fuzz.image("queued").encode()):
        method = b"POST" if target.endswith(b"images") else b"PUT"
        request = written(method, target, with_identity([DATA, *own, FRAMING[number]]), smuggled)
        status = None
        with contextlib.suppress(TimeoutError):  # it may wait for the rest of what it takes for a body
            status = exchange(fuzz, request, method, patience=0.5)
        require_refused_or_done(fuzz, status)


@pytest.mark.parametrize(
    "request_",
    [
        b"", b"\r\n", b"\x00" * 100, b"GET\r\n\r\n", b"GET /\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01",
        b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", b"GET / HTTP/1.1\r\n folded\r\n\r\n", b"GET / HTTP/1.1\r\nA\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"A: b\r\n" * 5000 + b"\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nA: " + b"b" * 2_000_000 + b"\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /v2/images HTTP/1.0\r\n\r\n", b"get / HTTP/1.1\r\nHost: a\r\n\r\n", b"GET / HTTP/1.1\nHost: a\n\n",
    ],
    ids=str,
)  # fmt: skip
def test_what_is_hardly_a_request(fuzz: Fuzzed, request_: bytes) -> None:
    status = None
    with contextlib.suppress(TimeoutError, http.client.BadStatusLine):  # it may wait for the rest; or speak HTTP/2
        status = exchange(fuzz, request_, patience=0.5)
    require_refused_or_done(fuzz, status)


@pytest.mark.parametrize("size", ["-1", "1.5", "9" * 30, "\u0663", "0x5", " 5", "5 ", "+5", ""])
def test_announced_sizes(fuzz: Fuzzed, size: str) -> None:
    image_id = fuzz.image("queued")
    announced = [DATA, (b"Content-Length", b"5"), (b"X-OpenStack-Image-Size", size.encode())]
    status = send(fuzz, b"PUT", f"/v2/images/{image_id}/file".encode(), with_identity(announced), b"12345")
    expected = 204 if size.strip() == "5" else 400
    assert status == expected
    assert fuzz.mia.image(image_id)["status"] == ("active" if expected == 204 else "queued")


def test_foreign_images_stay_unseen(fuzz: Fuzzed) -> None:
    """Whatever way an id is written in."""
    image_id = fuzz.kept["record"]["id"]
    assert httpx.get(f"{fuzz.service.url}/v2/images/{image_id}", auth=(ROOT.name, ROOT.password)).status_code == 200
    for written in (
        image_id,
        image_id.upper(),
        f"%{ord(image_id[0]):02x}{image_id[1:]}",
        f"{image_id}%00",
        f"{image_id} ",
    ):
        target = b"/v2/images/" + written.replace(" ", "%20").encode()
        assert send(fuzz, b"GET", target, with_identity([])) in {400, 404}
