"""Digests out of lists that somebody whose key is pinned has signed: clear-signed, or with a signature beside the list.

Only what the signature covers is read, and nothing of a list counts before its signature is verified.
"""

from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import urljoin

import msgspec

from intaglio.base.errors import IntaglioError, Invalid
from intaglio.domain import sums
from intaglio.domain.digests import Digest
from intaglio.manager.actions import Action, Import
from intaglio.manager.definitions import Definition, Signature, Version
from intaglio.manager.naming import shown
from intaglio.manager.upstream.web import FetchFailed, Web
from intaglio.signatures.openpgp import Keyring

_BESIDE = (".gpg", ".asc", ".sig", ".sign")
_CLEAR = b"-----BEGIN PGP SIGNED MESSAGE-----"


class SumsUnsigned(FetchFailed):
    """A signature of the list of digests is required, and there is none."""

    code = "sums-unsigned"


class SumsSignatureWrong(FetchFailed):
    """The list of digests is not what one of the pinned keys has signed."""

    code = "sums-signature-wrong"


class KeysUnusable(Invalid):
    """The files of certificates that a definition names hold none that can be used."""

    code = "keys-unusable"


def keyring(demand: Signature) -> Keyring:
    """The certificates whose signatures count. Raises `KeysUnusable`."""
    raise NotImplementedError


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
        if content is None:
            missing.append(shown(address))
            continue
        text, signer = _signed(content, address, demand, keys, web)
        digest = sums.bare(text, name)
        return msgspec.structs.replace(version, checksum=_agreed(version, digest, address), signer=signer)
    raise SumsUnsigned(f"a signed list of digests is required, and there is none at {', '.join(missing)}")


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


def _signed(content: bytes, address: str, demand: Signature, keys: Keyring, web: Web) -> tuple[str, str]:
    """What of a list is signed, as text, and the fingerprint of who signed it."""
    raise NotImplementedError


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
