"""Objects in one bucket of an S3 server, each under its key; locations as Glance's driver writes them.

An object is sent in parts and read in ranges, several of both at once; memory does not depend on its size.
"""

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from http import HTTPStatus
from pathlib import Path
from xml.sax.saxutils import escape

from intaglio.stores.base import (
    KEY,
    Abilities,
    Broken,
    Chunk,
    Denied,
    Stat,
    StoreError,
    Unsupported,
    checked_key,
)
from intaglio.stores.drivers.budget import Budget
from intaglio.stores.drivers.parted import Turns
from intaglio.stores.drivers.ranged_read import MIB, Absent, Reader, absent
from intaglio.stores.drivers.s3_answers import Answer, Malformed, field, no_bucket, objects
from intaglio.stores.drivers.s3_client import Client
from intaglio.stores.drivers.s3_options import key_of, keys, options, place
from intaglio.stores.drivers.s3_unfinished import give_up, is_abandoned, unfinished, unreadable
from intaglio.stores.drivers.s3_write import Upload, crc32, taken
from intaglio.stores.drivers.web import Patience, trust
from intaglio.stores.threads import Threads, uncancelled

_MEMORY = 48 * MIB  # what all transfers of the store may hold ahead of their readers and parts
_HASHING = 2  # threads that hash parts
_CHECK_SECONDS = 4.0

_log = logging.getLogger(__name__)


class S3Store:
    """See `intaglio.stores.base.Store`; options as in `S3Options`. Building it connects to nothing."""

    def __init__(self, store: str, given: Mapping[str, object], patience: Patience | None = None) -> None:
        chosen = options(store, given)
        self._id = store
        self._options = chosen
        self._place = place(store, chosen)
        self._threads = Threads(store, _HASHING, 300.0)
        context = trust(store, "s3_store_cacert", chosen.s3_store_cacert) if self._place.secure else None
        self._client = Client(store, self._place, keys(chosen), context, self._threads, patience or Patience())
        self._budget = Budget(_MEMORY)
        self._turns = Turns()
        self._own: set[str] = set()  # ids of uploads in parts that are under way here
        self.abilities = Abilities(direct_url=True)

    async def prepare(self) -> None:
        """Find the bucket; make it when it is missing and the operator allowed that."""
        if not await self._bucket_is_there("find its bucket") and not await self._make_bucket():
            raise no_bucket(self._id)

    async def put(self, key: str, chunks: AsyncIterator[Chunk], size_hint: int | None = None) -> Stat:
        """Write a new object; see the contract."""
        await self._refuse_taken(checked_key(key))
        upload = Upload(self._client, self._options, self._budget, key, size_hint, self._own, self._turns.of(key))
        try:
            size = await upload.write(chunks)
        except BaseException:
            await uncancelled(upload.abandon())
            raise
        finally:
            upload.forget()
        return Stat(key=key, size=size)

    async def open(self, key: str, offset: int = 0, length: int | None = None) -> AsyncGenerator[bytes, None]:
        """Read in ranges; see the contract."""
        reader = self._reader(checked_key(key))

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
        answer = await self._head(checked_key(key))
        try:
            return Stat(key=key, size=int(answer.headers["content-length"]))
        except (KeyError, ValueError) as error:
            raise Broken(f"store {self._id!r} could not look at an object: S3 tells no size") from error

    async def delete(self, key: str) -> None:
        """Remove the object, and what an interrupted upload left under its key; see the contract."""
        checked_key(key)
        try:
            async for upload in unfinished(self._client, key):
                if upload.key == key and upload.upload_id not in self._own:
                    await give_up(self._client, key, upload.upload_id)
        except (Broken, Denied) as error:  # a server, or a role, without these calls can still delete
            _log.warning("%s", error)
        await self._head(key)  # S3 says of no object that it was not there
        answer = await self._client.ask("delete an object", "DELETE", key)
        if not answer.fine and answer.status != HTTPStatus.NOT_FOUND:
            raise answer.error(self._id, "delete an object")

    async def list(self, prefix: str = "") -> AsyncGenerator[Stat, None]:
        """The objects whose names are keys; others in the bucket are not ours."""
        query = [("list-type", "2"), ("prefix", prefix)]
        after = ""
        while True:
            more = [("continuation-token", after)] if after else []
            answer = await self._client.ask("list its objects", "GET", query=[*query, *more])
            if not answer.fine:
                raise answer.error(self._id, "list its objects")
            try:
                found, after = [*objects(answer.body)], field(answer.body, "NextContinuationToken")
            except (Malformed, ValueError) as error:
                raise unreadable(self._id, "list its objects") from error
            for key, size, modified in found:
                if KEY.fullmatch(key):
                    yield Stat(key=key, size=size, modified=modified)
            if not after:
                return

    async def sweep(self) -> int:
        """Give up uploads in parts that have got no new part for a day: their writers are dead, or Glance forgot them.

        Those of this service that died are given up much earlier, by the `delete` of their key.
        """
        removed = 0
        async for upload in unfinished(self._client, ""):
            ours = upload.upload_id in self._own or not KEY.fullmatch(upload.key)
            if not ours and await is_abandoned(self._client, upload):
                await give_up(self._client, upload.key, upload.upload_id)
                removed += 1
        return removed

    def uri(self, key: str) -> str:
        """`s3://host/bucket/key`, or `s3+https://…`, as Glance writes it: without credentials."""
        return self._place.locations + checked_key(key)

    def metadata(self, key: str) -> Mapping[str, str]:  # noqa: ARG002 - the contract's signature
        """Nothing, as Glance's driver."""
        return {}

    def adopt(self, uri: str) -> str:
        """The key of an `s3`, `s3+http` or `s3+https` location in this bucket on this host."""
        return key_of(self._id, self._place.locations, uri)

    async def path(self, key: str) -> Path:
        """Objects are no files."""
        raise Unsupported(f"store {self._id!r} (type s3) has no files, so none for {checked_key(key)}")

    async def direct_url(self, key: str, ttl: int) -> str:
        """A signed URL of the object, for `ttl` seconds, at most a week."""
        await self._head(checked_key(key))
        return self._client.signed_url(key, ttl)

    async def check(self) -> None:
        """Ask for the bucket, with the credentials."""
        if not await self._bucket_is_there("find its bucket", min(_CHECK_SECONDS, self._client.patience.control)):
            raise no_bucket(self._id)

    async def close(self) -> None:
        """End connections and threads."""
        await self._client.close()
        await self._threads.close()

    def _reader(self, key: str) -> Reader[Answer]:
        if not self._options.verifies_checksums:
            return Reader(self._client, self._budget, key)
        return Reader(self._client, self._budget, key, {"x-amz-checksum-mode": "ENABLED"}, self._verified)

    async def _verified(self, answer: Answer, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Nothing of the object is passed on before its checksum was compared."""
        expected = answer.headers.get("x-amz-checksum-crc32", "")
        whole = b"".join([piece async for piece in body])
        if "-" not in expected and expected and await self._threads.run(crc32, whole) != expected:
            raise Broken(f"store {self._id!r}: the checksum of an object is not that of its bytes")
        yield whole

    async def _head(self, key: str) -> Answer:
        answer = await self._client.head("look at an object", key)
        if answer.status == HTTPStatus.NOT_FOUND:
            raise await self._absent(key)
        if not answer.fine:
            raise answer.error(self._id, "look at an object")
        return answer

    async def _absent(self, key: str) -> StoreError:
        """A missing bucket is not an absent object, unless it is one that this store may make."""
        if self._options.s3_store_create_bucket_on_put or await self._bucket_is_there("look at an object"):
            return absent(self._id, key)
        return no_bucket(self._id)

    async def _refuse_taken(self, key: str) -> None:
        """Refuse a key that is taken before the first byte is read; make the bucket if need be."""
        answer = await self._client.head("look at an object", key)
        if answer.fine:
            raise taken(self._id, key)
        if answer.status != HTTPStatus.NOT_FOUND:
            raise answer.error(self._id, "begin an object")
        if self._options.s3_store_create_bucket_on_put and not await self._bucket_is_there("find its bucket"):
            await self._make_bucket()

    async def _bucket_is_there(self, doing: str, seconds: float | None = None) -> bool:
        answer = await self._client.head(doing, seconds=seconds)
        if answer.status == HTTPStatus.NOT_FOUND:
            return False
        if not answer.fine:
            raise answer.error(self._id, doing)
        return True

    async def _make_bucket(self) -> bool:
        """Make the bucket if that is allowed; whether it is there now."""
        if not self._options.s3_store_create_bucket_on_put:
            return False
        region, body = self._place.region, b""
        if self._options.s3_store_region_name and region != "us-east-1":  # which is said by saying nothing
            inner = f"<LocationConstraint>{escape(region)}</LocationConstraint>"
            body = f"<CreateBucketConfiguration>{inner}</CreateBucketConfiguration>".encode()
        answer = await self._client.ask("make its bucket", "PUT", body=body)
        if not answer.fine and answer.code not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
            raise answer.error(self._id, "make its bucket")
        if answer.fine:
            _log.warning("store %s: made the bucket %s", self._id, self._place.bucket)
        return await self._bucket_is_there("find its bucket")
