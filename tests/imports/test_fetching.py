"""The step that fetches, as a worker would call it; without the worker."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from intaglio.base.errors import IntaglioError
from intaglio.domain.quota import OverQuota, StorageQuota
from intaglio.domain.status import Status
from intaglio.domain.sums import SumsUnusable
from intaglio.domain.task import TaskStatus
from intaglio.flows.base import StepFailed
from intaglio.imports import staged
from intaglio.imports.base import Bench, Job
from intaglio.imports.steps import begin, fetch, undo
from intaglio.ingest.base import DigestMismatch
from intaglio.outbound.base import Facts, FetchFailed, FetchRefused, FetchTooLarge, Reason
from intaglio.outbound.settings import Patience
from tests.imports.source import Source, serving
from tests.imports.stage import DATA, Stage, stage_at
from tests.starters.databases import Databases

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("databases", ["sqlite"], indirect=True)]
DIGEST = hashlib.sha256(DATA).hexdigest()
PART = 300_000
QUICK = Patience(pause=0.01)


@pytest.fixture
async def play(tmp_path: Path, databases: Databases, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr(fetch, "PART", PART)
    async with stage_at(tmp_path, databases.empty().connection) as stage:
        yield stage


@pytest.fixture
def source() -> Iterator[Source]:
    with serving() as found:
        yield found


def bench_of(play: Stage, **more: Any) -> Bench:
    return msgspec.structs.replace(play.bench(), patience=QUICK, **more)


async def begun(play: Stage, source: Source, **more: str) -> Job:
    method = {"name": "web-download", "uri": source.url, **more}
    task_id = await play.ask(await play.queued(), {"method": method})
    await begin.run(play.bench(), task_id)
    job = begin.job_of(await play.task(task_id))
    assert job is not None
    return job


async def content(bench: Bench, job: Job) -> bytes:
    found = await staged.find(bench.staging, job.image_id)
    return b"".join([piece async for piece in found.pieces(bench.staging)])


async def refused(play: Stage, bench: Bench, job: Job, error: type[IntaglioError]) -> Any:
    """What the step raises; and when that has been undone, nothing is left."""
    with pytest.raises(error) as raised:
        await fetch.from_source(bench, job)
    said = str(raised.value)
    await undo.run(bench, job, Status.QUEUED, StepFailed("fetch", raised.value.code, said))
    task = await play.task(job.task_id)
    assert task.status is TaskStatus.FAILURE
    assert task.message.startswith(f"Step 'fetch' failed: {said}")
    image = await play.image(job.image_id)
    assert (image.status, image.size) == (Status.QUEUED, None)
    assert image.properties["os_glance_failed_import"] == "fast"
    assert [each for each in await play.left_over() if job.image_id in str(each)] == []
    return raised.value


async def test_in_parts_and_only_once(play: Stage, source: Source) -> None:
    bench, job = bench_of(play), await begun(play, source)
    assert await fetch.from_source(bench, job) == {"size": len(DATA)}
    assert await content(bench, job) == DATA
    found = await staged.find(bench.staging, job.image_id)
    assert [part.size for part in found.objects[:2]] == [PART, PART]
    assert (await play.image(job.image_id)).size == len(DATA)
    assert await fetch.from_source(bench, job) == {"size": len(DATA)}  # begun again, as its end had not been journalled
    assert source.asked == [None]
    await staged.remove(bench.staging, job.image_id)
    assert [stat async for stat in bench.staging.list()] == []


async def test_a_size_that_is_a_number_of_parts_and_none_at_all(play: Stage, source: Source) -> None:
    for data in (DATA[: 2 * PART], b""):
        source.data = data
        bench, job = bench_of(play), await begun(play, source)
        assert await fetch.from_source(bench, job) == {"size": len(data)}
        assert await content(bench, job) == data


async def test_a_broken_connection_goes_on(play: Stage, source: Source) -> None:
    source.breaks = [1_000_000, 400_000]
    bench, job = bench_of(play), await begun(play, source, checksum=f"sha256:{DIGEST}")
    await fetch.from_source(bench, job)
    assert await content(bench, job) == DATA
    first, *others = source.asked
    offsets = [int((asked or "").removeprefix("bytes=").removesuffix("-")) for asked in others]
    # a little of what had come may be asked for again: what still lay in a buffer when the connection broke
    assert first is None
    assert 0 < offsets[0] <= 1_000_000 < len(DATA)
    assert offsets[0] <= offsets[1] <= 1_400_000


async def test_what_cannot_be_continued_is_fetched_from_its_beginning(play: Stage, source: Source) -> None:
    source.tag = None
    source.breaks = [1_000_000]
    bench, job = bench_of(play), await begun(play, source, checksum=f"sha256:{DIGEST}")
    await fetch.from_source(bench, job)
    assert await content(bench, job) == DATA
    assert source.asked == [None, None]


async def test_a_source_that_always_breaks_is_given_up(play: Stage, source: Source) -> None:
    source.tag = None
    source.breaks = [1000] * 20
    error = await refused(play, bench_of(play), await begun(play, source), FetchFailed)
    assert error.reason is Reason.SHORT
    assert len(source.asked) <= 3 * QUICK.attempts


async def test_without_a_length(play: Stage, source: Source) -> None:
    source.announced = False
    bench, job = bench_of(play), await begun(play, source)
    assert await fetch.from_source(bench, job) == {"size": len(DATA)}
    assert await content(bench, job) == DATA


class TestDigests:
    @pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha384", "sha512"])
    async def test_given(self, play: Stage, source: Source, algorithm: str) -> None:
        digest = f"{algorithm}:{hashlib.new(algorithm, DATA).hexdigest().upper()}"
        await fetch.from_source(bench_of(play), await begun(play, source, checksum=digest))

    @pytest.mark.parametrize(
        ("text", "more"),
        [
            (f"{DIGEST}  disk.img\n{'0' * 64}  other.img\n", {}),
            (f"{'0' * 64}  disk.img\n{DIGEST} *sub/other.img\n", {"checksum_name": "other.img"}),
            (f"SHA256 (disk.img) = {DIGEST}\n", {}),
            (f"{DIGEST}\n", {}),
        ],
        ids=["list", "another-name", "bsd", "bare"],
    )
    async def test_listed(self, play: Stage, source: Source, text: str, more: dict[str, str]) -> None:
        source.texts = {"SHA256SUMS": text.encode()}
        url = source.url.replace("disk.img", "SHA256SUMS")
        await fetch.from_source(bench_of(play), await begun(play, source, checksum_url=url, **more))
        assert source.seen == ["/SHA256SUMS", "/disk.img"]

    async def test_wrong(self, play: Stage, source: Source) -> None:
        job = await begun(play, source, checksum="md5:" + "0" * 32)
        error = await refused(play, bench_of(play), job, DigestMismatch)
        assert "The md5 of what came is" in str(error)
        assert "and should be 00000000" in str(error)

    async def test_not_in_the_list(self, play: Stage, source: Source) -> None:
        source.texts = {"SUMS": f"{DIGEST}  another.img\n".encode()}
        job = await begun(play, source, checksum_url=source.url.replace("disk.img", "SUMS"))
        await refused(play, bench_of(play), job, SumsUnusable)
        assert source.asked == []

    async def test_a_list_without_an_end(self, play: Stage, source: Source) -> None:
        source.texts = {"SUMS": bytes(5 << 20)}
        job = await begun(play, source, checksum_url=source.url.replace("disk.img", "SUMS"))
        await refused(play, bench_of(play), job, FetchTooLarge)


class TestLimits:
    @pytest.mark.parametrize("announced", [True, False])
    async def test_larger_than_an_image_may_be(self, play: Stage, source: Source, announced: bool) -> None:
        source.announced = announced
        await refused(play, bench_of(play, size_cap=len(DATA) - 1), await begun(play, source), FetchTooLarge)

    @pytest.mark.parametrize("announced", [True, False])
    async def test_quota(self, play: Stage, source: Source, announced: bool) -> None:
        source.announced = announced
        play.parts = msgspec.structs.replace(play.parts, quotas=StorageQuota(len(DATA)))
        bench, job = bench_of(play), await begun(play, source)
        assert await fetch.from_source(bench, job) == {"size": len(DATA)}
        other = await begun(play, source)
        error = await refused(play, bench, other, OverQuota)
        assert f"{len(DATA)} are used or reserved" in str(error)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"disk.img": None}, FetchFailed),
        ({"to-loopback": "http://127.0.0.1/"}, FetchRefused),
    ],
    ids=["gone", "redirect-to-loopback"],
)
async def test_nothing_is_left_of_what_is_refused(
    play: Stage, source: Source, change: dict[str, Any], error: type[IntaglioError], monkeypatch: pytest.MonkeyPatch
) -> None:
    (location,) = change.values()

    def answer(request: Any) -> None:
        request.send_response(404 if location is None else 302)
        if location is not None:
            request.send_header("Location", location)
        request.end_headers()

    monkeypatch.setattr(source, "answer", answer)
    await refused(play, bench_of(play), await begun(play, source), error)


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("http://127.0.0.1/x", Reason.LOOPBACK),
        ("http://localhost/x", Reason.LOOPBACK),
        ("http://10.0.0.1/x", Reason.PRIVATE),
        ("http://0x7f.1/x", Reason.NUMERIC),
        ("file:///etc/passwd", Reason.SCHEME),
        ("disk.img", Reason.FORM),
    ],
)
@pytest.mark.parametrize("field", ["uri", "checksum_url"])
async def test_what_can_be_refused_at_once_is(
    play: Stage, source: Source, uri: str, reason: Reason, field: str
) -> None:
    image_id = await play.queued()
    method = {"name": "web-download", "uri": source.url, field: uri}
    with pytest.raises(FetchRefused) as error:
        await play.ask(image_id, {"method": method})
    assert error.value.reason is reason
    assert (await play.image(image_id)).status is Status.QUEUED


async def test_what_another_task_left_does_not_count(play: Stage, source: Source) -> None:
    bench, job = bench_of(play), await begun(play, source)
    parts = staged.Parts(bench.staging, bench.door, job.image_id, "another task")
    facts = Facts(size=len(DATA), validator='"one"')
    await parts.begin(facts)
    await parts.add(_one(b"x" * 1000), PART, [])
    await fetch.from_source(bench, job)
    assert await content(bench, job) == DATA
    assert source.asked == [None]


async def _one(data: bytes) -> AsyncIterator[bytes]:
    yield data
