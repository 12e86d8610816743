"""Uploads in parts that were never completed: which there are, which of them are dead, and how S3 forgets one."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from http import HTTPStatus

from intaglio.stores.base import Broken
from intaglio.stores.drivers.s3_answers import Malformed, Unfinished, field, newest_part, uploads
from intaglio.stores.drivers.s3_client import Client

ABANDONED = timedelta(days=1)
"""Without a new part for so long, an upload in parts is taken for that of a dead writer."""

_LISTING = "list unfinished uploads"
_LOOKING = "look at an unfinished upload"


async def unfinished(client: Client, prefix: str) -> AsyncGenerator[Unfinished, None]:
    """Every upload in parts whose key begins so; none in a bucket that is not there. Raises `StoreError`."""
    after: list[tuple[str, str]] = []
    while True:
        answer = await client.ask(_LISTING, "GET", query=[("uploads", ""), ("prefix", prefix), *after])
        if answer.status == HTTPStatus.NOT_FOUND:
            return
        if not answer.fine:
            raise answer.error(client.store, _LISTING)
        try:
            found = list(uploads(answer.body))
            more = field(answer.body, "IsTruncated") == "true"
            names = (("key-marker", "NextKeyMarker"), ("upload-id-marker", "NextUploadIdMarker"))
            after = [(name, field(answer.body, source)) for name, source in names]
        except (Malformed, ValueError) as error:
            raise unreadable(client.store, _LISTING) from error
        for upload in found:
            yield upload
        if not more:
            return


async def is_abandoned(client: Client, upload: Unfinished) -> bool:
    """Whether its newest part, or without any its beginning, is `ABANDONED` old by the server's own clock."""
    newest, after = upload.begun, "0"
    while True:
        query = [("uploadId", upload.upload_id), ("part-number-marker", after)]
        answer = await client.ask(_LOOKING, "GET", upload.key, query=query)
        if answer.status == HTTPStatus.NOT_FOUND:
            return False  # finished meanwhile
        if not answer.fine:
            raise answer.error(client.store, _LOOKING)
        try:
            newest = max(newest, newest_part(answer.body) or newest)
            more = field(answer.body, "IsTruncated") == "true"
            after = field(answer.body, "NextPartNumberMarker")
        except (Malformed, ValueError) as error:
            raise unreadable(client.store, _LOOKING) from error
        if answer.moment() - newest <= ABANDONED:
            return False
        if not more:
            return True


async def give_up(client: Client, key: str, upload_id: str) -> None:
    """Have S3 forget an upload in parts. Raises `StoreError`."""
    answer = await client.ask("give up an upload", "DELETE", key, query=[("uploadId", upload_id)])
    if not answer.fine and answer.status != HTTPStatus.NOT_FOUND:
        raise answer.error(client.store, "give up an upload")


def unreadable(store: str, doing: str) -> Broken:
    """The answer is none of S3's."""
    return Broken(f"store {store!r} could not {doing}: the answer is not S3's")
