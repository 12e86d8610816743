"""A mirror in S3, by botocore: objects appear when all of their parts are there, and carry their facts as metadata."""

import base64
import contextlib
import hashlib
import importlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from intaglio.manager.mirror.place import Facts, Held, MirrorFailed, MirrorInvalid
from intaglio.manager.progress import Meter
from intaglio.manager.upstream.web import PIECE, ManagerMissing

PART = 16 << 20
"""Bytes of a part; more for files that would have too many."""
_PARTS = 9000  # S3 takes 10 000
_MARK = "intaglio-"
_ABSENT = {"404", "NoSuchKey", "NotFound", "NoSuchUpload", "NoSuchBucket"}
_REGION = "us-east-1"  # what servers that know no regions take


def connect(endpoint: str | None, region: str | None, key: str | None = None, secret: str | None = None) -> Any:
    """A client; keys, region and certificates as for every program that uses AWS's variables and files.

    The mirror program of the original reads MINIO_ACCESS_KEY and MINIO_SECRET_KEY: they count when AWS's are not set.
    Raises `ManagerMissing`, `MirrorInvalid`.
    """
    try:
        session = importlib.import_module("botocore.session").get_session()
        config = importlib.import_module("botocore.config")
        problems = importlib.import_module("botocore.exceptions")
    except ImportError:
        raise ManagerMissing("Mirrors in S3 need botocore: pip install 'intaglio[manager]'.") from None
    if key is None and not os.environ.get("AWS_ACCESS_KEY_ID") and os.environ.get("MINIO_ACCESS_KEY"):
        key, secret = os.environ["MINIO_ACCESS_KEY"], os.environ.get("MINIO_SECRET_KEY", "")
    keys = {} if key is None else {"aws_access_key_id": key, "aws_secret_access_key": secret or ""}
    try:
        return session.create_client(
            "s3",
            region_name=region or session.get_config_variable("region") or _REGION,
            endpoint_url=endpoint,
            config=config.Config(
                # what older servers refuse; each part carries its MD5 instead
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                retries={"mode": "standard", "max_attempts": 5},
                connect_timeout=15,
                read_timeout=60,
                max_pool_connections=32,
                s3={"addressing_style": "path" if endpoint else "auto"},
            ),
            **keys,
        )
    except (ValueError, problems.BotoCoreError) as error:
        raise MirrorInvalid(f"No S3 client can be made: {error}") from None


class Bucket:
    """A prefix of a bucket that is a mirror. Raises `MirrorInvalid` when there is no such bucket."""

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        try:
            with self._telling(bucket):
                client.head_bucket(Bucket=bucket)
        except MirrorFailed as error:
            if error.absent:
                raise MirrorInvalid(f"There is no bucket '{bucket}'; make it first.") from None
            raise MirrorInvalid(f"The bucket '{bucket}' cannot be used: {error}") from None

    @property
    def address(self) -> str:
        return f"s3://{self._bucket}/{self._prefix}"

    def look(self, key: str) -> Held | None:
        try:
            with self._telling(key):
                found = self._client.head_object(**self._at(key))
        except MirrorFailed as error:
            if error.absent:
                return None
            raise
        return Held(key, found["ContentLength"], found["LastModified"], _facts(found.get("Metadata", {})))

    def put(self, key: str, path: Path, facts: Facts, meter: Meter) -> None:
        size = path.stat().st_size
        with self._telling(key):
            if size <= PART:
                self._put_whole(key, path, facts)
                meter(size, size)
            else:
                self._put_parts(key, path, facts, meter)

    def put_text(self, key: str, text: str) -> None:
        with self._telling(key):
            body = text.encode()
            self._client.put_object(**self._at(key), Body=body, ContentMD5=_md5(body), ContentType="text/plain")

    def text(self, key: str) -> str | None:
        try:
            with self._telling(key):
                body: bytes = self._client.get_object(**self._at(key))["Body"].read()
        except MirrorFailed as error:
            if error.absent:
                return None
            raise
        return body.decode("utf-8", "replace")

    def pieces(self, key: str) -> Iterator[bytes]:
        with self._telling(key):
            yield from self._client.get_object(**self._at(key))["Body"].iter_chunks(PIECE)

    def keys(self) -> Iterator[str]:
        with self._telling(self.address):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
            for page in pages:
                for each in page.get("Contents", ()):
                    yield str(each["Key"]).removeprefix(self._prefix)

    def delete(self, key: str) -> None:
        with self._telling(key):  # of what is not there, too
            self._client.delete_object(**self._at(key))
            for upload in self._unfinished(key):
                self._client.abort_multipart_upload(**self._at(key), UploadId=upload)

    def _put_whole(self, key: str, path: Path, facts: Facts) -> None:
        body = path.read_bytes()
        _same(hashlib.sha256(body).hexdigest(), key, facts)
        self._client.put_object(**self._at(key), Body=body, ContentMD5=_md5(body), Metadata=_metadata(facts))

    def _put_parts(self, key: str, path: Path, facts: Facts, meter: Meter) -> None:
        """Parts that a killed run has sent are known by their MD5, and not sent again."""
        size = path.stat().st_size
        length = max(PART, -(-size // _PARTS))
        upload, sent = self._begun(key, path, length) or (self._begin(key, facts), {})
        parts: list[dict[str, Any]] = []
        running, done = hashlib.sha256(), 0
        with path.open("rb") as file:
            while piece := file.read(length):
                number, own = len(parts) + 1, hashlib.md5(piece, usedforsecurity=False)
                running.update(piece)
                tag = sent.get(number)
                if tag is None or tag.strip('"') != own.hexdigest():
                    more = {"UploadId": upload, "PartNumber": number, "Body": piece, "ContentMD5": _md5(piece)}
                    tag = self._client.upload_part(**self._at(key), **more)["ETag"]
                parts.append({"PartNumber": number, "ETag": tag})
                done += len(piece)
                meter(done, size)
        try:
            _same(running.hexdigest(), key, facts)
        except MirrorFailed:
            self._client.abort_multipart_upload(**self._at(key), UploadId=upload)
            raise
        self._client.complete_multipart_upload(**self._at(key), UploadId=upload, MultipartUpload={"Parts": parts})

    def _begin(self, key: str, facts: Facts) -> str:
        return str(self._client.create_multipart_upload(**self._at(key), Metadata=_metadata(facts))["UploadId"])

    def _begun(self, key: str, path: Path, length: int) -> tuple[str, dict[int, str]] | None:
        """An upload of this very file that a killed run has left, and the tags of its parts. Others are given up."""
        with path.open("rb") as file:
            first = hashlib.md5(file.read(length), usedforsecurity=False).hexdigest()
        found = None
        for upload in self._unfinished(key):
            pages = self._client.get_paginator("list_parts").paginate(**self._at(key), UploadId=upload)
            sent = {each["PartNumber"]: str(each["ETag"]) for page in pages for each in page.get("Parts", ())}
            if found is None and sent.get(1, "").strip('"') == first:
                found = upload, sent
            else:
                self._client.abort_multipart_upload(**self._at(key), UploadId=upload)
        return found

    def _unfinished(self, key: str) -> list[str]:
        full = self._prefix + key
        pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket, Prefix=full)
        return [each["UploadId"] for page in pages for each in page.get("Uploads", ()) if each["Key"] == full]

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + key}

    @contextlib.contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        """Errors of the library as ours."""
        problems = importlib.import_module("botocore.exceptions")
        try:
            yield
        except problems.ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            said = error.response.get("Error", {}).get("Message") or "no reason is given"
            raise MirrorFailed(f"{what}: the server answers {code}: {said}", absent=code in _ABSENT) from None
        except problems.NoCredentialsError:
            raise MirrorInvalid(
                "There are no keys for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile."
            ) from None
        except (problems.BotoCoreError, problems.HTTPClientError) as error:
            raise MirrorFailed(f"{what}: {error}") from None


def _same(found: str, key: str, facts: Facts) -> None:
    if found != facts.sha256:
        raise MirrorFailed(f"{key}: the file changed while it was sent")


def _md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def _metadata(facts: Facts) -> dict[str, str]:
    """Metadata are ASCII: names of definitions need not be."""
    return {
        f"{_MARK}sha256": facts.sha256,
        f"{_MARK}published": facts.published,
        f"{_MARK}verified": "yes" if facts.verified else "no",
        f"{_MARK}definition": quote(facts.definition),
        f"{_MARK}version": quote(facts.version),
    }


def _facts(found: Mapping[str, str]) -> Facts | None:
    said = {name.lower().removeprefix(_MARK): value for name, value in found.items() if name.lower().startswith(_MARK)}
    if "sha256" not in said or "published" not in said:
        return None
    return Facts(
        sha256=said["sha256"],
        published=said["published"],
        verified=said.get("verified") == "yes",
        definition=unquote(said.get("definition", "")),
        version=unquote(said.get("version", "")),
    )
