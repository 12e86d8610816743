"""The S3 store on a real server, and through a network that goes wrong: what an operator and a user then see."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from intaglio.stores.base import Broken, Busy, Denied, Exists, Full, NotFound, Stat, StoreError
from intaglio.stores.conformance import content
from intaglio.stores.conformance_sources import noise, pieces, stopping
from intaglio.stores.drivers import s3_unfinished, s3_write
from intaglio.stores.drivers.ranged_read import AHEAD, SEGMENT
from intaglio.stores.drivers.s3 import S3Store
from tests.starters.radosgw import RadosGateway
from tests.starters.s3 import ACCESS, READER, READER_SECRET, S3, SECRET
from tests.stores.s3_proxy import Fault, Proxy, proxied
from tests.stores.s3_stores import QUICK, bucket_name, store, unfinished_keys

pytestmark = [pytest.mark.anyio, pytest.mark.real]

MIB = 1 << 20
PARTS = noise(12 * MIB)
"""Three parts of 5 MiB and less."""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_write, "PAUSE", 0.01)


@pytest.fixture(scope="module")
def bucket() -> str:
    return bucket_name()


Make = Callable[..., S3Store]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    """`store`, closed at the end of the test."""
    made = []

    def one(*arguments: Any, **options: Any) -> S3Store:
        made.append(store(*arguments, **options))
        return made[-1]

    yield one
    for each in made:
        await each.close()


@pytest.fixture
async def plain(s3_server: S3, bucket: str) -> AsyncIterator[S3Store]:
    """A store straight on the server."""
    made = store(s3_server, bucket, s3_store_large_object_chunk_size=5)
    await made.prepare()
    yield made
    left = [stat.key async for stat in made.list()]
    for key in left:
        await made.delete(key)
    await made.close()
    assert (left, unfinished_keys(s3_server, bucket)) == ([], [])


@pytest.fixture
async def proxy(s3_server: S3) -> AsyncIterator[Proxy]:
    async with proxied(s3_server.url) as between:
        yield between


@pytest.fixture
async def through(plain: S3Store, proxy: Proxy, s3_server: S3, bucket: str) -> AsyncIterator[S3Store]:
    """A store on the same bucket behind the proxy, which gives up soon.

    On a busy machine it may give up a request that the server carries out afterwards, when the object that a second
    one made is deleted already: such an object is nobody's fault, and must not meet the next test.
    """
    made = store(s3_server, bucket, QUICK, s3_store_host=proxy.url, s3_store_large_object_chunk_size=5)
    yield made
    await made.close()
    await proxy.settled()
    if proxy.late:
        with contextlib.suppress(NotFound):
            await plain.delete("key")


# Writing over a bad network

PUT_WHOLE = ("PUT", "/key$")
PUT_PART = ("PUT", "partNumber=2")
BEGIN = ("POST", "uploads=")
JOIN = ("POST", "uploadId=")
REFUSED, LOST, SLOW_DOWN = Fault(refuse=True), Fault(lose=True), Fault(status=503, code="SlowDown")
HANGS, FULL = Fault(hang=True), Fault(status=403, code="QuotaExceeded")
NO_CONDITIONS = Fault(status=501, code="NotImplemented")


@pytest.mark.parametrize(
    ("request_", "data", "fault"),
    [
        (PUT_WHOLE, PARTS[:1000], REFUSED),
        (PUT_WHOLE, PARTS[:1000], LOST),
        (PUT_WHOLE, PARTS[:1000], HANGS),
        (PUT_WHOLE, PARTS[:1000], SLOW_DOWN),
        (PUT_WHOLE, PARTS[:1000], NO_CONDITIONS),
        (PUT_PART, PARTS, REFUSED),
        (PUT_PART, PARTS, LOST),
        (PUT_PART, PARTS, SLOW_DOWN),
        (BEGIN, PARTS, REFUSED),
        (JOIN, PARTS, REFUSED),
        (JOIN, PARTS, LOST),
        (JOIN, PARTS, SLOW_DOWN),
        (JOIN, PARTS, NO_CONDITIONS),
    ],
)
async def test_one_fault_is_mended(
    through: S3Store, plain: S3Store, proxy: Proxy, request_: tuple[str, str], data: bytes, fault: Fault
) -> None:
    proxy.once(*request_, fault)
    assert await through.put("key", pieces(data)) == Stat(key="key", size=len(data))
    assert await content(plain, "key") == data
    await plain.delete("key")


@pytest.mark.parametrize(
    ("request_", "data", "fault", "kind", "words"),
    [
        (PUT_WHOLE, PARTS[:1000], SLOW_DOWN, Busy, "503 SlowDown"),
        (PUT_WHOLE, PARTS[:1000], FULL, Full, "QuotaExceeded"),
        (PUT_PART, PARTS, REFUSED, Busy, "connection to its server broke"),
        (PUT_PART, PARTS, SLOW_DOWN, Busy, "503 SlowDown"),
        (PUT_PART, PARTS, FULL, Full, "QuotaExceeded"),
        (PUT_PART, PARTS, HANGS, Busy, "silent for"),
        (BEGIN, PARTS, Fault(status=403, code="AccessDenied"), Denied, "AccessDenied"),
        (BEGIN, PARTS, Fault(status=200, code=""), Broken, "not S3's"),
        (JOIN, PARTS, SLOW_DOWN, Busy, "503 SlowDown"),
        (JOIN, PARTS, Fault(status=200, code="InternalError"), Busy, "InternalError"),
        (JOIN, PARTS, Fault(status=400, code="InvalidPart"), Broken, "InvalidPart"),
    ],
)
async def test_lasting_faults_leave_nothing(
    through: S3Store,
    plain: S3Store,
    proxy: Proxy,
    request_: tuple[str, str],
    data: bytes,
    fault: Fault,
    kind: type[StoreError],
    words: str,
) -> None:
    proxy.once(*request_, *[fault] * s3_write.ATTEMPTS)
    with pytest.raises(kind, match=words) as failed:
        await through.put("key", pieces(data))
    assert "'s3'" in str(failed.value)
    for hidden in (ACCESS, SECRET, "127.0.0.1", "test-"):
        assert hidden not in str(failed.value)
    with pytest.raises(NotFound):
        await plain.stat("key")


async def test_a_lost_answer_is_not_taken_for_a_rival(through: S3Store, plain: S3Store, proxy: Proxy) -> None:
    """The object that is there after a lost answer is compared with what was sent; a rival's stays."""
    reached, go_on = asyncio.Event(), asyncio.Event()
    late = asyncio.create_task(through.put("key", stopping(PARTS, reached, go_on)))
    await reached.wait()
    await plain.put("key", pieces(b"rival"))
    proxy.once(*JOIN, LOST)
    go_on.set()
    with pytest.raises(Exists):
        await late
    assert await content(plain, "key") == b"rival"
    await plain.delete("key")


async def test_parts_go_side_by_side_within_the_budget(s3_server: S3, bucket: str, plain: S3Store, make: Make) -> None:
    """Counted: the most bytes taken from the budget, and that all are given back."""
    made = make(s3_server, bucket, s3_store_large_object_chunk_size=5, s3_store_thread_pools=3)
    least = whole = made._budget.free
    take = made._budget.take

    def watched(size: int) -> bool:
        nonlocal least
        taken = take(size)
        least = min(least, made._budget.free)
        return taken

    made._budget.take = watched  # type: ignore[method-assign]
    data = noise(60 * MIB)
    await made.put("key", pieces(data), None)
    assert 5 * MIB <= whole - least <= 3 * 5 * MIB
    assert made._budget.free == whole
    least = whole
    assert await content(made, "key") == data
    assert SEGMENT <= whole - least <= AHEAD * SEGMENT
    assert made._budget.free == whole
    made._budget.free = 0
    assert await content(made, "key", 5, 40 * MIB) == data[5 : 5 + 40 * MIB]
    await made.delete("key")
    await made.put("key", pieces(data), len(data))
    assert (await made.stat("key")).size == len(data)
    await made.delete("key")


@pytest.mark.parametrize(("hint", "numbers"), [(None, (5, 5, 10, 100)), (200_000 * MIB, (20, 20, 20, 20))])
async def test_ten_thousand_parts_hold_a_tebibyte(plain: S3Store, hint: int | None, numbers: tuple[int, ...]) -> None:
    """The lengths of parts, in MiB: of an object of unknown length they grow, of a known one they are alike."""
    upload = s3_write.Upload(plain._client, plain._options, plain._budget, "key", hint, set(), asyncio.Lock())
    found = []
    for upload._numbered in (1, 499, 500, 9_999):
        found.append(upload._wanted() // MIB)
    assert tuple(found) == numbers
    upload._least = 10 * MIB
    upload._hint = None
    assert sum(upload._wanted() for upload._numbered in range(s3_write.PARTS)) >= 1 << 40


# Reading over a bad network


async def _read(reader: AsyncGenerator[bytes, None], into: bytearray) -> None:
    async with aclosing(reader) as pieces_:
        async for piece in pieces_:
            into += piece


READ = ("GET", "/key$")


@pytest.mark.parametrize("fault", [Fault(cut=1000), Fault(cut=0), REFUSED, SLOW_DOWN, HANGS])
async def test_a_broken_reading_says_so_and_gives_no_wrong_byte(
    through: S3Store, plain: S3Store, proxy: Proxy, fault: Fault
) -> None:
    await plain.put("key", pieces(PARTS))
    proxy.once(*READ, *[fault] * (2 if fault.refuse else 1))  # a GET that nobody answered is asked once more
    got = bytearray()
    with pytest.raises(Busy, match="'s3'"):
        await _read(through.open("key"), got)
    assert got == PARTS[: len(got)]
    assert await content(through, "key", len(got)) == PARTS[len(got) :]
    await plain.delete("key")


async def test_a_range_costs_one_request(through: S3Store, plain: S3Store, proxy: Proxy) -> None:
    await plain.put("key", pieces(PARTS))
    assert await content(through, "key", 7, 1000) == PARTS[7:1007]
    assert len(proxy.seen) == 1
    assert await content(through, "key", 0, len(PARTS)) == PARTS
    assert len(proxy.seen) == 1 + len(PARTS) // SEGMENT
    await plain.delete("key")


async def test_a_replaced_object_is_not_read_on(plain: S3Store, through: S3Store, proxy: Proxy) -> None:
    await plain.put("key", pieces(PARTS))
    async with aclosing(through.open("key")) as reader:
        got = bytearray(await anext(reader))
        await plain.delete("key")
        await plain.put("key", pieces(noise(12 * MIB, seed=2)))
        with pytest.raises(NotFound):
            await _read(reader, got)
    assert got == PARTS[: len(got)]
    await plain.delete("key")


# What dead writers left


async def test_a_delete_removes_what_a_dead_writer_left(plain: S3Store, s3_server: S3, bucket: str, make: Make) -> None:
    """Of that key, also without an object; another key's writer may be alive."""
    dead = make(s3_server, bucket, s3_store_large_object_chunk_size=5)
    uploads = [
        s3_write.Upload(dead._client, dead._options, dead._budget, key, None, set(), asyncio.Lock())
        for key in ("key", "keys")
    ]
    for upload in uploads:
        upload._upload_id = await upload._begin()
        await upload._part(bytearray(PARTS[: 5 * MIB]))
        await upload._sending.finish()
    assert unfinished_keys(s3_server, bucket) == ["key", "keys"]
    with pytest.raises(NotFound):
        await plain.delete("key")
    assert unfinished_keys(s3_server, bucket) == ["keys"]
    await uploads[1].abandon()


async def test_a_sweep_gives_up_what_has_been_silent_for_long(
    plain: S3Store, s3_server: S3, bucket: str, monkeypatch: pytest.MonkeyPatch, make: Make
) -> None:
    dead = make(s3_server, bucket)
    upload = s3_write.Upload(dead._client, dead._options, dead._budget, "key", None, set(), asyncio.Lock())
    upload._upload_id = await upload._begin()
    await upload._part(bytearray(PARTS[: 5 * MIB]))
    await upload._sending.finish()
    assert await plain.sweep() == 0
    monkeypatch.setattr(s3_unfinished, "ABANDONED", timedelta(seconds=-5))
    reached, go_on = asyncio.Event(), asyncio.Event()
    living = asyncio.create_task(plain.put("living", stopping(PARTS, reached, go_on)))
    await reached.wait()
    assert await plain.sweep() == 1
    assert unfinished_keys(s3_server, bucket) == ["living"]
    go_on.set()
    await living
    await plain.delete("living")


# Buckets, credentials, addresses


async def test_a_missing_bucket_is_told_apart_from_a_missing_object(s3_server: S3, make: Make) -> None:
    made = make(s3_server, bucket_name(), s3_store_create_bucket_on_put=False)
    calls: list[Any] = [made.prepare(), made.check(), made.stat("key"), made.delete("key"), content(made, "key")]
    calls += [content(made, "key", 0, 1), made.put("key", pieces(b"x")), anext(made.list()), made.direct_url("key", 9)]
    for call in calls:
        with pytest.raises(Broken, match="s3_store_create_bucket_on_put"):
            await call
    assert await made.sweep() == 0


async def test_a_bucket_is_made_where_that_is_allowed(s3_server: S3, make: Make) -> None:
    made = make(s3_server, bucket_name())
    with pytest.raises(NotFound):
        await made.delete("key")
    await made.put("key", pieces(b"data"))  # by the first put, too: the server may have been away at the start
    await made.prepare()
    await made.delete("key")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"s3_store_secret_key": "not-the-secret"}, "s3_store_secret_key"),
        ({"s3_store_access_key": "nobody"}, "s3_store_access_key"),
    ],
    ids=["secret", "access"],
)
async def test_wrong_credentials_are_named_and_not_shown(
    s3_server: S3, wrong: dict[str, str], words: str, make: Make
) -> None:
    made = make(s3_server, bucket_name(), **wrong)
    with pytest.raises(Denied):
        await made.check()
    with pytest.raises(Denied, match=words) as refused:
        await anext(made.list())
    assert not {SECRET, ACCESS, *wrong.values()} & set(str(refused.value).split())


async def test_a_reader_may_not_write(s3_server: S3, plain: S3Store, bucket: str, make: Make) -> None:
    await plain.put("key", pieces(PARTS[:1000]))
    made = make(s3_server, bucket, s3_store_access_key=READER, s3_store_secret_key=READER_SECRET)
    assert await content(made, "key") == PARTS[:1000]
    for data in (PARTS[:1000], noise(11 * MIB)):
        with pytest.raises(Denied, match="AccessDenied"):
            await made.put("other", pieces(data))
    with pytest.raises(Denied):
        await made.delete("key")
    await plain.delete("key")


async def test_a_signed_address_needs_no_credentials(plain: S3Store) -> None:
    await plain.put("key", pieces(b"some data"))
    url = await plain.direct_url("key", 60)
    async with httpx.AsyncClient() as client:
        assert (await client.get(url)).content == b"some data"
        assert (await client.get(url.partition("?")[0])).status_code == 403
    assert SECRET not in url
    await plain.delete("key")


async def test_virtual_host_names(s3_server: S3, monkeypatch: pytest.MonkeyPatch, make: Make) -> None:
    """bucket.host, which a resolver of the test's own takes to the server."""
    real = socket.getaddrinfo

    def resolve(host: str, *others: Any, **named: Any) -> Any:
        return real("127.0.0.1" if str(host).endswith(s3_server.domain) else host, *others, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    address = f"http://{s3_server.domain}:{s3_server.port}"
    made = make(s3_server, bucket_name(), s3_store_host=address, s3_store_bucket_url_format="virtual")
    await made.prepare()
    await made.put("key", pieces(PARTS))
    assert await content(made, "key") == PARTS
    assert [(stat.key, stat.size) async for stat in made.list()] == [("key", len(PARTS))]
    await made.delete("key")


async def test_certificates_are_checked(s3_server: S3, tmp_path: Path, make: Make) -> None:
    trusting = {"s3_store_host": s3_server.tls_url, "s3_store_cacert": str(s3_server.certificate)}
    made = make(s3_server, bucket_name(), **trusting)
    await made.prepare()
    await made.put("key", pieces(PARTS))
    assert await content(made, "key") == PARTS
    await made.delete("key")
    strict = make(s3_server, bucket_name(), s3_store_host=s3_server.tls_url)
    with pytest.raises(Broken, match="s3_store_cacert"):
        await strict.check()


@pytest.mark.parametrize("sends", [False, True])
async def test_checksum_headers_are_sent_only_when_asked_for(
    s3_server: S3, plain: S3Store, proxy: Proxy, bucket: str, sends: bool, make: Make
) -> None:
    """Older servers refuse them, so the default sends none."""
    named = {"s3_store_enable_data_integrity_protection": sends}
    asked = {"s3_store_request_checksum_calculation": "when_supported"}
    made = make(s3_server, bucket, s3_store_host=proxy.url, s3_store_large_object_chunk_size=5, **named, **asked)
    await made.put("key", pieces(PARTS))
    await made.put("small", pieces(b"x"))
    heads = b"".join(proxy.heads).lower()
    assert (b"x-amz-checksum" in heads) is sends
    assert b"x-amz-sdk-checksum" not in heads
    assert b"aws-chunked" not in heads
    await plain.delete("key")
    await plain.delete("small")


# A server that is gone


@pytest.mark.parametrize(("silent", "words"), [(True, "was silent for"), (False, "cannot be reached")])
async def test_a_server_that_is_gone_or_silent(
    s3_server: S3, proxy: Proxy, make: Make, silent: bool, words: str
) -> None:
    """Each call ends within its patience, with an error that names the store."""
    proxy.rule = lambda _method, _target: Fault(hang=True)
    made = make(s3_server, bucket_name(), QUICK, s3_store_host=proxy.url if silent else "127.0.0.1:1")
    calls: list[Any] = [made.check(), made.prepare(), made.stat("key"), made.put("key", pieces(b"x"))]
    for call in calls:
        with pytest.raises(Busy, match=f"'s3'.*{words}"):
            async with asyncio.timeout(60):
                await call


async def test_a_server_that_joins_parts_unasked(gateway: RadosGateway, make: Make) -> None:
    """Ceph's does whatever the condition says: who comes later is refused all the same."""
    made = make(gateway, bucket_name(), s3_store_large_object_chunk_size=5)
    reached, go_on = asyncio.Event(), asyncio.Event()
    late = asyncio.create_task(made.put("key", stopping(PARTS, reached, go_on)))
    await reached.wait()
    await made.put("key", pieces(b"first"))
    go_on.set()
    with pytest.raises(Exists):
        await late
    assert await content(made, "key") == b"first"
    await made.delete("key")
