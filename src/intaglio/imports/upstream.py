"""Upstream's signature of what is fetched: of the file, or of the list of digests that has the file's.

It is verified before anything of the file counts as there, and what was verified is kept with the image.
"""

import asyncio
import base64
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import msgspec

from intaglio.base.clock import utcnow
from intaglio.db.base import Connection
from intaglio.db.repos import evidence
from intaglio.domain import sums
from intaglio.domain.digests import Digest, parse
from intaglio.imports.base import Bench, Job, require_wanted
from intaglio.ingest.base import Consumer, DigestMismatch
from intaglio.outbound.base import Wanted
from intaglio.outbound.continuing import download
from intaglio.outbound.urls import masked
from intaglio.signatures import upstream
from intaglio.signatures.upstream import Ready, Running, Witness

LONGEST_LIST = 4 << 20
"""Bytes of a list of digests."""
_LONGEST_KEPT = 256 << 10  # bytes of one that are kept as evidence
_URLS = ("http://", "https://")


def is_url(text: str) -> bool:
    """Whether this is where a signature is, and not the signature."""
    return text.lower().startswith(_URLS)


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What the file has to be: of this digest, and what was signed. `known` is evidence that there is already."""

    digest: Digest | None = None
    ready: Ready | None = None
    known: Mapping[str, Any] | None = None


async def expected(bench: Bench, method: Mapping[str, str]) -> Expected:
    """What the request for an import says of the file.

    Raises `FetchFailed`, `SumsUnusable`, and what `upstream.prepare` and `Keyring.keys` raise.
    """
    listed = b""
    if "checksum_url" in method:
        listed = await _fetched(bench, method["checksum_url"], LONGEST_LIST)
    if not {"signature", "signature_key", "signature_by"} & method.keys():
        return Expected(digest=_digest(method, listed))
    if method.get("signature_of", "checksums" if "checksum_url" in method else "data") == "checksums":
        witness, text = await _signed_list(bench, method, listed)
        known = {**_shown(method, witness, "checksums"), "list": base64.b64encode(listed[: _LONGEST_KEPT + 1]).decode()}
        if len(listed) > _LONGEST_KEPT:
            del known["list"]
        return Expected(digest=_digest(method, text), known=known)
    signature = await _signature(bench, method["signature"])
    keys = await asyncio.to_thread(bench.keyring.keys, method.get("signature_key"))
    by, hash_name = method.get("signature_by"), method.get("signature_hash", upstream.HASHES[0])
    ready = await asyncio.to_thread(upstream.prepare, signature, keys, by, hash_name)
    return Expected(digest=_digest(method, listed), ready=ready)


async def _signed_list(bench: Bench, method: Mapping[str, str], listed: bytes) -> tuple[Witness, bytes]:
    """Who signed the list of digests, and what of it was signed."""
    keys = await asyncio.to_thread(bench.keyring.keys, method.get("signature_key"))
    by, hash_name = method.get("signature_by"), method.get("signature_hash", upstream.HASHES[0])
    if "signature" not in method:
        return await asyncio.to_thread(upstream.prepare_clear, listed, keys, by)
    signature = await _signature(bench, method["signature"])

    def verified() -> Witness:
        return upstream.verify(upstream.prepare(signature, keys, by, hash_name), listed)

    return await asyncio.to_thread(verified), listed


async def _signature(bench: Bench, given: str) -> bytes:
    return await _fetched(bench, given, upstream.LONGEST_SIGNATURE) if is_url(given) else given.encode()


async def _fetched(bench: Bench, url: str, most: int) -> bytes:
    async with download(bench.fetcher, Wanted(url=url, size_cap=most), bench.patience) as source:
        return b"".join([piece async for piece in source.pieces()])


def _digest(method: Mapping[str, str], listed: bytes) -> Digest | None:
    if "checksum" in method:
        return parse(method["checksum"])
    if "checksum_url" not in method:
        return None
    name = method.get("checksum_name") or sums.name_in(method["uri"])
    return sums.bare(listed.decode("utf-8", "replace"), name)


def _shown(method: Mapping[str, str], witness: Witness, of: str) -> dict[str, Any]:
    given = method.get("signature", "")
    document = {"of": of, "source": masked(method["uri"]), "verified_at": utcnow().isoformat() + "Z"}
    if is_url(given):
        document["signature_source"] = masked(given)
    if of == "checksums":
        document["list_source"] = masked(method["checksum_url"])
    return {**document, **upstream.shown(witness)}


class Proof:
    """Sees the bytes of one attempt to fetch the file, and says in the end whether they are those that should be."""

    def __init__(self, method: Mapping[str, str], wanted: Expected, running: Running | None) -> None:
        self._method = method
        self._wanted = wanted
        self._running = running
        self._digest: Any = None if wanted.digest is None else wanted.digest.start()
        signed = running is not None or wanted.known is not None
        self._sha256: Any = Digest("sha256", "").start() if signed else None

    @classmethod
    async def begin(cls, method: Mapping[str, str], wanted: Expected) -> "Proof":
        """Begin with nothing seen."""
        running = None if wanted.ready is None else await asyncio.to_thread(wanted.ready.start)
        return cls(method, wanted, running)

    @property
    def consumers(self) -> Sequence[Consumer]:
        """What is to be shown all bytes."""
        return [each for each in (self._digest, self._sha256, self._running) if each is not None]

    async def see(self, pieces: AsyncGenerator[bytes, None]) -> None:
        """Show them bytes that there are already."""
        async with aclosing(pieces):
            if not self.consumers:
                return
            async for piece in pieces:
                for each in self.consumers:
                    await asyncio.to_thread(each.update, piece)

    async def settle(self, bench: Bench, job: Job) -> None:
        """Refuse what is not as it should be, and keep what was verified.

        Raises `DigestMismatch`, `SignatureMismatch`, `OpenPGPMismatch`, and what `require_wanted` raises.
        """
        wanted = self._wanted.digest
        if wanted is not None and self._digest.hexdigest() != wanted.hex:
            raise DigestMismatch(
                f"The {wanted.algorithm} of what came is {self._digest.hexdigest()}, and should be {wanted.hex}."
            )
        document = self._wanted.known
        if self._running is not None:
            document = _shown(self._method, await asyncio.to_thread(self._running.settle), "data")
        if document is None:
            return
        found = {**document, "file": {"sha256": self._sha256.hexdigest()}}

        async def work(conn: Connection) -> None:
            await require_wanted(conn, job)
            await evidence.record(conn, job.image_id, evidence.UPSTREAM, job.task_id, found)

        await bench.write(work)

    async def close(self) -> None:
        """Leave nothing of it."""
        if self._running is not None:
            await asyncio.to_thread(self._running.close)
