"""One new object on its way to S3: whole when it is short, else in parts of which several are on the way at once.

It becomes visible by one last request that S3 carries out only if the name is free. Each object carries a mark of its
upload, by which a last request whose answer was lost is told from somebody else's object.
"""

import asyncio
import base64
import math
import secrets
import zlib
from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus

from intaglio.stores.base import Buffer, Busy, Exists, Full, StoreError
from intaglio.stores.drivers.budget import Budget
from intaglio.stores.drivers.parted import PartedUpload
from intaglio.stores.drivers.parts import Sending
from intaglio.stores.drivers.ranged_read import MIB
from intaglio.stores.drivers.s3_answers import Answer, Malformed, field
from intaglio.stores.drivers.s3_client import Client
from intaglio.stores.drivers.s3_options import S3Options
from intaglio.stores.drivers.s3_unfinished import give_up, unreadable

PARTS = 10_000  # the most that S3 takes
MARK = "x-amz-meta-intaglio-upload"
ATTEMPTS = 3
PAUSE = 0.5  # seconds before the second attempt, doubled before each other

_STEP = 500  # parts after which those of an object of unknown length grow: 10 000 of 10 MiB and more hold a TiB
_CONDITION: Mapping[str, str] = {"if-none-match": "*"}


class Upload(PartedUpload):
    """One `put`."""

    def __init__(
        self,
        client: Client,
        chosen: S3Options,
        budget: Budget,
        key: str,
        size_hint: int | None,
        own: set[str],
        turn: asyncio.Lock,
    ) -> None:
        super().__init__(Sending(budget, chosen.s3_store_thread_pools), turn)
        self._client = client
        self._options = chosen
        self._key = key
        self._hint = size_hint
        self._least = max(chosen.s3_store_large_object_chunk_size, math.ceil((size_hint or 0) / PARTS / MIB)) * MIB
        self._mark = secrets.token_hex(16)
        self._upload_id: str | None = None
        self._own = own  # where those under way are known by their ids
        self._sent: dict[int, tuple[str, str]] = {}  # number of a part: its ETag and checksum

    def forget(self) -> None:
        """It is no longer under way."""
        self._own.discard(self._upload_id or "")

    def _wanted(self) -> int:
        """The length of the next part: they grow when nobody knows how many there will be."""
        known = self._hint is not None and self._size < self._hint
        length = self._least if known else self._least * (1 + self._numbered // _STEP)
        if self._numbered == 0:  # from this length on an object is sent in parts
            length = min(length, max(self._options.s3_store_large_object_size * MIB, 5 * MIB))
        return length

    async def _part(self, part: bytearray) -> None:
        """Send a part as soon as there is room for it among those on the way."""
        if self._upload_id is None:
            self._upload_id = await self._begin()
            self._own.add(self._upload_id)
        self._numbered += 1
        if self._numbered > PARTS:
            raise Full(
                f"store {self._client.store!r}: S3 holds no object of more than {self._size} bytes in such parts"
            )
        self._size += len(part)
        await self._sending.start(len(part), partial(self._send, self._numbered, part))

    async def _send(self, number: int, part: bytearray) -> None:
        headers = await self._checksum(part)
        query = [("partNumber", str(number)), ("uploadId", self._upload_id or "")]
        answer = await self._insist("write an object", "PUT", query=query, headers=headers, body=part)
        if not answer.fine or "etag" not in answer.headers:
            raise answer.error(self._client.store, "write an object")
        self._sent[number] = answer.headers["etag"], headers.get("x-amz-checksum-crc32", "")

    async def _insist(self, doing: str, method: str, **how: object) -> Answer:
        """A request that may be sent twice, again when the first ones met a busy server or a broken connection."""
        for attempt in range(ATTEMPTS):
            final = attempt == ATTEMPTS - 1
            try:
                answer = await self._client.ask(doing, method, self._key, seconds=self._client.patience.quiet, **how)  # type: ignore[arg-type]
            except Busy:
                if final:
                    raise
            else:
                if final or answer.fine or not isinstance(answer.error(self._client.store, doing), Busy):
                    return answer
            await asyncio.sleep(PAUSE * 2**attempt)
        raise AssertionError

    async def _begin(self) -> str:
        headers = {MARK: self._mark}
        if self._options.sends_checksums:
            headers["x-amz-checksum-algorithm"] = "CRC32"
        answer = await self._insist("begin an object", "POST", query=[("uploads", "")], headers=headers)
        if not answer.fine:
            raise answer.error(self._client.store, "begin an object")
        try:
            upload_id = field(answer.body, "UploadId")
        except Malformed:
            upload_id = ""
        if not upload_id:
            raise unreadable(self._client.store, "begin an object")
        return upload_id

    async def _finish(self, rest: bytearray) -> None:
        if self._upload_id is not None:
            if rest:
                await self._part(rest)
            await self._sending.finish()
            await self._end_with(self._complete())
        else:
            self._size = len(rest)
            await self._end_with(self._whole(rest))

    async def _whole(self, body: bytearray) -> None:
        headers = {MARK: self._mark, **await self._checksum(body)}
        await self._publish("PUT", (), headers, body)

    async def _complete(self) -> None:
        if (await self._client.head("look at an object", self._key)).fine:  # radosgw joins whatever the condition
            raise taken(self._client.store, self._key)
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{tag.replace('&', '&amp;').replace('<', '&lt;')}</ETag>"
            f"{f'<ChecksumCRC32>{checksum}</ChecksumCRC32>' if checksum else ''}</Part>"
            for number, (tag, checksum) in sorted(self._sent.items())
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        await self._publish("POST", [("uploadId", self._upload_id or "")], {}, body)

    async def _publish(
        self,
        method: str,
        query: Sequence[tuple[str, str]],
        headers: Mapping[str, str],
        body: bytes | bytearray,
    ) -> None:
        """The last request. After it the object is there, whole and ours, or something is raised."""
        condition = _CONDITION
        for attempt in range(ATTEMPTS):
            answer, trouble = await self._last_request(method, query, {**headers, **condition}, body)
            if trouble is None:
                return
            there = await self._client.head("look at an object", self._key)
            if there.fine and there.headers.get(MARK) == self._mark:  # the answer was lost
                return
            if answer is not None and answer.status in _NOT_CONDITIONAL:
                condition = {}  # such a server leaves a moment in which two could win
            elif answer is not None and answer.status not in _TAKEN and not isinstance(trouble, Busy):
                raise trouble
            if there.fine:
                raise taken(self._client.store, self._key)
            if attempt == ATTEMPTS - 1:
                raise trouble
            await asyncio.sleep(PAUSE * 2**attempt)

    async def _last_request(
        self, method: str, query: Sequence[tuple[str, str]], headers: Mapping[str, str], body: bytes | bytearray
    ) -> tuple[Answer | None, StoreError | None]:
        """The answer if one came, and what it means if it was no success."""
        doing, patience = "finish an object", self._client.patience
        seconds = patience.joining if method == "POST" else patience.quiet
        try:
            answer = await self._client.ask(
                doing, method, self._key, query=query, headers=headers, body=body, seconds=seconds
            )
        except Busy as error:
            return None, error
        return answer, None if answer.fine else answer.error(self._client.store, doing)

    async def _is_ours(self) -> bool:
        """Whether the object that is there now is the one of this upload."""
        answer = await self._client.head("look at an object", self._key)
        return answer.fine and answer.headers.get(MARK) == self._mark

    async def _take_back(self) -> None:
        await self._client.ask("take back an object", "DELETE", self._key)

    async def _remove_parts(self) -> None:
        if self._upload_id is not None:
            await give_up(self._client, self._key, self._upload_id)

    async def _checksum(self, body: bytearray) -> dict[str, str]:
        if not self._options.sends_checksums:
            return {}
        value = await self._client.threads.run(crc32, body)
        return {"x-amz-checksum-crc32": value}


_TAKEN = {HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT}
_NOT_CONDITIONAL = {HTTPStatus.NOT_IMPLEMENTED}


def crc32(body: Buffer) -> str:
    """The checksum in the form of S3's headers."""
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


def taken(store: str, key: str) -> Exists:
    """The name is not free."""
    return Exists(f"store {store!r} has an object {key} already; delete it first or use another key")
