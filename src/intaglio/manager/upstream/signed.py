"""Digests out of lists that somebody whose key is pinned has signed: clear-signed, or with a signature beside the list.

Only what the signature covers is read, and nothing of a list counts before its signature is verified.
"""

import importlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import msgspec

from intaglio.base.errors import IntaglioError, Invalid
from intaglio.domain import sums
from intaglio.domain.digests import Digest
from intaglio.manager.actions import Action, Import
from intaglio.manager.definitions import Definition, Signature, Version
from intaglio.manager.naming import shown
from intaglio.manager.upstream.web import FetchFailed, ManagerMissing, Web

_BESIDE = (".gpg", ".asc", ".sig", ".sign")


class SumsUnsigned(FetchFailed):
    """A signature of the list of digests is required, and there is none."""

    code = "sums-unsigned"


class SumsSignatureWrong(FetchFailed):
    """The list of digests is not what one of the pinned keys has signed."""

    code = "sums-signature-wrong"


class KeysUnusable(Invalid):
    """The files of certificates that a definition names hold none that can be used."""

    code = "keys-unusable"


class Keyring(msgspec.Struct, frozen=True):
    """The certificates whose signatures count, as they are in their files, and their fingerprints in lower case."""

    certificates: tuple[bytes, ...]
    fingerprints: frozenset[str]


def keyring(demand: Signature) -> Keyring:
    """The certificates whose signatures count. Raises `KeysUnusable`, `ManagerMissing`."""
    found: dict[str, bytes] = {}
    for file in demand.keys:
        try:
            certificates = _library().certificates([Path(file).read_bytes()])
        except OSError as error:
            raise KeysUnusable(f"{file} cannot be read: {error.strerror}.") from None
        except IntaglioError as error:
            raise KeysUnusable(f"{file}: {error}") from None
        found |= {each.fingerprint.lower(): bytes(each) for each in certificates}
    missing = [each for each in demand.fingerprints if each not in found]
    if missing or not found:
        said = f"no certificate with the fingerprint {missing[0]}" if missing else "no certificate"
        raise KeysUnusable(f"There is {said} in {', '.join(demand.keys)}.")
    kept = {name: data for name, data in found.items() if not demand.fingerprints or name in demand.fingerprints}
    return Keyring(tuple(kept.values()), frozenset(kept))


def _library() -> Any:
    """What verifies; it is loaded where a signature is required, and for nobody else."""
    try:
        return importlib.import_module("intaglio.signatures.openpgp")
    except ImportError as error:
        raise ManagerMissing(f"Signatures need {error.name}: pip install 'intaglio[manager]'.") from None


def verified(version: Version, demand: Signature, web: Web) -> Version:
    """The version with its digest as it was signed, and by whom.

    A checksum in the definition has to be the same. Raises `FetchFailed`, among it `SumsUnsigned` and
    `SumsSignatureWrong`, and `KeysUnusable`, `SumsUnusable`.
    """
    if version.url.startswith("file:"):
        raise SumsUnsigned(f"{version.url}: a signature is required, and files of this machine have no signed list")
    keys = keyring(demand)
    name = sums.name_in(version.url)
    missing = []
    for address in _lists(version, demand):
        content = web.small(address)
        found = None if content is None else _signed(content, address, demand, keys, web)
        if found is None:
            missing.append(shown(address))
            continue
        text, signer = found
        digest = sums.bare(text, name)
        return msgspec.structs.replace(version, checksum=_agreed(version, digest, address), signer=signer)
    more = f" or {len(missing) - 1} other places" if len(missing) > 1 else ""
    raise SumsUnsigned(f"a signed list of digests is required, and there is none at {missing[0]}{more}")


def imports(
    definitions: Iterable[Definition], actions: Sequence[Action], web: Web
) -> tuple[list[Definition], dict[str, str]]:
    """Of what a plan imports, the definitions that require signatures: verified, or by name why they are not."""
    wanted = {(each.definition, each.version) for each in actions if isinstance(each, Import)}
    found: list[Definition] = []
    failed: dict[str, str] = {}
    for definition in definitions:
        demand = definition.signature
        if demand is None or not any((definition.name, each.version) in wanted for each in definition.versions):
            continue
        try:
            versions = tuple(
                verified(each, demand, web) if (definition.name, each.version) in wanted and not each.signer else each
                for each in definition.versions
            )
        except IntaglioError as error:
            failed[definition.name] = str(error)
        else:
            found.append(msgspec.structs.replace(definition, versions=versions))
    return found, failed


def _lists(version: Version, demand: Signature) -> Iterator[str]:
    """Where the list may be; a definition that says it leaves no choice."""
    if demand.sums:
        yield urljoin(version.url, demand.sums.replace("{version}", version.version))
    elif said := version.checksums_url or version.checksum_url:
        yield said
    else:
        yield from sums.candidates(version.url)


def _signed(content: bytes, address: str, demand: Signature, keys: Keyring, web: Web) -> tuple[str, str] | None:
    """What of a list is signed, as text, and the certificate of who signed it; None for a list without a signature."""
    library = _library()
    try:
        if library.is_clear(content) and not demand.detached:
            made = library.verify_clear(content, keys.certificates)
            return made.text.decode("utf-8", "replace"), made.certificate
        signature = _detached(address, demand, web)
        if signature is None:
            return None
        made = library.verify_detached(content, signature, keys.certificates)
    except FetchFailed:
        raise
    except IntaglioError as error:
        raise SumsSignatureWrong(f"{shown(address)}: {error}") from None
    return content.decode("utf-8", "replace"), made.certificate


def _detached(address: str, demand: Signature, web: Web) -> bytes | None:
    if demand.detached:
        return web.small(urljoin(address, demand.detached))
    found = (web.small(address + ending) for ending in _BESIDE)
    return next((each for each in found if each is not None), None)


def _agreed(version: Version, digest: Digest, address: str) -> Digest:
    own = version.checksum
    if own is None or own == digest:
        return digest
    if own.algorithm != digest.algorithm:
        raise SumsSignatureWrong(
            f"{shown(address)} has a {digest.algorithm}, and 'checksum' is a {own.algorithm}: they cannot be compared. "
            f"Write {digest}, or leave 'checksum' out."
        )
    raise SumsSignatureWrong(f"{shown(address)} has {digest}, and 'checksum' is {own}")
