"""Swift with images in the accounts of their projects: whose account, who may read there, and nothing left behind."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest

from intaglio.stores.base import Busy, Denied, Misconfigured, NotFound
from intaglio.stores.conformance import content
from intaglio.stores.conformance_sources import Died, dying, noise, pieces
from intaglio.stores.drivers.swift_tenants import SwiftTenants
from tests.starters.swift import Swift
from tests.stores.swift_stores import asked, container_name, containers, keystone_options, options, tenant_options

pytestmark = [pytest.mark.real, pytest.mark.anyio]


@pytest.fixture(scope="module")
def container() -> str:
    return container_name()


def project(server: Swift, name: str) -> str:
    assert server.keystone is not None
    return server.keystone.ids[f"project/{name}"]


async def made(server: Swift, container: str, owner: str | None, **others: object) -> SwiftTenants:
    """A store for which every object belongs to that project."""

    async def owner_of(key: str) -> str | None:
        return None if owner is None else project(server, owner)

    store = SwiftTenants("swift", tenant_options(server, container, **others))
    store.owners(owner_of)
    return store


@pytest.fixture
async def store(swift_behind_keystone: Swift, container: str) -> AsyncIterator[SwiftTenants]:
    """A store whose objects are beta's; no container may be left."""
    tenants = await made(swift_behind_keystone, container, "beta")
    yield tenants
    await tenants.close()
    for name in ("alpha", "beta", "service"):
        assert containers(swift_behind_keystone, name, container) == []


async def test_an_object_is_in_its_projects_account(
    swift_behind_keystone: Swift, store: SwiftTenants, container: str
) -> None:
    """Another process finds it by its location alone, whoever owns the image by now."""
    server, key, data = swift_behind_keystone, str(uuid.uuid4()), noise(100_000)
    stat = await store.put(key, pieces(data))
    assert (stat.key, stat.size) == (key, len(data))
    beta = f"AUTH_{project(server, 'beta')}"
    uri = store.uri(key)
    assert uri == f"swift+http://127.0.0.1:{server.port}/v1/{beta}/{container}_{key}/{key}"
    assert containers(server, "beta", container) == [f"{container}_{key}"]
    other = await made(server, container, "alpha")
    there = other.adopt(uri)
    assert there == f"{key}.{beta}"
    assert await content(other, there, 5, 100) == data[5:105]
    assert other.uri(there) == uri
    assert (await other.stat(there)).size == len(data)
    listed = {found.key: found.size async for found in other.list(key)}
    assert listed == {there: len(data)}
    await other.delete(there)
    with pytest.raises(NotFound):
        await other.delete(there)
    await other.close()


async def test_who_may_read_in_swift_itself(swift_behind_keystone: Swift, container: str) -> None:
    """Nobody but the owner at first; then those whom the image is shared with, everybody, and nobody again."""
    server, key = swift_behind_keystone, str(uuid.uuid4())
    store = await made(server, container, "beta", swift_store_admin_tenants=(project(server, "ops"),))
    await store.put(key, pieces(b"image"))
    path = f"/{container}_{key}/{key}"

    def statuses() -> tuple[int, int]:
        """Those of stan, of the owner's project, and of mia."""
        return (
            asked(server, "beta", "GET", path, "stan", "beta").status_code,
            asked(server, "beta", "GET", path, "mia", "alpha").status_code,
        )

    assert statuses() == (200, 403)
    await store.share(key, [project(server, "alpha"), project(server, "service")])
    assert statuses() == (200, 200)
    acl = asked(server, "beta", "HEAD", f"/{container}_{key}").headers
    assert acl["x-container-read"] == f"{project(server, 'alpha')}:*,{project(server, 'service')}:*"
    assert acl["x-container-write"] == f"{project(server, 'ops')}:*"
    await store.share(key, [])
    assert statuses() == (200, 403)
    await store.share(key, None)
    assert statuses() == (200, 200)
    assert asked(server, "beta", "HEAD", f"/{container}_{key}").headers["x-container-read"] == "*:*"
    assert asked(server, "beta", "DELETE", path, "root", "ops").status_code == 204, "the operator's project may write"
    with pytest.raises(NotFound):
        await store.delete(key)
    with pytest.raises(NotFound):
        await store.share(key, None)
    assert containers(server, "beta", container) == []
    await store.close()


async def test_a_failed_upload_leaves_no_container(store: SwiftTenants) -> None:
    with pytest.raises(Died):
        await store.put("key", dying(noise(100_000), 50_000))
    with pytest.raises(NotFound):
        await store.stat("key")


async def test_what_a_dead_writer_left_goes_with_its_key(swift_behind_keystone: Swift, container: str) -> None:
    """The worker knows no more than the image's id."""
    dead = await made(swift_behind_keystone, container, "beta", swift_store_large_object_chunk_size=1)
    reached = asyncio.Event()

    async def half() -> AsyncIterator[list[bytes]]:
        yield [noise(3_000_000)]
        reached.set()
        await asyncio.Event().wait()

    writing = asyncio.create_task(dead.put("key", half()))
    await reached.wait()
    heir = await made(swift_behind_keystone, container, "beta")
    assert containers(swift_behind_keystone, "beta", container) == [f"{container}_key"]
    await dead._link.web.close()  # its connections are gone: it cleans nothing up
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    with pytest.raises(NotFound):
        await heir.delete("key")
    assert containers(swift_behind_keystone, "beta", container) == []
    await heir.close()
    await dead.close()


@pytest.mark.parametrize(
    "uri",
    [
        "swift+http://user:key@127.0.0.1/v1/AUTH_a/{container}_key/key",
        "swift+http://127.0.0.1/v1/AUTH_a/{container}_other/key",
        "swift+http://127.0.0.1/v1/noaccount/{container}_key/key",
        "swift+http://AUTH_a/{container}_key/key",
        "swift+config://ref/{container}/key",
        "http://127.0.0.1/v1/AUTH_a/{container}_key/key",
    ],
)
async def test_locations_of_others_are_refused(store: SwiftTenants, container: str, uri: str) -> None:
    with pytest.raises(NotFound) as refused:
        store.adopt(uri.format(container=container))
    assert "AUTH_a" not in str(refused.value)


async def test_without_the_role_it_is_said(swift_behind_keystone: Swift, container: str) -> None:
    """Somebody who may use no account but her own."""
    chosen = keystone_options(swift_behind_keystone, container, swift_store_multi_tenant=True)
    store = SwiftTenants("swift", chosen)

    async def owner_of(key: str) -> str | None:
        return project(swift_behind_keystone, "beta")

    store.owners(owner_of)
    with pytest.raises(Denied, match="begin an object: Swift answered 403"):
        await store.put("key", pieces(b"image"))
    with pytest.raises(Denied, match="list the projects"):
        [found async for found in store.list()]
    await store.close()


async def test_tempauth_has_no_projects(swift_behind_keystone: Swift) -> None:
    with pytest.raises(Misconfigured, match="needs Keystone"):
        SwiftTenants("swift", options(swift_behind_keystone, "images", swift_store_multi_tenant=True))


async def test_keystone_away(swift_behind_keystone: Swift) -> None:
    away = tenant_options(swift_behind_keystone, "images", swift_store_auth_address="http://127.0.0.1:1/v3")
    store = SwiftTenants("swift", away)
    with pytest.raises(Busy, match="Keystone does not answer"):
        await store.check()
    await store.close()
