"""Objects in the accounts of the projects they belong to, each in a container of its own; locations as Glance's.

The service signs in as itself, with a role that Swift lets into every account (ResellerAdmin), so that imports and
deletions go on without anybody's token. An object's key is the image's id, or `<id>.<account>` once a location says in
whose account it is: the owner of an image may change, its object stays.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path

from intaglio.stores.base import KEY, Chunk, Misconfigured, NotFound, OwnerOf, Stat, checked_key
from intaglio.stores.drivers.swift import Link, SwiftStore
from intaglio.stores.drivers.swift_options import SCHEMES, account, options
from intaglio.stores.drivers.web import Patience

_ACCOUNT = re.compile(r"[A-Za-z]+_[A-Za-z0-9-]{1,64}")
_REMEMBERED = 10_000  # keys whose accounts are known without asking


async def _nobody(key: str) -> str | None:  # noqa: ARG001 - the signature is `OwnerOf`'s
    return None


class SwiftTenants:
    """See `intaglio.stores.base.Store`; options as in `SwiftOptions`. Building it connects to nothing."""

    def __init__(self, store: str, given: Mapping[str, object], patience: Patience | None = None) -> None:
        chosen = options(store, given)
        who = account(store, chosen)
        if who.auth_version != "3":
            raise Misconfigured(f"store {store!r}: swift_store_multi_tenant needs Keystone: swift_store_auth_version 3")
        self._id = store
        self._options = chosen
        self._link = Link(store, chosen, who, patience or Patience())
        self._given = given
        self._owner_of: OwnerOf = _nobody
        self._accounts: dict[str, SwiftStore] = {}
        self._place: dict[str, str] = {}  # keys and the accounts they are in
        self._base, self._own, self._prefix = "", "", ""
        self.abilities = self._in("").abilities

    def owners(self, owner_of: OwnerOf) -> None:
        """From now on objects go to the accounts of these projects, and without one to the service's own."""
        self._owner_of = owner_of

    async def prepare(self) -> None:
        """Find the service's own account; containers are made with images."""
        await self._in("").prepare()

    async def put(self, key: str, chunks: AsyncIterator[Chunk], size_hint: int | None = None) -> Stat:
        """Write a new object into its project's account; see the contract."""
        self._place.pop(checked_key(key), None)  # the owner may be another one than at an attempt before
        name, inner = await self._find(key)
        stat = await inner.put(name, chunks, size_hint)
        return Stat(key=key, size=stat.size)

    async def open(self, key: str, offset: int = 0, length: int | None = None) -> AsyncGenerator[bytes, None]:
        """Read in ranges; see the contract."""
        name, inner = await self._find(checked_key(key))
        async with aclosing(inner.open(name, offset, length)) as pieces:
            async for piece in pieces:
                yield piece

    async def stat(self, key: str) -> Stat:
        """The object's size."""
        name, inner = await self._find(checked_key(key))
        return Stat(key=key, size=(await inner.stat(name)).size)

    async def delete(self, key: str) -> None:
        """Remove the object, what interrupted uploads left beside it, and its container."""
        name, inner = await self._find(checked_key(key))
        await inner.delete(name)

    async def list(self, prefix: str = "") -> AsyncGenerator[Stat, None]:
        """The objects in the accounts of all projects, which the service's user must be allowed to list in Keystone."""
        await self._learn()
        for project in await self._link.projects():
            where = self._prefix + project
            async with aclosing(self._in(where).list(prefix)) as found:
                async for stat in found:
                    yield Stat(key=self._key(stat.key, where), size=stat.size, modified=stat.modified)

    async def sweep(self) -> int:
        """As with one account; only in those that this process has used: asking every project's costs too much."""
        return sum([await inner.sweep() for inner in list(self._accounts.values())])

    async def share(self, key: str, readers: Sequence[str] | None) -> None:
        """Let projects read the object in Swift itself, everybody for None; see `Shareable`."""
        name, inner = await self._find(checked_key(key))
        allowed = "*:*" if readers is None else ",".join(f"{project}:*" for project in readers)
        await inner.let_read(name, allowed)

    def uri(self, key: str) -> str:
        """`swift+https://host/v1/AUTH_project/container_id/id`; for keys that were put, looked at or adopted."""
        name, where = self._split(checked_key(key))
        where = where or self._place.get(key, "")
        if not where or not self._base:
            raise NotFound(f"store {self._id!r} does not know yet whose account {key} is in")
        scheme, _, place = self._base.partition("://")
        return f"swift+{scheme}://{place}/{where}/{self._options.container(name)}/{name}"

    def metadata(self, key: str) -> Mapping[str, str]:  # noqa: ARG002 - the contract's signature
        """Nothing, as Glance's driver."""
        return {}

    def adopt(self, uri: str) -> str:
        """The key in a location of any account: Swift's address in it is not used, the configured one is."""
        scheme, separator, rest = uri.strip().partition("://")
        address, where, container, name = ([""] * 4 + rest.split("/", rest.count("/")))[-4:]
        known = separator and scheme in SCHEMES and "@" not in rest and address
        if known and _ACCOUNT.fullmatch(where) and KEY.fullmatch(name) and container == self._options.container(name):
            key = self._key(name, where)
            if KEY.fullmatch(key):
                self._remember(key, where)
                return key
        raise NotFound(f"the location is not of store {self._id!r}")

    async def path(self, key: str) -> Path:
        """Objects are no files."""
        return await self._in("").path(key)

    async def direct_url(self, key: str, ttl: int) -> str:
        """There is none."""
        return await self._in("").direct_url(key, ttl)

    async def check(self) -> None:
        """Ask for the service's own account, signed in."""
        await self._in("").check()

    async def close(self) -> None:
        """End connections and threads."""
        await self._link.close()

    def _in(self, where: str) -> SwiftStore:
        """The store in one account; the service's own is that without a name."""
        if where not in self._accounts:
            self._accounts[where] = SwiftStore(self._id, self._given, link=self._link, where=where)
        return self._accounts[where]

    async def _find(self, key: str) -> tuple[str, SwiftStore]:
        """The name of an object and its account's store."""
        await self._learn()
        name, where = self._split(key)
        where = where or self._place.get(key, "")
        if not where:
            owner = await self._owner_of(key)
            where = f"{self._prefix}{owner}" if owner and _ACCOUNT.fullmatch(f"{self._prefix}{owner}") else self._own
        self._remember(key, where)
        return name, self._in(where)

    async def _learn(self) -> None:
        """Who the service itself is, and what accounts are called here."""
        token = await self._link.login.token()
        self._base, _, self._own = token.storage_url.rpartition("/")
        if not token.project or not self._own.endswith(token.project):
            raise Misconfigured(
                f"store {self._id!r}: the address of the service's own account does not end with its project's id, so "
                "those of other projects cannot be told; see swift_store_endpoint and Keystone's catalogue"
            )
        self._prefix = self._own.removesuffix(token.project)

    def _split(self, key: str) -> tuple[str, str]:
        name, dot, where = key.rpartition(".")
        return (name, where) if dot and name and _ACCOUNT.fullmatch(where) else (key, "")

    def _key(self, name: str, where: str) -> str:
        return name if where == self._own else f"{name}.{where}"

    def _remember(self, key: str, where: str) -> None:
        self._place[key] = where
        while len(self._place) > _REMEMBERED:
            del self._place[next(iter(self._place))]
