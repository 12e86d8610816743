"""Uploads of signed images in the compatible mode: every hash, every kind of key, and what is refused before a byte."""

import gzip
from collections.abc import Iterator

import pytest

from tests.api.test_import import ask, imported, stage
from tests.api.wire import FORMATS, OCTETS, Caller, raw_request, refused
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


@pytest.mark.parametrize("salt", [0, 20, 32, None], ids=["none", "20", "as the digest", "the longest"])
def test_any_salt(compatible: Signing, mia: Caller, salt: int | None) -> None:
    signature = {"img_signature": compatible.ann.sign(DATA, salt=salt)}
    image = mia.create(**FORMATS, **compatible.ann.properties(DATA) | signature)
    assert mia.upload(image["id"], DATA).status_code == 204


def test_line_breaks_in_base64(compatible: Signing, mia: Caller) -> None:
    named = compatible.ann.properties(DATA)
    text = named["img_signature"]
    image = mia.create(**FORMATS, **named | {"img_signature": f"{text[:76]}\n{text[76:]}\n"})
    assert mia.upload(image["id"], DATA).status_code == 204


def test_no_data_at_all(compatible: Signing, mia: Caller) -> None:
    assert mia.upload(mia.create(**FORMATS, **compatible.ann.properties(b""))["id"], b"").status_code == 204


UNREADABLE: dict[str, dict[str, str]] = {
    "empty signature": {"img_signature": ""},
    "no base64": {"img_signature": "%%%"},
    "half base64": {"img_signature": "abcde"},
    "lower case hash": {"img_signature_hash_method": "sha-256"},
    "unknown hash": {"img_signature_hash_method": "MD5"},
    "unknown key": {"img_signature_key_type": "RSA"},
    "key without a curve any more": {"img_signature_key_type": "ECC_SECT571K1"},
    "key of another kind": {"img_signature_key_type": "DSA"},
    "unknown certificate": {"img_signature_certificate_uuid": "00000000-0000-4000-8000-000000000000"},
    "no id": {"img_signature_certificate_uuid": "../../users"},
    "empty id": {"img_signature_certificate_uuid": ""},
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_refused_before_a_byte(compatible: Signing, mia: Caller, case: str) -> None:
    """The head of a request is enough for the answer; what it announces never comes."""
    image = mia.create(**FORMATS, **compatible.ann.properties(DATA) | UNREADABLE[case])
    path = f"/v2/images/{image['id']}/file"
    status, _, text = raw_request(mia, "PUT", path, headers=OCTETS | {"Content-Length": "1000000"})
    assert status == 400, text
    assert mia.image(image["id"])["status"] == "queued"


@pytest.mark.parametrize(
    ("kind", "key_type", "words"),
    [
        ("RSA:1024", "RSA-PSS", "1024 bits"),
        ("ECC_SECP384R1", "ECC_SECP521R1", "the curve secp384r1"),
        ("P-256", "ECC_SECP384R1", "the curve secp256r1"),
        ("ECC_SECP521R1", "RSA-PSS", "and the image says RSA-PSS"),
    ],
)
def test_keys_that_do_not_count(compatible: Signing, mia: Caller, kind: str, key_type: str, words: str) -> None:
    who = signers.signer("Kim", kind=kind)
    signers.keep(compatible.data / "certificates", who)
    answer = mia.upload(mia.create(**FORMATS, **who.properties(DATA, key_type=key_type))["id"], DATA)
    refused(answer, 400)
    assert words in answer.text


def test_a_certificate_of_nobody_known(compatible: Signing, mia: Caller) -> None:
    """In this mode whoever has a certificate where certificates are is believed, as by Glance; not when it expired."""
    assert mia.active(DATA, **compatible.eve.properties(DATA))["status"] == "active"
    answer = mia.upload(mia.create(**FORMATS, **compatible.old.properties(DATA))["id"], DATA)
    refused(answer, 400)
    assert answer.headers["x-intaglio-error"] == "certificate-expired"


def test_a_file_that_is_no_certificate(compatible: Signing, mia: Caller) -> None:
    who = signers.signer("Kim", kind="P-256")
    place = compatible.data / "certificates" / f"{who.id}.pem"
    for text in ("", "none", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "ä"):
        place.write_text(text)
        answer = mia.upload(
            mia.create(**FORMATS, **compatible.ann.properties(DATA) | {"img_signature_certificate_uuid": who.id})["id"],
            DATA,
        )
        refused(answer, 400)


def test_unpacked_data_are_what_was_signed(tmp_path_factory: pytest.TempPathFactory) -> None:
    plugin = "[image_import_opts]\nimage_import_plugins = [image_decompression]\n"
    home = tmp_path_factory.mktemp("packed")
    with signing_service(home, plugin, anchored=False) as service, service.caller("mia") as mia:
        packed = gzip.compress(DATA)
        for signed, status in ((DATA, "active"), (packed, "queued")):
            image = mia.create(**FORMATS, **service.ann.properties(signed))["id"]
            assert stage(mia, image, packed).status_code == 204
            assert ask(mia, image, {"method": {"name": "glance-direct"}}).status_code == 202
            assert imported(mia, image)["status"] == status
