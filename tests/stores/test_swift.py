"""The Swift store on a real Swift: behind Keystone, with Glance's large objects, with a server that fails."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path

import pytest

from intaglio.stores.base import Broken, Busy, Denied, Exists, Full, NotFound, OutOfRange, StoreError
from intaglio.stores.conformance import content
from intaglio.stores.conformance_sources import noise, pieces, stopping
from intaglio.stores.drivers import swift as driver
from intaglio.stores.drivers import swift_write
from intaglio.stores.drivers.swift import SwiftStore
from intaglio.stores.drivers.swift_auth import Login, Token
from intaglio.stores.drivers.swift_write import HIDDEN, Upload
from intaglio.stores.drivers.web import Patience
from tests.starters.keystone_people import PASSWORD
from tests.starters.swift import READER, READER_KEY, Swift, swift
from tests.stores.swift_stores import QUICK, Bystander, accounts_file, container_name, keystone_options, options, store

pytestmark = [pytest.mark.anyio, pytest.mark.real]

MB = 1000 * 1024
MIB = 1024 * 1024
DATA = noise(3 * MB + 5)
"""Four segments of an MB and less."""
UUID = "0d5f1a3c-7a52-4e0c-8d0e-6f6f5b6b7a11"
SEGMENTED: Mapping[str, object] = {"swift_store_large_object_chunk_size": 1}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swift_write, "PAUSE", 0.01)


@pytest.fixture(scope="module")
def container() -> str:
    return container_name()


@pytest.fixture
async def plain(swift_server: Swift, container: str) -> AsyncIterator[SwiftStore]:
    """A store whose objects have segments; empty again afterwards."""
    made = store(swift_server, container, None, **SEGMENTED)
    await made.prepare()
    yield made
    for key in [stat.key async for stat in made.list()]:
        await made.delete(key)
    await made.close()
    assert Bystander(swift_server).names(container) == []


@pytest.fixture(scope="module")
def hurt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift]:
    """This module's own Swift: it is killed and frozen; tokens last three seconds."""
    with swift(tmp_path_factory.mktemp("hurt"), token_seconds=3) as server:
        yield server


Make = Callable[..., SwiftStore]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    """`SwiftStore`, closed at the end of the test."""
    made = []

    def one(given: dict[str, object], patience: Patience | None = None) -> SwiftStore:
        made.append(SwiftStore("swift", given, patience))
        return made[-1]

    yield one
    for each in made:
        await each.close()


# Signing in


async def test_behind_keystone(swift_behind_keystone: Swift, make: Make) -> None:
    behind = make(keystone_options(swift_behind_keystone, container_name(), **SEGMENTED))
    await behind.prepare()
    await behind.put("key", pieces(DATA))
    assert await content(behind, "key") == DATA
    assert await content(behind, "key", MB - 3, 7) == DATA[MB - 3 : MB + 4]
    host = swift_behind_keystone.keystone.url.removeprefix("http://")  # type: ignore[union-attr]
    place = f"alpha%3Amia:{PASSWORD.replace(' ', '%20')}@{host}"
    assert behind.uri("key") == f"swift+http://{place}/{behind._options.swift_store_container}/key"
    await behind.delete("key")


async def test_an_application_credential(swift_behind_keystone: Swift, make: Make) -> None:
    identity = swift_behind_keystone.keystone
    assert identity is not None
    chosen = keystone_options(swift_behind_keystone, container_name())
    del chosen["swift_store_user"], chosen["swift_store_key"]
    chosen |= {
        "swift_store_application_credential_id": identity.ids["application/pipeline"],
        "swift_store_application_credential_secret": PASSWORD,
    }
    behind = make(chosen)
    await behind.prepare()
    await behind.put("key", pieces(b"data"))
    assert await content(behind, "key") == b"data"
    assert "@" not in behind.uri("key")
    await behind.delete("key")


@pytest.mark.parametrize(
    ("wrong", "kind", "said"),
    [
        ({"swift_store_key": "wrong"}, Denied, "refuses the credentials"),
        ({"swift_store_user": "nowhere:mia"}, Denied, "refuses the credentials"),
        ({"swift_store_service_type": "objects"}, Broken, "the catalogue has no objects"),
        ({"swift_store_region": "Elsewhere"}, Broken, "the catalogue has no object-store"),
        ({"swift_store_auth_address": "http://127.0.0.1:9/v3"}, Busy, "Keystone does not answer"),
    ],
    ids=["key", "project", "service", "region", "address"],
)
async def test_keystone_refuses(
    swift_behind_keystone: Swift, wrong: dict[str, object], kind: type[StoreError], said: str, make: Make
) -> None:
    refused = make(keystone_options(swift_behind_keystone, "c", **wrong), QUICK)
    with pytest.raises(kind, match=said) as found:
        await refused.check()
    assert PASSWORD not in str(found.value)


async def test_tempauth_refuses(swift_server: Swift, container: str, plain: SwiftStore, make: Make) -> None:
    await plain.put("key", pieces(b"data"))
    stranger = make(options(swift_server, container, swift_store_key="wrong"))
    with pytest.raises(Denied, match="could not sign in: Swift answered 401"):
        await stranger.check()
    reader = make(options(swift_server, container, swift_store_user=READER, swift_store_key=READER_KEY))
    with pytest.raises(Denied, match="403"):
        await reader.put("other", pieces(b"data"))


async def test_many_sign_in_once() -> None:
    signed_in = 0

    async def sign_in() -> Token:
        nonlocal signed_in
        signed_in += 1
        await asyncio.sleep(0)
        return Token(f"token {signed_in}", "http://swift", now + 100)

    now = 1000.0
    login = Login(sign_in, 60, lambda: now)
    tokens = await asyncio.gather(*(login.token() for _ in range(20)))
    assert {token.value for token in tokens} == {"token 1"}
    now += 39
    assert (await login.token()).value == "token 1"
    now += 2  # less than a minute is left
    assert (await login.token()).value == "token 2"
    login.forget(tokens[0])  # somebody learnt too late that an old one was refused
    assert (await login.token()).value == "token 2"
    login.forget(await login.token())
    assert (await login.token()).value == "token 3"


async def test_transfers_outlive_their_tokens(hurt: Swift, make: Make) -> None:
    long = make(options(hurt, container_name(), swift_store_expire_soon_interval=1, **SEGMENTED))
    await long.prepare()
    renewed = []
    sign_in = long._client._login._sign_in

    async def noted() -> Token:
        renewed.append(await sign_in())
        return renewed[-1]

    long._client._login._sign_in = noted
    end = time.monotonic() + 5

    async def slow() -> AsyncGenerator[list[bytes], None]:
        while time.monotonic() < end or len(renewed) < 2:
            await asyncio.sleep(0.05)
            yield [DATA[:100_000]]

    size = (await long.put("key", slow())).size
    assert len(renewed) >= 2
    long._client._login._token = Token("revoked", renewed[-1].storage_url, time.time() + 1000)
    assert len(await content(long, "key")) == size
    long._client._login._token = Token("revoked", renewed[-1].storage_url, time.time() + 1000)
    await long.delete("key")


# Containers and locations


async def test_a_container_must_be_there(swift_server: Swift, make: Make) -> None:
    made = make(options(swift_server, container_name(), swift_store_create_container_on_put=False))
    for use in (made.prepare(), made.check(), made.put("key", pieces(b"")), made.stat("key"), content(made, "key")):
        with pytest.raises(Broken, match="has no container: make it"):
            await use
    assert [stat async for stat in made.list()] == []
    assert await made.sweep() == 0


async def test_images_spread_over_containers(swift_server: Swift, make: Make) -> None:
    name = container_name()
    spread = make(options(swift_server, name, swift_store_multiple_containers_seed=9, **SEGMENTED))
    await spread.prepare()
    await spread.check()
    other = UUID.replace("0d5f1a3c", "1111AAAA")
    for key in (UUID, other):
        await spread.put(key, pieces(DATA))
        assert await content(spread, key) == DATA
        assert spread.adopt(spread.uri(key)) == key
    assert spread.uri(UUID).endswith(f"/{name}_0d5f1a3c-7/{UUID}")
    assert spread.uri(other).endswith(f"/{name}_1111aaaa-7/{other}")
    assert sorted([stat.key async for stat in spread.list()]) == [UUID, other]
    with pytest.raises(NotFound):
        spread.adopt(spread.uri(UUID).replace("_0d5f1a3c-7", "_0d5f1a3c-8"))
    for key in (UUID, other):
        await spread.delete(key)


async def test_a_file_of_accounts_keeps_passwords_out_of_locations(
    swift_behind_keystone: Swift, tmp_path: Path, make: Make
) -> None:
    assert swift_behind_keystone.keystone is not None
    account = {"user": "alpha:mia", "key": f'"{PASSWORD}"', "auth_address": swift_behind_keystone.keystone.url}
    file = accounts_file(tmp_path, ours=account, same=account, other=account | {"user": "beta:stan"})
    name = container_name()
    chosen = {
        "swift_store_config_file": file,
        "default_swift_reference": "ours",
        "swift_store_container": name,
        "swift_store_create_container_on_put": True,
        "swift_store_region": swift_behind_keystone.region,
    }
    referring = make(chosen)
    await referring.prepare()
    await referring.put("key", pieces(b"data"))
    assert await content(referring, "key") == b"data"
    assert referring.uri("key") == f"swift+config://ours/{name}/key"
    assert referring.adopt(f"swift+config://same/{name}/key") == "key"
    host = swift_behind_keystone.keystone.url.removeprefix("http://")
    assert referring.adopt(f"swift+http://who%3Aever:once/upon@{host}/{name}/key") == "key"
    for foreign in ("swift+config://other", "swift+config://nobody", "swift+http://elsewhere.example.com/v3"):
        with pytest.raises(NotFound):
            referring.adopt(f"{foreign}/{name}/key")
    await referring.delete("key")


async def test_segments_are_short_whatever_the_options_say(
    swift_server: Swift, container: str, plain: SwiftStore, make: Make
) -> None:
    usual = make(options(swift_server, container))
    await usual.put("whole", pieces(noise(16 * MIB - 1)))
    await usual.put("large", pieces(noise(33 * MIB)))
    hidden = [name.split("/")[1] for name in Bystander(swift_server).names(container) if name.startswith(HIDDEN)]
    assert hidden == ["large"] * 3


# Large objects that Glance wrote


async def test_dynamic_large_objects(swift_server: Swift, container: str, plain: SwiftStore) -> None:
    """Segments beside the object, found by their names; they are no objects of their own, and go with it."""
    other = Bystander(swift_server)
    for number in range(1, 5):
        other.ask("PUT", f"{container}/{UUID}-{number:05d}", DATA[(number - 1) * MB : number * MB])
    other.ask("PUT", f"{container}/{UUID}", b"", X_Object_Manifest=f"{container}/{UUID}-")
    other.ask("PUT", f"{container}/{UUID}.x", b"beside")
    await plain.put("empty", pieces(b""))
    assert (await plain.stat(UUID)).size == len(DATA)
    assert await content(plain, UUID) == DATA
    assert await content(plain, UUID, MB - 1, 2) == DATA[MB - 1 : MB + 1]
    with pytest.raises(OutOfRange):
        await content(plain, UUID, len(DATA) - 1, 2)
    found = {stat.key: stat.size async for stat in plain.list()}
    assert found == {UUID: len(DATA), f"{UUID}.x": 6, "empty": 0}
    with pytest.raises(Exists):
        await plain.put(UUID, pieces(b"x"))
    await plain.delete(UUID)
    assert other.names(container) == [f"{UUID}.x", "empty"]


async def test_segments_of_a_delete_that_was_interrupted(
    swift_server: Swift, container: str, plain: SwiftStore
) -> None:
    other = Bystander(swift_server)
    other.ask("PUT", f"{container}/{UUID}-00002", b"left")
    with pytest.raises(NotFound):
        await plain.delete(UUID)
    assert other.names(container) == []


# What dead writers left


async def dead_upload(on: SwiftStore, key: str) -> Upload:
    """An upload whose process is gone: it has segments, and nobody goes on with it."""
    upload = Upload(on._client, on._options, on._budget, key, 1000, asyncio.Lock())
    await upload._part(bytearray(DATA[:MB]))
    await upload._sending.finish()
    return upload


async def test_a_delete_removes_what_a_dead_writer_left(swift_server: Swift, container: str, plain: SwiftStore) -> None:
    uploads = [await dead_upload(plain, key) for key in ("key", "keys")]
    await plain.put("key", pieces(DATA))
    await plain.delete("key")
    assert {name.split("/")[1] for name in Bystander(swift_server).names(container)} == {"keys"}
    with pytest.raises(NotFound):
        await plain.delete("keys")
    assert Bystander(swift_server).names(container) == []
    assert all(upload.mark for upload in uploads)


async def test_a_sweep_removes_only_what_is_dead(
    swift_server: Swift, container: str, plain: SwiftStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await plain.put("whole", pieces(DATA))
    await dead_upload(plain, "dead")
    await dead_upload(plain, "whole")
    reached, go_on = asyncio.Event(), asyncio.Event()
    living = asyncio.create_task(plain.put("living", stopping(DATA, reached, go_on)))
    await reached.wait()
    assert await plain.sweep() == 0  # they are young
    monkeypatch.setattr(driver, "ABANDONED", timedelta(seconds=-5))
    assert await plain.sweep() == 2
    go_on.set()
    await living
    assert await content(plain, "living") == await content(plain, "whole") == DATA
    hidden = {name.split("/")[1] for name in Bystander(swift_server).names(container) if name.startswith(HIDDEN)}
    assert hidden == {"living", "whole"}


# Servers that fail


async def test_gone_and_back(hurt: Swift, make: Make) -> None:
    quick = make(options(hurt, container_name(), **SEGMENTED), QUICK)
    await quick.prepare()
    await quick.put("key", pieces(DATA))
    hurt.kill()
    try:
        for use in (quick.check(), quick.stat("key"), quick.put("other", pieces(DATA)), content(quick, "key")):
            with pytest.raises(Busy, match="'swift' could not"):
                await use
    finally:
        hurt.start()
    assert await content(quick, "key") == DATA
    await quick.delete("key")


async def test_silent(hurt: Swift, make: Make) -> None:
    quick = make(options(hurt, container_name(), **SEGMENTED), QUICK)
    await quick.prepare()
    await quick.put("key", pieces(DATA))
    hurt.freeze()
    try:
        with pytest.raises(Busy, match="silent for 4 s"):
            await quick.stat("key")
        with pytest.raises(Busy):
            await content(quick, "key")
    finally:
        hurt.thaw()
    assert await content(quick, "key") == DATA
    await quick.delete("key")


async def test_it_dies_in_an_upload(hurt: Swift, make: Make) -> None:
    name = container_name()
    quick = make(options(hurt, name, **SEGMENTED), QUICK)
    await quick.prepare()
    reached, go_on = asyncio.Event(), asyncio.Event()
    writer = asyncio.create_task(quick.put("key", stopping(DATA, reached, go_on)))
    await reached.wait()
    hurt.kill()
    go_on.set()
    try:
        with pytest.raises(Busy):
            await writer
    finally:
        hurt.start()
    with pytest.raises(NotFound):
        await quick.delete("key")  # as the service does with what it could not take back then
    assert Bystander(hurt).names(name) == []


async def test_it_dies_in_a_download(hurt: Swift, make: Make) -> None:
    quick = make(options(hurt, container_name(), **SEGMENTED), QUICK)
    await quick.prepare()
    data = noise(40 * MB)
    await quick.put("key", pieces(data))
    got: list[bytes] = []

    async def read() -> None:
        async with aclosing(quick.open("key")) as reader:
            async for piece in reader:
                if not got:
                    hurt.kill()
                got.append(piece)

    try:
        with pytest.raises(Busy):
            await read()
    finally:
        hurt.start()
    assert data.startswith(b"".join(got))
    await quick.delete("key")


async def test_a_quota_is_used_up(swift_server: Swift, container: str, plain: SwiftStore) -> None:
    Bystander(swift_server).ask("POST", container, X_Container_Meta_Quota_Bytes=str(MB // 2))
    try:
        with pytest.raises(Full, match="413"):
            await plain.put("key", pieces(noise(10 * MB)))
    finally:
        Bystander(swift_server).ask("POST", container, X_Remove_Container_Meta_Quota_Bytes="x")
    assert Bystander(swift_server).names(container) == []


async def test_another_machine_was_first(plain: SwiftStore, swift_server: Swift, container: str) -> None:
    """Its object appears between the question whether there is one and the end of ours."""
    reached, go_on = asyncio.Event(), asyncio.Event()
    late = asyncio.create_task(plain.put("key", stopping(DATA, reached, go_on)))
    await reached.wait()
    Bystander(swift_server).ask("PUT", f"{container}/key", b"first")
    go_on.set()
    with pytest.raises(Exists):
        await late
    assert await content(plain, "key") == b"first"
