"""Signatures of images that are active already: set later, changed, taken away; and who sees the image then."""

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.api.test_import import ask, imported
from tests.api.wire import FORMATS, Caller, Json, op, refused
from tests.signatures.conftest import Signing, signing_service
from tests.starters import signers
from tests.starters.signers import DAY, NOW

DATA = b"\0 bytes of a disk " * 4000
SIGNATURE = "img_signature"


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signing]:
    with signing_service(tmp_path_factory.mktemp("resigning")) as found:
        ceo = signers.signer("Ceo", kind="P-256", number=7, authority=True)
        signers.trust(found.data / "trust" / "visibilities" / "public", ceo)
        vip = signers.signer("Vip", number=3, issuer=ceo)
        signers.keep(found.data / "certificates", vip)
        found.service.__dict__["vip"] = vip
        yield found


@pytest.fixture(scope="module")
def vip(signing: Signing) -> signers.Signer:
    """Who alone may sign public images."""
    found = signing.service.__dict__["vip"]
    assert isinstance(found, signers.Signer)
    return found


@pytest.fixture(scope="module")
def mia(signing: Signing) -> Iterator[Caller]:
    with signing.caller("adm-mia") as caller:
        yield caller


@pytest.fixture(scope="module")
def req(signing: Signing) -> Iterator[Caller]:
    with signing.caller("adm-req") as caller:
        yield caller


def add(properties: dict[str, str]) -> list[Json]:
    return [op("add", f"/{name}", value) for name, value in properties.items()]


def evidence(image: Json) -> Json:
    found = json.loads(image["os_glance_signature_evidence"])
    assert isinstance(found, dict)
    return found


def tasks_of(caller: Caller, image_id: str) -> list[Json]:
    found = caller.get(f"/v2/images/{image_id}/tasks").json()["tasks"]
    assert isinstance(found, list)
    return found


def test_what_is_noted_of_an_upload(signing: Signing, mia: Caller) -> None:
    image = mia.active(DATA, **signing.ann.properties(DATA, "SHA-256"))
    noted = evidence(image)
    assert noted["data"] == image["os_hash_value"]
    assert noted["digests"] == {"sha256": hashlib.sha256(DATA).hexdigest()}
    assert noted["verified"]["subject"] == "CN=Ann"
    assert noted["verified"]["trusted_by"] == "CN=Root"
    assert noted["verified"]["certificate"] == hashlib.sha256(signing.ann.der).hexdigest()
    refused(mia.change(image["id"], op("replace", "/os_glance_signature_evidence", "{}")), 403)
    refused(mia.post("/v2/images", json={"os_glance_signature_evidence": "{}"}), 403)


def test_a_digest_that_is_not_on_record_is_computed_once(signing: Signing, mia: Caller) -> None:
    image = mia.active(DATA)
    answer = mia.change(image["id"], *add(signing.ann.properties(DATA, "SHA-384")))
    assert answer.status_code == 200, answer.text
    (task,) = tasks_of(mia, image["id"])
    assert (task["status"], task["input"]["import_req"]["method"]["name"]) == ("success", "compute-digest")
    after = mia.image(image["id"])
    assert evidence(after)["digests"] == {"sha384": hashlib.sha384(DATA).hexdigest()}
    assert evidence(after)["verified"]["subject"] == "CN=Ann"
    assert "os_glance_import_task" not in after
    again = signing.ann.properties(DATA, "SHA-384")  # PSS signs with a new salt each time
    assert again[SIGNATURE] != after[SIGNATURE]
    assert mia.change(image["id"], *add(again)).status_code == 200
    assert len(tasks_of(mia, image["id"])) == 1


def test_several_at_once_read_the_data_once(signing: Signing, mia: Caller) -> None:
    image = mia.active(DATA)
    change = add(signing.ann.properties(DATA, "SHA-224"))
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: mia.change(image["id"], *change).status_code, range(3)))
    assert set(answers) == {200}
    assert len(tasks_of(mia, image["id"])) == 1


def test_stored_bytes_that_changed(signing: Signing, mia: Caller) -> None:
    """What is read is compared with the digest on record first: the store is not believed."""
    image = mia.active(DATA)
    (place,) = [path for path in signing.target.files() if image["id"] in path]
    with open(place, "r+b") as file:  # noqa: PTH123 - in place
        file.write(b"\1")
    answer = mia.change(image["id"], *add(signing.ann.properties(b"\1" + DATA[1:], "SHA-256")))
    refused(answer, 409)
    assert "not what was stored" in answer.text
    after = mia.image(image["id"])
    assert SIGNATURE not in after
    assert after["status"] == "active"
    assert "os_glance_import_task" not in after


def test_another_property_asks_nobody(signing: Signing, mia: Caller) -> None:
    """Renaming a signed image does not need its certificate."""
    gone = signers.signer("Gone", issuer=None)
    signers.trust(signing.data / "trust" / "roots", gone)
    signers.keep(signing.data / "certificates", gone)
    image = mia.active(DATA, **gone.properties(DATA))
    signing.service.run("cert", "remove", gone.id, "--data-dir", signing.data)
    assert mia.change(image["id"], op("replace", "/name", "new"), op("add", "/a", "b")).status_code == 200
    refused(mia.change(image["id"], op("replace", "/img_signature_hash_method", "SHA-512")), 400)


def test_signatures_can_go_where_none_is_required(signing: Signing, mia: Caller) -> None:
    image = mia.active(DATA, **signing.ann.properties(DATA))
    names = [name for name in image if name.startswith("img_signature")]
    refused(mia.change(image["id"], op("remove", f"/{names[0]}")), 400)
    assert mia.change(image["id"], *(op("remove", f"/{name}") for name in names)).status_code == 200
    assert "verified" not in evidence(mia.image(image["id"]))


def test_another_projects_mode(signing: Signing, mia: Caller) -> None:
    """An unsigned image does not become one of a project that requires signatures."""
    unsigned, signed = mia.active(DATA), mia.active(DATA, **signing.ann.properties(DATA))
    refused(mia.change(unsigned["id"], op("replace", "/owner", "p-require")), 400)
    assert mia.change(signed["id"], op("replace", "/owner", "p-require")).status_code == 200
    assert mia.change(unsigned["id"], op("replace", "/owner", "p-off")).status_code == 200


def test_only_some_sign_public_images(signing: Signing, mia: Caller, vip: signers.Signer) -> None:
    public = op("replace", "/visibility", "public")
    image = mia.active(DATA, **signing.ann.properties(DATA))
    answer = mia.change(image["id"], public)
    refused(answer, 400)
    assert "Nobody who is trusted" in answer.text
    refused(mia.upload(mia.create(**FORMATS, **signing.ann.properties(DATA), visibility="public")["id"], DATA), 400)
    assert mia.change(image["id"], public, *add(vip.properties(DATA))).status_code == 200
    refused(mia.change(image["id"], *add(signing.ann.properties(DATA))), 400)
    # the other way round: whom private images do not know
    refused(mia.change(image["id"], op("replace", "/visibility", "private")), 400)


def test_a_store_that_requires(signing: Signing, mia: Caller) -> None:
    strict = {"X_Image_Meta_Store": "strict"}
    refused(mia.upload(mia.create(**FORMATS)["id"], DATA, **strict), 400)
    signed = mia.create(**FORMATS, **signing.ann.properties(DATA))["id"]
    assert mia.upload(signed, DATA, **strict).status_code == 204
    names = [name for name in mia.image(signed) if name.startswith("img_signature")]
    refused(mia.change(signed, *(op("remove", f"/{name}") for name in names)), 400)
    copy = {"method": {"name": "copy-image"}, "stores": ["strict"]}
    refused(ask(mia, mia.active(DATA)["id"], copy), 400)
    good = mia.active(DATA, **signing.ann.properties(DATA))["id"]
    assert ask(mia, good, copy).status_code == 202
    assert imported(mia, good)["stores"] == "fast,strict"


def test_changed_while_the_data_come(signing: Signing, mia: Caller, req: Caller) -> None:
    """What is committed is what was verified, whatever happened to the record meanwhile."""
    image_id = req.create(**FORMATS, **signing.ann.properties(DATA))["id"]

    def pieces() -> Iterator[bytes]:
        yield DATA[:1000]
        wrong = signing.ann.properties(DATA + b"!")
        assert req.change(image_id, *add(wrong)).status_code == 200
        yield DATA[1000:]

    refused(req.upload(image_id, pieces()), 409)
    assert req.image(image_id)["status"] == "queued"
    assert not [path for path in signing.target.files() if image_id in path]


def test_a_certificate_that_ends_later(signing: Signing, mia: Caller) -> None:
    """What was verified while the certificate was valid can be copied when it is not any more; nothing new comes in."""
    image = mia.active(DATA, **signing.ann.properties(DATA))
    verified = evidence(image)["verified"]["at"]
    then = (NOW - 5 * DAY).replace(tzinfo=None).isoformat()
    with contextlib.closing(sqlite3.connect(signing.data / "intaglio.sqlite", timeout=30)) as database, database:
        database.execute(
            "UPDATE image_properties SET value = replace(value, ?, ?) WHERE image_id = ?", (verified, then, image["id"])
        )
    (signing.data / "certificates" / f"{signing.ann.id}.pem").write_text(signing.old.pem)  # of the same key
    try:
        refused(mia.upload(mia.create(**FORMATS, **signing.ann.properties(DATA))["id"], DATA), 400)
        assert ask(mia, image["id"], {"method": {"name": "copy-image"}, "stores": ["slow"]}).status_code == 202
        copied = imported(mia, image["id"])
        assert copied["stores"] == "fast,slow"
        assert evidence(copied)["verified"]["at"] == then
    finally:
        signers.keep(signing.data / "certificates", signing.ann)
