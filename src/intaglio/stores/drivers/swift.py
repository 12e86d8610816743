"""Objects in one account of an OpenStack Swift, each under its key; locations as Glance's driver writes them.

An object is sent in parts and read in ranges, several of both at once; memory does not depend on its size. What Glance
wrote as dynamic large objects is read, listed and deleted whole.
"""

import logging
import re
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from urllib.parse import unquote

from intaglio.stores.base import (
    KEY,
    Abilities,
    Broken,
    Chunk,
    Stat,
    StoreError,
    Unsupported,
    checked_key,
)
from intaglio.stores.drivers.budget import Budget
from intaglio.stores.drivers.parted import Turns
from intaglio.stores.drivers.ranged_read import MIB, Absent, Reader, absent
from intaglio.stores.drivers.swift_answers import Answer, Entry, no_container, said
from intaglio.stores.drivers.swift_auth import Keystone, Login, Tempauth
from intaglio.stores.drivers.swift_client import Client
from intaglio.stores.drivers.swift_options import Account, SwiftOptions, account, key_of, locations, options
from intaglio.stores.drivers.swift_write import HIDDEN, MARK, Upload, remove, taken
from intaglio.stores.drivers.web import Patience, Web, trust
from intaglio.stores.threads import Threads, uncancelled

ABANDONED = timedelta(days=1)
"""Without a new segment for so long, segments that no object names are taken for those of a dead writer."""

_MEMORY = 64 * MIB  # what all transfers of the store may hold ahead of their readers and parts
_SIGNING_IN = 1  # threads
_DELETE_SECONDS = 300.0  # without progress, for deleting all segments of an object
_CHECK_SECONDS = 4.0
_MOST = 1000  # segments in a manifest, where the server tells nothing else
_AFTER_HIDDEN = HIDDEN[0] + "~"  # every hidden name is less, every key greater
_SEGMENT = re.compile(r"-\d{5,}")  # what Glance writes behind a key
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_log = logging.getLogger(__name__)


class _Hidden:
    """The segments of one upload."""

    def __init__(self, moment: datetime) -> None:
        self.names: list[str] = []
        self.newest = moment


class Link:
    """Signing in, and the connections and memory of transfers: of one store, however many accounts it uses."""

    def __init__(self, store: str, chosen: SwiftOptions, who: Account, patience: Patience) -> None:
        self._threads = Threads(store, _SIGNING_IN, patience.quiet)
        authorities = chosen.swift_store_cacert or ""
        context = trust(store, "swift_store_cacert", authorities, insecure=chosen.swift_store_auth_insecure)
        self.web = Web(store, Answer, context, patience, "swift_store_cacert")
        self.budget = Budget(_MEMORY)
        self._keystone: Keystone | None = None
        if who.auth_version == "1":
            self.login = Login(Tempauth(store, who, chosen, self.web), chosen.swift_store_expire_soon_interval)
        else:
            self._keystone = Keystone(store, who, chosen, self._threads, patience.control)
            self.login = Login(self._keystone, chosen.swift_store_expire_soon_interval)

    async def projects(self) -> list[str]:
        """The ids of all projects; none without Keystone. Raises `Denied`, `Busy`, `Broken`."""
        return [] if self._keystone is None else await self._keystone.projects()

    async def close(self) -> None:
        """End connections and threads."""
        await self.web.close()
        await self._threads.close()


class SwiftStore:
    """See `intaglio.stores.base.Store`; options as in `SwiftOptions`. Building it connects to nothing."""

    def __init__(
        self,
        store: str,
        given: Mapping[str, object],
        patience: Patience | None = None,
        most_segments: int = _MOST,
        *,
        link: Link | None = None,
        where: str = "",
    ) -> None:
        """`link`: one that others use, too, and end; `where`: the name of another account than that of the login."""
        self._options = chosen = options(store, given)
        who = account(store, chosen)
        self._id = store
        self._locations = locations(store, chosen, who)
        self._most = most_segments
        self._own_link = link is None
        self._link = link or Link(store, chosen, who, patience or Patience())
        self._client = Client(store, chosen, self._link.login, self._link.web, where)
        self._budget = self._link.budget
        self._own: set[str] = set()  # marks of uploads that are under way here
        self._turns = Turns()
        self._writers: Counter[str] = Counter()  # of uploads under way here, by container
        self.abilities = Abilities()

    async def prepare(self) -> None:
        """Find the container; make it when it is missing and the operator allowed that."""
        if self._options.many_containers:
            await self._find_account()
        elif not await self._container_is_there(self._options.swift_store_container):
            if not self._options.swift_store_create_container_on_put:
                raise no_container(self._id)
            await self._make_container(self._options.swift_store_container)

    async def put(self, key: str, chunks: AsyncIterator[Chunk], size_hint: int | None = None) -> Stat:  # noqa: ARG002 - the contract's signature
        """Write a new object; see the contract."""
        await self._refuse_taken(checked_key(key))
        upload = Upload(self._client, self._options, self._budget, key, self._most, self._turns.of(key))
        self._own.add(upload.mark)
        self._writers[self._options.container(key)] += 1
        try:
            size = await upload.write(chunks)
        except BaseException:
            await uncancelled(self._abandon(upload, key))
            raise
        finally:
            self._own.discard(upload.mark)
            self._writers[self._options.container(key)] -= 1
            self._writers += Counter()  # without those at zero
        return Stat(key=key, size=size)

    async def open(self, key: str, offset: int = 0, length: int | None = None) -> AsyncGenerator[bytes, None]:
        """Read in ranges; see the contract."""
        reader = Reader(self._client, self._budget, checked_key(key))

        async def size() -> int:
            return (await self.stat(key)).size

        try:
            async with aclosing(reader.read(offset, length, size)) as pieces:
                async for piece in pieces:
                    yield piece
        except Absent as error:
            raise await self._absent(key) from error

    async def stat(self, key: str) -> Stat:
        """The object's size."""
        return _stat(self._id, key, await self._head(checked_key(key)))

    async def delete(self, key: str) -> None:
        """Remove the object and its segments, and what interrupted uploads left under its key; see the contract."""
        answer = await self._client.head("look at an object", checked_key(key))
        if not answer.fine and answer.status != HTTPStatus.NOT_FOUND:
            raise answer.error(self._id, "look at an object")
        found = answer.fine and await self._delete(key, answer)
        await self._remove_left(key)
        if not self._writers[self._options.container(key)]:  # who writes here found the container, and counts on it
            await self._remove_container(key)
        if not found:
            raise await self._absent(key)

    async def list(self, prefix: str = "") -> AsyncGenerator[Stat, None]:
        """The objects whose names are keys, but for the segments that Glance keeps beside its large objects."""
        async for container in self._client.containers("list its objects"):
            listing = self._client.listing("list its objects", container, prefix, _AFTER_HIDDEN)
            async with aclosing(self._objects(container, listing)) as found:
                async for stat in found:
                    yield stat

    async def sweep(self) -> int:
        """Remove segments that no object names and to which none was added for a day: their writers are dead.

        Those of this service that died are removed much earlier, by the `delete` of their key.
        """
        removed = 0
        async for container in self._client.containers("list unfinished uploads"):
            for (key, mark), hidden in (await self._hidden(container, HIDDEN)).items():
                if mark in self._own:
                    continue
                answer = await self._client.head("look at an object", key)
                if answer.headers.get(MARK) == mark or answer.moment() - hidden.newest <= ABANDONED:
                    continue
                if answer.fine or answer.status == HTTPStatus.NOT_FOUND:
                    await remove(self._client, container, hidden.names)
                    removed += 1
        return removed

    def uri(self, key: str) -> str:
        """`swift+config://reference/container/key`; without a file of accounts `swift+https://user:key@host/…`."""
        return f"{self._locations.prefix}{self._options.container(checked_key(key))}/{key}"

    def metadata(self, key: str) -> Mapping[str, str]:  # noqa: ARG002 - the contract's signature
        """Nothing, as Glance's driver."""
        return {}

    def adopt(self, uri: str) -> str:
        """The key of a `swift`, `swift+http`, `swift+https` or `swift+config` location of this account."""
        return key_of(self._id, self._options, self._locations, uri)

    async def path(self, key: str) -> Path:
        """Objects are no files."""
        raise Unsupported(f"store {self._id!r} (type swift) has no files, so none for {checked_key(key)}")

    async def direct_url(self, key: str, ttl: int) -> str:  # noqa: ARG002 - the contract's signature
        """There is none."""
        raise Unsupported(f"store {self._id!r} (type swift) makes no URLs, so none for {checked_key(key)}")

    async def check(self) -> None:
        """Ask for the container, signed in; with a seed for the account."""
        if self._options.many_containers:
            await self._find_account()
        elif not await self._container_is_there(self._options.swift_store_container):
            raise no_container(self._id)

    async def close(self) -> None:
        """End connections and threads."""
        if self._own_link:
            await self._link.close()

    async def let_read(self, key: str, allowed: str) -> None:
        """Set who may read the object's container, and that the operator's projects may write to it."""
        doing, path = "say who may read an object", f"/{self._options.container(key)}"
        headers = {"x-container-read": allowed, **self._writing()}
        answer = await self._client.ask(doing, "POST", path, headers=headers)
        if answer.status == HTTPStatus.NOT_FOUND:
            raise absent(self._id, key)
        if not answer.fine:
            raise answer.error(self._id, doing)

    def _writing(self) -> dict[str, str]:
        projects = self._options.swift_store_admin_tenants if self._options.swift_store_multi_tenant else ()
        return {"x-container-write": ",".join(f"{project}:*" for project in projects)} if projects else {}

    async def _abandon(self, upload: Upload, key: str) -> None:
        await upload.abandon()
        if self._writers[self._options.container(key)] == 1:
            try:
                await self._remove_container(key)
            except StoreError as error:
                _log.warning("%s; it stays, empty", error)

    async def _remove_container(self, key: str) -> None:
        """Remove a container that was the object's own, if it is empty."""
        if self._options.swift_store_multi_tenant:
            doing = "remove its container"
            answer = await self._client.ask(doing, "DELETE", f"/{self._options.container(key)}")
            if not answer.fine and answer.status not in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}:
                raise answer.error(self._id, doing)

    async def _head(self, key: str) -> Answer:
        answer = await self._client.head("look at an object", key)
        if answer.status == HTTPStatus.NOT_FOUND:
            raise await self._absent(key)
        if not answer.fine:
            raise answer.error(self._id, "look at an object")
        return answer

    async def _absent(self, key: str) -> StoreError:
        """A missing container is not an absent object, unless it is one that this store may make."""
        made = self._options.swift_store_create_container_on_put
        if made or await self._container_is_there(self._options.container(key)):
            return absent(self._id, key)
        return no_container(self._id)

    async def _refuse_taken(self, key: str) -> None:
        """Refuse a key that is taken before the first byte is read; make the container if need be."""
        answer = await self._client.head("look at an object", key)
        if answer.fine:
            raise taken(self._id, key)
        if answer.status != HTTPStatus.NOT_FOUND:
            raise answer.error(self._id, "begin an object")
        container = self._options.container(key)
        if not await self._container_is_there(container):
            if not self._options.swift_store_create_container_on_put:
                raise no_container(self._id)
            await self._make_container(container)

    async def _find_account(self) -> None:
        answer = await self._client.ask("find its account", "HEAD", "", seconds=_CHECK_SECONDS)
        if not answer.fine and answer.status != HTTPStatus.NOT_FOUND:  # it is made with its first container
            raise answer.error(self._id, "find its account")

    async def _container_is_there(self, container: str) -> bool:
        answer = await self._client.ask("find its container", "HEAD", f"/{container}", seconds=_CHECK_SECONDS)
        if answer.status == HTTPStatus.NOT_FOUND:
            return False
        if not answer.fine:
            raise answer.error(self._id, "find its container")
        return True

    async def _make_container(self, container: str) -> None:
        answer = await self._client.ask("make its container", "PUT", f"/{container}", headers=self._writing())
        if not answer.fine:
            raise answer.error(self._id, "make its container")
        level = logging.DEBUG if self._options.swift_store_multi_tenant else logging.WARNING
        _log.log(level, "store %s: made the container %s", self._id, container)

    async def _delete(self, key: str, answer: Answer) -> bool:
        """Remove an object that was there, in whichever way it is kept; whether it still was."""
        doing, path = "delete an object", self._client.path(key)
        static = answer.headers.get("x-static-large-object", "").lower() == "true"
        query = [("multipart-manifest", "delete")] if static else []
        gone = await self._client.ask(doing, "DELETE", path, query=query, seconds=_DELETE_SECONDS)
        if gone.status == HTTPStatus.NOT_FOUND:
            return False
        if not gone.fine:
            raise gone.error(self._id, doing)
        if static and said(gone.body) not in {0, HTTPStatus.OK, HTTPStatus.NOT_FOUND}:
            raise Answer(said(gone.body), {}).error(self._id, doing)
        dynamic = unquote(answer.headers.get("x-object-manifest", ""))
        if dynamic:  # the manifest is gone first: no reader ever meets a part of it
            container, _, prefix = dynamic.partition("/")
            if prefix:
                listing = self._client.listing("list segments", container, prefix)
                await remove(self._client, container, [entry.name async for entry in listing])
        return True

    async def _remove_left(self, key: str) -> None:
        """Remove segments of this key that no upload under way here is writing. Nobody else is, says the contract."""
        container = self._options.container(key)
        left = await self._hidden(container, f"{HIDDEN}{key}/")
        for (_, mark), hidden in left.items():
            if mark not in self._own:
                await remove(self._client, container, hidden.names)
        if _UUID.fullmatch(key):  # Glance's, of a delete that was interrupted; nothing else has such names
            listing = self._client.listing("list segments", container, f"{key}-")
            names = [entry.name async for entry in listing if _SEGMENT.fullmatch(entry.name, len(key))]
            await remove(self._client, container, names)

    async def _hidden(self, container: str, prefix: str) -> dict[tuple[str, str], _Hidden]:
        """The names of segments by key and mark of their upload, and when the newest was written."""
        found: dict[tuple[str, str], _Hidden] = {}
        async for entry in self._client.listing("list segments", container, prefix):
            _, key, mark, *_ = [*entry.name.split("/"), "", ""]
            if not KEY.fullmatch(key):
                continue
            hidden = found.setdefault((key, mark), _Hidden(entry.moment))
            hidden.names.append(entry.name)
            hidden.newest = max(hidden.newest, entry.moment)
        return found

    async def _objects(self, container: str, listing: AsyncIterator[Entry]) -> AsyncGenerator[Stat, None]:
        """What a listing has of objects. An empty one may be a large object of Glance's, whose segments follow it."""
        large = ""
        async for entry in listing:
            key = entry.name
            if large and key.startswith(large) and _SEGMENT.fullmatch(key, len(large)):
                continue
            if not KEY.fullmatch(key) or self._options.container(key) != container:
                continue
            if entry.bytes:
                yield Stat(key=key, size=entry.bytes, modified=entry.moment.timestamp())
                continue
            answer = await self._client.head("look at an object", key)
            if answer.fine:
                large = key if "x-object-manifest" in answer.headers else large
                found = _stat(self._id, key, answer)
                yield Stat(key=key, size=found.size, modified=entry.moment.timestamp())


def _stat(store: str, key: str, answer: Answer) -> Stat:
    try:
        return Stat(key=key, size=int(answer.headers["content-length"]))
    except (KeyError, ValueError) as error:
        raise Broken(f"store {store!r} could not look at an object: Swift tells no size") from error
