"""Receipts over HTTP: of every door, for who sees the image, and verified by another implementation of DSSE."""

import base64
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer._key import SSlibKey

from tests.api.test_import import ask, imported, stage
from tests.api.wire import FORMATS, Caller, Json, json_of, op, refused
from tests.signatures.conftest import Signing, signing_service
from tests.starters.base import ROOT, wait_until

GUIDE = ROOT / "docs" / "howto" / "verify-images.md"
DATA = b"\0 not a disk format " * 500


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signing]:
    with signing_service(tmp_path_factory.mktemp("receipts")) as found:
        yield found


@pytest.fixture(scope="module")
def mia(signing: Signing) -> Iterator[Caller]:
    with signing.caller("mia") as caller:
        yield caller


def receipt(caller: Caller, image_id: str, wanted: Any = lambda _: True) -> tuple[str, Json]:
    """The image's envelope, and the statement in it, once it says what is wanted."""
    found: list[tuple[str, Json]] = []

    def there() -> bool:
        answer = caller.get(f"/v2/images/{image_id}/receipt")
        if answer.status_code == 404:
            return False
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/vnd.dsse.envelope.v1+json"
        statement = json.loads(base64.b64decode(answer.json()["payload"]))
        found.append((answer.text, statement))
        return bool(wanted(statement["predicate"]))

    wait_until(there, f"the receipt of image {image_id}")
    return found[-1]


def verified_elsewhere(envelope: str, certificate: str) -> Json:
    """What securesystemslib takes out of an envelope."""
    public = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    read = Envelope.from_dict(json.loads(envelope))
    keyid = next(iter(read.signatures))
    key = SSlibKey(keyid, "ecdsa", "ecdsa-sha2-nistp384", {"public": pem})
    assert set(read.verify([key], 1)) == {keyid}
    statement = json.loads(read.payload)
    assert isinstance(statement, dict)
    return statement


def test_an_upload(signing: Signing, mia: Caller) -> None:
    image = mia.active(DATA, name="plain")
    assert image["os_glance_receipt"] == f"/v2/images/{image['id']}/receipt"
    envelope, statement = receipt(mia, image["id"])
    certificate = json_of(mia.get("/v2/info/certificates"))["certificates"][0]
    assert certificate["certificate"] == signing.service.run("cert", "service", "export", "--data-dir", signing.data)
    assert verified_elsewhere(envelope, certificate["certificate"]) == statement
    changed = json.loads(envelope)
    changed["payload"] = base64.b64encode(json.dumps(statement).replace("plain", "other").encode() + b" ").decode()
    with pytest.raises(VerificationError):
        verified_elsewhere(json.dumps(changed), certificate["certificate"])
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["subject"] == [
        {
            "name": image["id"],
            "digest": {"md5": image["checksum"], "sha512": hashlib.sha512(DATA).hexdigest()},
        }
    ]
    said = statement["predicate"]
    assert (said["image"], said["size"], said["digests"]) == (image["id"], len(DATA), "computed")
    assert said["issuer"] == {"certificate_sha256": certificate["certificate_sha256"]}
    assert (said["disk_format"], said["container_format"]) == ("raw", "bare")
    assert (said["inspection"]["accepted"], said["inspection"]["detected_format"]) == (True, "raw")
    assert said["signature"] == {"state": "unsigned"}
    url = f"file://{signing.target.stores}/fast/{image['id']}"
    assert said["copies"] == [
        {
            "store": "fast",
            "type": "file",
            "location": url,  # the service shows locations
            "location_sha256": hashlib.sha256(url.encode()).hexdigest(),
        }
    ]


def test_the_guide(signing: Signing, mia: Caller, tmp_path: Path) -> None:
    """Its few lines of Python read a receipt, and refuse a changed one."""
    image = mia.active(DATA)["id"]
    envelope, _ = receipt(mia, image)
    exported = signing.service.run("cert", "service", "export", "--data-dir", signing.data)
    (tmp_path / "image-service.pem").write_text(exported)
    [program] = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    for text, code in ((envelope, 0), (envelope.replace('"sig":"M', '"sig":"N'), 1)):
        (tmp_path / "disk.receipt.json").write_text(text)
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (done.returncode, image in done.stdout) == (code, code == 0), done.stderr


def test_a_signed_image(signing: Signing, mia: Caller) -> None:
    """Who signed, who vouches for the signer, and the digest that was signed."""
    image = mia.active(DATA, **signing.ann.properties(DATA))
    _, statement = receipt(mia, image["id"])
    assert statement["subject"][0]["digest"]["sha256"] == hashlib.sha256(DATA).hexdigest()
    signature = statement["predicate"]["signature"]
    assert (signature["state"], signature["signer"], signature["trusted_by"]) == ("verified", "CN=Ann", "CN=Root")
    assert signature["certificate_sha256"] == hashlib.sha256(signing.ann.der).hexdigest()
    chain = [x509.load_pem_x509_certificate(each["pem"].encode()) for each in signature["chain"]]
    assert [each.subject.rfc4514_string() for each in chain] == ["CN=Ann", "CN=Middle", "CN=Root"]
    assert [hashlib.sha256(each.public_bytes(serialization.Encoding.DER)).hexdigest() for each in chain] == [
        each["sha256"] for each in signature["chain"]
    ]


def test_copies_come_and_go(mia: Caller, signing: Signing) -> None:
    """Each change of where the bytes are, and of who signed them, brings a new receipt that names the one before."""
    image = mia.active(DATA)
    first, _ = receipt(mia, image["id"])
    with signing.caller("adm-mia") as root:
        assert ask(root, image["id"], {"method": {"name": "copy-image"}, "stores": ["slow"]}).status_code == 202
        two = receipt(mia, image["id"], lambda said: len(said["copies"]) == 2)[1]["predicate"]
        assert two["replaces"]["sha256"] == hashlib.sha256(base64.b64decode(json.loads(first)["payload"])).hexdigest()
        assert {each["store"] for each in two["copies"]} == {"fast", "slow"}
        assert two["digests"] == "computed"
        assert root.delete(f"/v2/stores/slow/{image['id']}").status_code == 204
    receipt(mia, image["id"], lambda said: len(said["copies"]) == 1)
    named = signing.ann.properties(DATA)
    assert mia.change(image["id"], *(op("add", f"/{name}", value) for name, value in named.items())).status_code == 200
    signed = receipt(mia, image["id"], lambda said: said["signature"]["state"] == "verified")[1]["predicate"]
    assert signed["signature"]["signer"] == "CN=Ann"
    assert mia.change(image["id"], op("add", "/colour", "red")).status_code == 200
    assert receipt(mia, image["id"])[1]["predicate"] == signed


def test_an_import(mia: Caller) -> None:
    image = mia.create(**FORMATS)["id"]
    assert mia.get(f"/v2/images/{image}").json().get("os_glance_receipt") is None
    waiting = mia.get(f"/v2/images/{image}/receipt")
    refused(waiting, 404)
    assert "is queued" in waiting.text
    stage(mia, image, DATA)
    assert ask(mia, image, {"method": {"name": "glance-direct"}, "stores": ["fast", "slow"]}).status_code == 202
    imported(mia, image)
    said = receipt(mia, image)[1]["predicate"]
    assert {each["store"] for each in said["copies"]} == {"fast", "slow"}
    assert said["digests"] == "computed"


def test_who_may_read_it(mia: Caller, signing: Signing) -> None:
    """Whoever sees the image; of a deactivated one it would show what the image itself does not show any more."""
    image = mia.active(DATA)["id"]
    receipt(mia, image)
    with signing.caller("adm-req") as root, signing.caller("adm-off") as other:
        assert root.post(f"/v2/images/{image}/actions/deactivate").status_code == 204
        refused(mia.get(f"/v2/images/{image}/receipt"), 403)
        assert other.get(f"/v2/images/{image}/receipt").status_code == 200
    with Caller(signing.target, None) as anonymous:
        assert anonymous.get(f"/v2/images/{image}/receipt").status_code == 401
    assert mia.delete(f"/v2/images/{image}").status_code == 204
    refused(mia.get(f"/v2/images/{image}/receipt"), 404)


def test_nobody_can_forge_where_it_is(mia: Caller) -> None:
    image = mia.active(DATA)["id"]
    for change in (op("replace", "/os_glance_receipt", "https://example.com"), op("remove", "/os_glance_receipt")):
        refused(mia.change(image, change), 403)
    refused(mia.post("/v2/images", json={**FORMATS, "os_glance_receipt": "https://example.com"}), 403)


def test_a_new_key(mia: Caller, signing: Signing) -> None:
    """New receipts are signed with it; the old certificate is kept for the old ones."""
    old = mia.active(DATA)["id"]
    before, _ = receipt(mia, old)
    signing.service.run("cert", "service", "renew", "--yes", "--data-dir", signing.data)
    new, _ = receipt(mia, mia.active(DATA)["id"])
    known = {each["keyid"]: each for each in json_of(mia.get("/v2/info/certificates"))["certificates"]}
    keyids = [json.loads(each)["signatures"][0]["keyid"] for each in (before, new)]
    assert len(set(keyids)) == 2
    for envelope, keyid in zip((before, new), keyids, strict=True):
        verified_elsewhere(envelope, known[keyid]["certificate"])
    assert json_of(mia.get("/v2/info/certificates"))["certificates"][0]["keyid"] == keyids[1]


def test_killed_before_the_receipt(signing: Signing) -> None:
    """An image that is active stays so, and its receipt comes when a worker is there again."""
    with signing.caller("mia") as mia:
        key = signing.data / "service-key.pem"
        kept = key.read_bytes()
        key.write_bytes(b"a broken key")  # so that there is none when the processes die
        image = mia.active(DATA)["id"]
        pending = mia.get(f"/v2/images/{image}/receipt")
        refused(pending, 404)
        assert "ask again" in pending.text
        signing.service.kill()
        key.write_bytes(kept)
        signing.service.start()
        assert mia.image(image)["status"] == "active"
        assert receipt(mia, image)[1]["predicate"]["digests"] == "computed"
