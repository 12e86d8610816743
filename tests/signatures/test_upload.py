"""Uploads of signed images in the compatible mode: every hash, every kind of key, and what is refused before a byte."""

from collections.abc import Iterator

import pytest

from tests.api.wire import FORMATS, Caller, refused
from tests.signatures.conftest import Signing, signing_service
from tests.starters import signers

DATA = b"\0 not a disk format " * 5000


@pytest.fixture(scope="module")
def compatible(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signing]:
    with signing_service(tmp_path_factory.mktemp("compatible"), anchored=False) as found:
        yield found


@pytest.fixture(scope="module")
def mia(compatible: Signing) -> Iterator[Caller]:
    with compatible.caller("mia") as caller:
        yield caller


@pytest.mark.parametrize("hash_method", ["SHA-224", "SHA-256", "SHA-384", "SHA-512"])
@pytest.mark.parametrize("kind", ["RSA-PSS", "DSA", "ECC_SECP384R1", "ECC_SECP521R1"])
def test_every_kind(compatible: Signing, mia: Caller, kind: str, hash_method: str) -> None:
    ann = compatible.ann if kind == "RSA-PSS" else signers.signer("Ann", kind=kind)
    signers.keep(compatible.data / "certificates", ann)
    image = mia.create(**FORMATS, **ann.properties(DATA, hash_method, kind))
    bad = mia.upload(image["id"], DATA[:-1] + b"!")
    refused(bad, 400)
    assert "not what was signed" in bad.text
    assert mia.image(image["id"])["status"] == "queued"
    assert mia.image(image["id"])["size"] is None
    assert not [name for name in compatible.target.files() if image["id"] in name]
    assert mia.upload(image["id"], DATA).status_code == 204
    assert mia.image(image["id"])["status"] == "active"
