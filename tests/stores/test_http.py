"""Reading from a real web server by ranges, from servers that know none, and every way in which that can fail."""

import pickle
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from intaglio.outbound.settings import UrlLists
from intaglio.stores.base import Broken, Busy, Denied, NotFound, OutOfRange, Store, StoreError, Unsupported
from intaglio.stores.conformance import EDGES, SIZE, content
from intaglio.stores.conformance_sources import noise, pieces
from intaglio.stores.drivers.http import UrlKey
from tests.imports.source import Source, serving
from tests.outbound.certificates import Authority
from tests.starters.nginx import Nginx, nginx
from tests.stores.http_stores import http_store, rules

pytestmark = pytest.mark.anyio
DATA = noise(SIZE)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    directory = tmp_path_factory.mktemp("web")
    for name, data in (("disk.img", DATA), ("empty", b""), ("closed", b"x")):
        (directory / name).write_bytes(data)
    with nginx(directory, tmp_path_factory.mktemp("nginx"), workers=1) as found:
        yield found


@pytest.fixture
def plain() -> Iterator[Source]:
    """A server that knows no ranges."""
    with serving() as found:
        found.data = DATA  # it sends parts only to those who have begun to read, and say so
        yield found


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    found = http_store()
    await found.prepare()
    await found.check()
    yield found
    await found.close()


@pytest.mark.real
class TestNginx:
    async def test_whole(self, store: Store, web: Nginx) -> None:
        key = store.adopt(f"{web.url}/disk.img")
        assert (await store.stat(key)).size == SIZE
        assert await content(store, key) == DATA
        async with aclosing(store.open(key)) as reader:
            assert all([0 < len(piece) <= 1 << 20 async for piece in reader])

    async def test_ranges_at_every_edge(self, store: Store, web: Nginx) -> None:
        key = store.adopt(f"{web.url}/disk.img")
        for offset in EDGES:
            assert await content(store, key, offset) == DATA[offset:]
            for end in EDGES:
                if end >= offset:
                    assert await content(store, key, offset, end - offset) == DATA[offset:end]

    @pytest.mark.parametrize(
        ("offset", "length"),
        [(0, SIZE + 1), (SIZE, 1), (SIZE + 1, None), (SIZE + 1, 0), (-1, None), (-1, 1), (5, -1), (10**15, 1)],
    )
    async def test_no_byte_of_a_range_outside(self, store: Store, web: Nginx, offset: int, length: int | None) -> None:
        async with aclosing(store.open(store.adopt(f"{web.url}/disk.img"), offset, length)) as reader:
            with pytest.raises(OutOfRange):
                await anext(reader)

    async def test_an_empty_file(self, store: Store, web: Nginx) -> None:
        key = store.adopt(f"{web.url}/empty")
        assert (await store.stat(key)).size == 0
        assert [await content(store, key), await content(store, key, 0, 0)] == [b"", b""]

    async def test_what_is_not_there(self, store: Store, web: Nginx) -> None:
        key = store.adopt(f"{web.url}/none")
        for call in (store.stat(key), content(store, key), content(store, key, 5, 5)):
            with pytest.raises(NotFound):
                await call

    async def test_a_reader_that_leaves_ends_the_connection(self, store: Store, web: Nginx) -> None:
        key = store.adopt(f"{web.url}/disk.img")
        before = _sockets()
        for _ in range(5):
            async with aclosing(store.open(key)) as reader:
                await anext(reader)
        assert _sockets() <= before


@pytest.mark.real
class TestCertificates:
    @pytest.fixture(scope="class")
    @classmethod
    def authority(cls, tmp_path_factory: pytest.TempPathFactory) -> Authority:
        return Authority(tmp_path_factory.mktemp("authority"))

    @pytest.fixture(scope="class")
    @classmethod
    def url(cls, authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
        directory = tmp_path_factory.mktemp("secure")
        (directory / "disk.img").write_bytes(b"data")
        work = tmp_path_factory.mktemp("nginx")
        with nginx(directory, work, workers=1, certificate=authority.issue("localhost")) as found:
            yield f"https://localhost:{found.port}/disk.img"

    async def test_of_an_unknown_authority_are_refused(self, store: Store, url: str) -> None:
        with pytest.raises(Broken, match="certificate"):
            await content(store, store.adopt(url))

    async def test_of_the_operators_authority_are_taken(self, authority: Authority, url: str) -> None:
        store = http_store(rules(ca_file=authority.file, ca_alone=True))
        assert await content(store, store.adopt(url)) == b"data"

    async def test_for_another_host_are_refused(self, authority: Authority, url: str) -> None:
        store = http_store(rules(ca_file=authority.file, ca_alone=True))
        with pytest.raises(Broken, match="certificate"):
            await content(store, store.adopt(url.replace("localhost", "127.0.0.1")))

    async def test_are_not_looked_at_where_the_operator_insists(self, url: str) -> None:
        store = http_store(rules(insecure=True))
        assert await content(store, store.adopt(url)) == b"data"


class TestServersWithoutRanges:
    async def test_parts_are_read_by_reading_over(self, store: Store, plain: Source) -> None:
        key = store.adopt(plain.url)
        assert (await store.stat(key)).size == SIZE
        for offset, length in ((0, None), (0, 0), (5, None), (70_000, 3), (SIZE - 1, 1), (SIZE, None), (SIZE, 0)):
            end = SIZE if length is None else offset + length
            assert await content(store, key, offset, length) == DATA[offset:end]
        for offset, length in ((SIZE, 1), (SIZE + 1, None), (0, SIZE + 1)):
            with pytest.raises(OutOfRange):
                await content(store, key, offset, length)

    async def test_one_that_does_not_say_how_long_it_is(self, store: Store, plain: Source) -> None:
        plain.announced = False
        key = store.adopt(plain.url)
        for call in (store.stat(key), content(store, key), content(store, key, 5, 5)):
            with pytest.raises(Broken, match="how long"):
                await call

    async def test_one_that_breaks_off_is_worth_another_try(self, store: Store, plain: Source) -> None:
        plain.breaks = [1000]
        with pytest.raises(Busy):
            await content(store, store.adopt(plain.url))
        assert await content(store, store.adopt(plain.url)) == DATA


class TestWhatIsNotFetched:
    @pytest.mark.parametrize(
        "url",
        [
            "http://169.254.169.254/latest/meta-data/",
            "http://10.0.0.1/",
            "http://[fd00:ec2::254]/",
            "http://0x7f.1/",
            "http://a b/",
        ],
    )
    async def test_is_denied(self, store: Store, url: str) -> None:
        key = store.adopt(url)
        for call in (store.stat(key), content(store, key)):
            with pytest.raises(Denied):
                await call

    async def test_by_the_operators_lists(self, plain: Source) -> None:
        store = http_store(rules(lists=UrlLists(allowed_ports=(), allowed_hosts=("images.example.org",))))
        with pytest.raises(Denied, match="host"):
            await store.stat(store.adopt(plain.url))
        assert plain.seen == []

    @pytest.mark.parametrize(
        "uri", ["", "http:", "http://", "https:///", "ftp://a/b", "http:/a", "file:///a", "x" * 9000, "httpx://a/b"]
    )
    def test_is_no_location_of_it(self, uri: str) -> None:
        if uri == "https:///":  # has the form of one, and names no host: refused when it is fetched
            assert http_store().adopt(uri)
            return
        with pytest.raises(NotFound):
            http_store().adopt(uri)


class TestKeys:
    SECRET = "https://bob:geheim@images.example.org/disk.img?signature=geheim"

    def test_do_not_show_the_url(self) -> None:
        key = http_store().adopt(self.SECRET)
        assert "geheim" not in f"{key} {key!r} {key:>99} {[key]} {key!s}"
        assert isinstance(key, UrlKey)
        assert key.url == self.SECRET
        assert http_store().uri(key) == self.SECRET

    def test_of_the_same_url_are_the_same(self) -> None:
        store = http_store()
        assert store.adopt(self.SECRET) == store.adopt(self.SECRET) != store.adopt(f"{self.SECRET}#new")

    async def test_as_text_name_nothing(self, store: Store) -> None:
        key = str.__str__(store.adopt(self.SECRET))
        for call in (store.stat(f"{key}"), store.delete(f"{key}"), content(store, f"{key}")):
            with pytest.raises(NotFound):
                await call

    async def test_errors_do_not_show_the_password(self, store: Store) -> None:
        with pytest.raises(StoreError) as raised:
            await store.stat(store.adopt("http://bob:geheim@10.0.0.1/x?y=geheim"))
        assert "geheim" not in str(raised.value)


async def test_nothing_is_written_or_removed(store: Store) -> None:
    source = pieces(b"data")
    with pytest.raises(Unsupported):
        await store.put("key", source)
    await source.aclose()
    with pytest.raises(Unsupported):
        await store.delete(store.adopt("http://images.example.org/"))
    assert [stat async for stat in store.list()] == []
    assert (store.abilities.write, store.abilities.owned) == (False, False)


def test_the_rules_can_go_to_another_process() -> None:
    sent = pickle.dumps(rules(proxies={"http": "http://proxy:3128"}))
    assert pickle.loads(sent).proxy_for("http") == "http://proxy:3128"  # noqa: S301 - its own


def _sockets() -> int:
    return sum("socket:" in str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink())
