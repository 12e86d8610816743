"""One new object on its way to Swift: whole when it is short, else as segments of a static large object.

Segments have hidden names and are of one upload alone. The object becomes visible by one last request that Swift
carries out only if the name is free. It carries a mark of its upload, by which a last request whose answer was lost is
told from somebody else's object.
"""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus

import msgspec

from intaglio.stores.base import Busy, Exists, StoreError
from intaglio.stores.drivers.budget import Budget
from intaglio.stores.drivers.parted import PartedUpload
from intaglio.stores.drivers.parts import Sending
from intaglio.stores.drivers.ranged_read import MIB
from intaglio.stores.drivers.swift_answers import Answer, no_container, said
from intaglio.stores.drivers.swift_client import Client
from intaglio.stores.drivers.swift_options import MB, SwiftOptions

HIDDEN = ".segments/"
"""What names of segments begin with: no key does."""
MARK = "x-object-meta-intaglio-upload"
ATTEMPTS = 3
PAUSE = 0.5  # seconds before the second attempt, doubled before each other

_PART = 16 * MIB  # the longest that is held in memory to be sent again if need be
_AT_ONCE = 4  # parts of one upload


class Segment(msgspec.Struct, frozen=True):
    """An entry of a manifest, under Swift's names."""

    path: str
    etag: str
    size_bytes: int


class Upload(PartedUpload):
    """One `put`."""

    def __init__(
        self, client: Client, chosen: SwiftOptions, budget: Budget, key: str, most: int, turn: asyncio.Lock
    ) -> None:
        """`most`: segments that one manifest may name; those of longer objects are manifests themselves."""
        super().__init__(Sending(budget, _AT_ONCE), turn)
        self._client = client
        self._key = key
        self._most = most
        size = min(chosen.swift_store_large_object_size, chosen.swift_store_large_object_chunk_size) * MB
        self._part_size = min(size, _PART)
        self.mark = secrets.token_hex(16)
        self._container = chosen.container(key)
        self._sent: dict[int, Segment] = {}
        self._manifests = 0

    def _wanted(self) -> int:
        return self._part_size

    def _name(self, number: int) -> str:
        return f"{HIDDEN}{self._key}/{self.mark}/{number:08d}"

    def _manifest_name(self, number: int) -> str:
        return f"{HIDDEN}{self._key}/{self.mark}/manifest-{number:08d}"

    async def _part(self, part: bytearray) -> None:
        self._numbered += 1
        self._size += len(part)
        await self._sending.start(len(part), partial(self._send, self._numbered, part))

    async def _send(self, number: int, part: bytearray) -> None:
        name = self._name(number)
        answer = await self._insist("write an object", f"/{self._container}/{name}", body=part)
        self._sent[number] = Segment(f"/{self._container}/{name}", _tag(answer), len(part))

    async def _insist(self, doing: str, path: str, **how: object) -> Answer:
        """A PUT that may be sent twice, again when the first ones met a busy server or a broken connection."""
        for attempt in range(ATTEMPTS):
            try:
                answer = await self._client.ask(
                    doing,
                    "PUT",
                    path,
                    seconds=self._client.patience.quiet,
                    **how,  # type: ignore[arg-type]
                )
                if answer.fine:
                    return answer
                if answer.status == HTTPStatus.NOT_FOUND:
                    raise no_container(self._client.store)
                raise answer.error(self._client.store, doing)
            except Busy:
                if attempt == ATTEMPTS - 1:
                    raise
            await asyncio.sleep(PAUSE * 2**attempt)
        raise AssertionError

    async def _finish(self, rest: bytearray) -> None:
        if self._numbered:
            if rest:
                await self._part(rest)
            await self._sending.finish()
            segments = await self._folded([self._sent[number] for number in sorted(self._sent)])
            manifest = msgspec.json.encode(segments)
            await self._end_with(self._publish([("multipart-manifest", "put")], manifest))
        else:
            self._size = len(rest)
            await self._end_with(self._publish((), rest))

    async def _folded(self, segments: Sequence[Segment]) -> Sequence[Segment]:
        """Few enough segments for a manifest; where there are more, manifests take their place."""
        if len(segments) <= self._most:
            return segments
        folded = []
        for begin in range(0, len(segments), self._most):
            group = segments[begin : begin + self._most]
            self._manifests += 1
            path = f"/{self._container}/{self._manifest_name(self._manifests)}"
            answer = await self._insist(
                "join an object", path, query=[("multipart-manifest", "put")], body=msgspec.json.encode(group)
            )
            folded.append(Segment(path, _tag(answer), sum(each.size_bytes for each in group)))
        return await self._folded(folded)

    async def _publish(self, query: Sequence[tuple[str, str]], body: bytes | bytearray) -> None:
        """The last request. After it the object is there, whole and ours, or something is raised."""
        headers = {MARK: self.mark, "if-none-match": "*", "content-type": "application/octet-stream"}
        for attempt in range(ATTEMPTS):
            trouble = await self._last_request(query, headers, body)
            if await self._is_ours():  # also after an answer that was lost; and no other machine's came later
                return
            await self._refuse_taken()
            if trouble is not None and (attempt == ATTEMPTS - 1 or not isinstance(trouble, Busy)):
                raise trouble
            await asyncio.sleep(PAUSE * 2**attempt)
        raise Busy(f"store {self._client.store!r} could not finish an object: it is not there after it was written")

    async def _last_request(
        self, query: Sequence[tuple[str, str]], headers: Mapping[str, str], body: bytes | bytearray
    ) -> StoreError | None:
        """What hindered it."""
        doing, patience, path = "finish an object", self._client.patience, self._client.path(self._key)
        seconds = patience.joining if query else patience.quiet
        try:
            answer = await self._client.ask(
                doing, "PUT", path, query=query, headers=headers, body=body, seconds=seconds
            )
        except Busy as error:
            return error
        if answer.fine and (not query or said(answer.body) in {0, HTTPStatus.CREATED}):
            return None
        if answer.status == HTTPStatus.NOT_FOUND:
            return no_container(self._client.store)
        if answer.status == HTTPStatus.PRECONDITION_FAILED:
            return Busy(f"store {self._client.store!r} could not {doing}: another upload of it is finishing")
        return answer.error(self._client.store, doing)

    async def _refuse_taken(self) -> None:
        answer = await self._client.head("look at an object", self._key)
        if answer.fine:
            raise taken(self._client.store, self._key)

    async def _is_ours(self) -> bool:
        """Whether the object that is there now is the one of this upload."""
        answer = await self._client.head("look at an object", self._key)
        return answer.fine and answer.headers.get(MARK) == self.mark

    async def _take_back(self) -> None:
        await self._client.ask("take back an object", "DELETE", self._client.path(self._key))

    async def _remove_parts(self) -> None:
        names = [self._name(number) for number in range(1, self._numbered + 1)]
        names += [self._manifest_name(number) for number in range(1, self._manifests + 1)]
        await remove(self._client, self._container, names)


def taken(store: str, key: str) -> Exists:
    """The name is not free."""
    return Exists(f"store {store!r} has an object {key} already; delete it first or use another key")


async def remove(client: Client, container: str, names: Sequence[str]) -> None:
    """Delete the objects of these names that are there, some at once. Raises `StoreError`."""
    doing, left = "remove segments", list(names)

    async def work() -> None:
        while left:
            answer = await client.ask(doing, "DELETE", f"/{container}/{left.pop()}")
            if not answer.fine and answer.status != HTTPStatus.NOT_FOUND:
                raise answer.error(client.store, doing)

    results = await asyncio.gather(*(work() for _ in range(min(8, len(left)))), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


def _tag(answer: Answer) -> str:
    return answer.headers.get("etag", "").strip('"')
