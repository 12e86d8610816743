"""Where images come from, by a whole service and the commands of its users: upstreams' signatures, and ours."""

import base64
import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.imports.source import HERE, Source, serving
from tests.imports.test_commands import run
from tests.starters.base import wait_until
from tests.starters.gnupg import GnuPG, gnupg
from tests.starters.images import image as real_image
from tests.starters.intaglio import Intaglio, intaglio
from tests.starters.signers import Signer, keep, signer, trust

pytestmark = pytest.mark.real
CONF = f"""\
[DEFAULT]
enabled_backends = fast:file,slow:file
[glance_store]
default_backend = fast
[fast]
filesystem_store_datadir = {{stores}}/fast
[slow]
filesystem_store_datadir = {{stores}}/slow
[intaglio]
fetch_networks = {HERE}
convert_signed = resign
[import_filtering_opts]
allowed_ports =
[image_signature_verification]
trust = anchored
{{more}}
"""
CONVERTS = "[image_import_opts]\nimage_import_plugins = [image_conversion]\n[image_conversion]\noutput_format = raw\n"
SIGNATURE = "img_signature"


class Site:
    """A service, its stores, and who signs."""

    def __init__(self, service: Intaglio, stores: Path, ann: Signer) -> None:
        self.service = service
        self.stores = stores
        self.ann = ann

    def get(self, path: str) -> Any:
        return httpx.get(f"{self.service.url}/v2/{path}").json()

    def images(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("images")["images"]
        return found

    def queued(self, disk_format: str = "raw", **more: str) -> str:
        document = {"name": "n", "disk_format": disk_format, "container_format": "bare", **more}
        return str(httpx.post(f"{self.service.url}/v2/images", json=document).json()["id"])

    def active(self, data: bytes, **more: str) -> str:
        image_id = self.queued(**more)
        headers = {"Content-Type": "application/octet-stream"}
        answer = httpx.put(f"{self.service.url}/v2/images/{image_id}/file", content=data, headers=headers)
        assert answer.status_code == 204, answer.text
        return image_id

    def ended(self, image_id: str) -> dict[str, Any]:
        wait_until(lambda: not self.get(f"images/{image_id}").get("os_glance_import_task"), "the end of the import")
        found: dict[str, Any] = self.get(f"images/{image_id}")
        return found

    def reason(self, image_id: str) -> str:
        return str(self.get(f"images/{image_id}/tasks")["tasks"][0]["message"])

    def evidence(self, image_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(f"images/{image_id}/evidence")["evidence"]
        return found

    def stored(self) -> set[str]:
        return {path.name for path in self.stores.rglob("*") if path.is_file() and not path.name.startswith(".")}

    def own(self) -> x509.Certificate:
        pem = self.service.run("cert", "service", "export", "--data-dir", self.service.data)
        return x509.load_pem_x509_certificate(pem.encode())

    def trust_own(self) -> None:
        pem = self.service.run("cert", "service", "export", "--data-dir", self.service.data)
        (self.service.data / "trust" / "roots" / "own.pem").write_text(pem)


def site_at(directory: Path, more: str = "") -> Iterator[Site]:
    root = signer("Root", kind="P-256", authority=True)
    ann = signer("Ann", issuer=root)
    stores = directory / "stores"
    text = CONF.format(stores=stores, more=more) + CONVERTS
    with intaglio(directory, auth="none", workers=1, conf=text, started=False) as service:
        trust(service.data / "trust" / "roots", root)
        keep(service.data / "certificates", ann)
        service.start()
        (directory / "ann.key").write_bytes(ann.private())
        (directory / "ann.pem").write_text(ann.pem)
        yield Site(service, stores, ann)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    yield from site_at(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def gpg() -> Iterator[GnuPG]:
    with gnupg() as found:
        found.key("Ann")
        found.key("Eve")
        yield found


@pytest.fixture
def source(gpg: GnuPG) -> Iterator[Source]:
    """An upstream that signs its file, and a list with the file's digest."""
    with serving() as found:
        sums = b"%s  disk.img\n" % hashlib.sha256(found.data).hexdigest().encode()
        found.texts["disk.img.asc"] = gpg.detached("Ann", found.data)
        found.texts["SHA256SUMS"] = sums
        found.texts["SHA256SUMS.gpg"] = gpg.detached("Ann", sums, armour=False)
        found.texts["CHECKSUM"] = gpg.clear("Ann", sums)
        yield found


def test_upstreams_signature_of_the_data(site: Site, source: Source, gpg: GnuPG, tmp_path: Path) -> None:
    """From the command to the proof: who signed is kept with the image, and gpg can check it again."""
    (tmp_path / "upstream.asc").write_bytes(gpg.public("Ann"))
    image_id = site.queued()
    words = ("--uri", source.url, "--signature", f"{source.url}.asc", "--key", str(tmp_path / "upstream.asc"))
    code, _, error = run(site.service, "image", "import", image_id, *words, "--wait")
    assert code == 0, error
    (found,) = site.evidence(image_id)
    fingerprint = gpg.fingerprints("Ann")[0]
    facts = {"evidence": "upstream", "kind": "openpgp", "of": "data", "signer": fingerprint, "key_source": "caller"}
    assert {name: found[name] for name in facts} == facts
    assert found["names"] == ["Ann <ann@example.org>"]
    assert found["source"] == source.url
    assert found["file"] == {"sha256": hashlib.sha256(source.data).hexdigest()}
    for name in ("key_data", "signature"):
        (tmp_path / name).write_bytes(base64.b64decode(found[name]))
    (tmp_path / "data").write_bytes(source.data)
    command = ["gpgv", "--keyring", *(str(tmp_path / name) for name in ("key_data", "signature", "data"))]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    code, out, _ = run(site.service, "image", "evidence", image_id)
    assert (code, "Ann <ann@example.org>" in out, fingerprint in out) == (0, True, True)
    httpx.delete(f"{site.service.url}/v2/images/{image_id}")


def test_the_operators_key_by_its_name(site: Site, source: Source, gpg: GnuPG) -> None:
    """Of a list, clear-signed or with its signature beside it; and by its fingerprint alone."""
    keys = site.service.data / "upstream-keys"
    keys.mkdir(exist_ok=True)
    (keys / "upstream.asc").write_bytes(gpg.public("Ann"))
    (keys / "other.asc").write_bytes(gpg.public("Eve"))
    base = source.url.rpartition("/")[0]
    wanted: list[dict[str, str]] = [
        {"checksum_url": f"{base}/CHECKSUM", "signature_key": "upstream"},
        {"checksum_url": f"{base}/SHA256SUMS", "signature": f"{base}/SHA256SUMS.gpg", "signature_key": "upstream"},
        {"checksum_url": f"{base}/CHECKSUM", "signature_by": gpg.fingerprints("Ann")[0]},
    ]
    for each in wanted:
        image_id = imported(site, source, **each)
        assert site.ended(image_id)["status"] == "active", site.reason(image_id)
        (found,) = site.evidence(image_id)
        assert (found["of"], found["key_source"]) == ("checksums", "operator:upstream")
        assert hashlib.sha256(source.data).hexdigest().encode() in base64.b64decode(found["list"])
        httpx.delete(f"{site.service.url}/v2/images/{image_id}")


def imported(site: Site, source: Source, **more: str) -> str:
    image_id = site.queued()
    body = {"method": {"name": "web-download", "uri": source.url, **more}}
    answer = httpx.post(f"{site.service.url}/v2/images/{image_id}/import", json=body)
    assert answer.status_code == 202, answer.text
    return image_id


def test_what_does_not_fit_never_becomes_visible(site: Site, source: Source, gpg: GnuPG) -> None:
    """One byte, one digest, another's key: the reason is in the task, nothing is stored, nothing kept."""
    before, key, base = site.stored(), gpg.public("Ann").decode(), source.url.rpartition("/")[0]
    true = source.data
    evil = b"%s  disk.img\n" % hashlib.sha256(true[:-1] + b"!").hexdigest().encode()
    source.texts["EVIL"] = evil + source.texts["CHECKSUM"]
    source.texts["FORGED"] = source.texts["CHECKSUM"].replace(hashlib.sha256(true).hexdigest().encode(), evil[:64])
    source.data = true[:-1] + b"!"
    by_data = {"signature": f"{source.url}.asc", "signature_key": key}
    wanted = [
        (by_data, "not what was signed"),
        ({**by_data, "signature_key": gpg.public("Eve").decode()}, "none of those that count"),
        ({**by_data, "signature_by": gpg.fingerprints("Eve")[0]}, "has to be by"),
        ({**by_data, "signature": "bm8gc2lnbmF0dXJl"}, "OpenPGP"),
        ({**by_data, "signature_key": "nobody"}, "no key 'nobody'"),
        ({**by_data, "signature": f"{base}/missing"}, "OpenPGP"),  # the server answers with the file itself
        ({"checksum_url": f"{base}/CHECKSUM", "signature_key": key}, "should be"),
        ({"checksum_url": f"{base}/EVIL", "signature_key": key}, "no text with an OpenPGP signature"),
        ({"checksum_url": f"{base}/FORGED", "signature_key": key}, "not what was signed"),
        ({"checksum_url": f"{base}/SHA256SUMS", "signature_key": key}, "no text with an OpenPGP signature"),
    ]
    ids = [imported(site, source, **more) for more, _ in wanted]
    for image_id, (more, said) in zip(ids, wanted, strict=True):
        assert site.ended(image_id)["status"] == "queued"
        reason = site.reason(image_id)
        assert said in reason or (more.get("signature", "").endswith("missing") and "bytes" in reason), reason
        assert site.evidence(image_id) == []
        httpx.delete(f"{site.service.url}/v2/images/{image_id}")
    assert site.stored() == before


def test_refused_at_once(site: Site, source: Source, gpg: GnuPG) -> None:
    key, base = gpg.public("Ann").decode(), source.url.rpartition("/")[0]
    nonsense: list[dict[str, Any]] = [
        {"signature": f"{source.url}.asc"},
        {"signature_key": key},
        {"signature_of": "checksums", "signature": "x", "signature_key": key},
        {"signature_of": "nothing", "signature": "x", "signature_key": key},
        {"signature": "x" * 30_000, "signature_key": key},
        {"signature": "x", "signature_key": key, "signature_hash": "md5"},
        {"signature": "http://127.0.0.1/sig", "signature_key": key},
        {"signature": "http://[::1]/sig", "signature_key": key},
        {"signature": "", "signature_key": key},
        {"signature": 7, "signature_key": key},
        {"checksum_url": f"{base}/SHA256SUMS", "signature_by": "0" * 500},
    ]
    image_id = site.queued()
    for more in nonsense:
        body = {"method": {"name": "web-download", "uri": source.url, **more}}
        answer = httpx.post(f"{site.service.url}/v2/images/{image_id}/import", json=body)
        assert answer.status_code == 400, (more, answer.text)
    extras = site.get("info/import")["import-method-extras"]["value"]["web-download"]
    assert {"signature", "signature_of", "signature_key", "signature_by", "signature_hash"} <= set(extras)
    httpx.delete(f"{site.service.url}/v2/images/{image_id}")


def test_killed_while_it_is_verified(site: Site, source: Source, gpg: GnuPG) -> None:
    """The download begins again where it was, and what verifies has seen all of it; no process of it is left."""
    signature = source.texts["disk.img.asc"].decode()
    source.hold.clear()
    image_id = imported(site, source, signature=signature, signature_key=gpg.public("Ann").decode())
    wait_until(lambda: "/disk.img" in source.seen, "the download")
    site.service.kill()
    source.hold.set()
    site.service.start()
    assert site.ended(image_id)["status"] == "active", site.reason(image_id)
    assert [each["kind"] for each in site.evidence(image_id)] == ["openpgp"]
    assert all("openpgp_process" not in Path(f"/proc/{pid}/cmdline").read_text() for pid in site.service.pids())
    httpx.delete(f"{site.service.url}/v2/images/{image_id}")


def test_signed_and_sent_in_one_go(site: Site, tmp_path: Path) -> None:
    (tmp_path / "disk.img").write_bytes(os.urandom(3_000_000))
    keys = site.stores.parent
    words = ("--key", str(keys / "ann.key"), "--cert", str(keys / "ann.pem"), "--certificate-id", site.ann.id)
    make = ("--upload", "--disk-format", "raw", "--name", "signed", "--property", "os_distro=debian")
    code, out, error = run(site.service, "image", "sign", str(tmp_path / "disk.img"), *words, *make)
    assert code == 0, error
    assert "verified the signature of CN=Ann, for whom CN=Root vouches" in out
    assert "disk.img: sending, 3000000 of 3000000 bytes" in error
    (image,) = [each for each in site.images() if each["name"] == "signed"]
    assert image["os_hash_value"] == hashlib.sha512((tmp_path / "disk.img").read_bytes()).hexdigest()
    assert (image["os_distro"], image["img_signature_certificate_uuid"]) == ("debian", site.ann.id)
    httpx.delete(f"{site.service.url}/v2/images/{image['id']}")
    code, out, _ = run(site.service, "image", "sign", str(tmp_path / "disk.img"), *words, *make, "--format", "json")
    said = json.loads(out)
    assert (said["status"], said["verified"]["subject"]) == ("active", "CN=Ann")
    httpx.delete(f"{site.service.url}/v2/images/{said['id']}")


def test_signed_and_refused(site: Site, tmp_path: Path) -> None:
    """Somebody who does not count, or a format that the file has not: nothing stays."""
    eve = signer("Eve", number=3)
    keep(site.service.data / "certificates", eve)
    (tmp_path / "disk.img").write_bytes(os.urandom(100_000))
    (tmp_path / "eve.key").write_bytes(eve.private())
    before = {each["id"] for each in site.images()}
    words = ("--key", str(tmp_path / "eve.key"), "--certificate-id", eve.id, "--upload", "--disk-format")
    code, _, error = run(site.service, "image", "sign", str(tmp_path / "disk.img"), *words, "raw")
    assert (code, "Nobody who is trusted here vouches for CN=Eve" in error) == (1, True), error
    ann = ("--key", str(site.stores.parent / "ann.key"), "--certificate-id", site.ann.id, "--upload", "--disk-format")
    code, _, error = run(site.service, "image", "sign", str(tmp_path / "disk.img"), *ann, "iso")
    assert (code, "iso" in error) == (1, True), error
    code, _, error = run(site.service, "image", "sign", str(tmp_path / "disk.img"), *words[:-1])
    assert (code, "--disk-format" in error) == (1, True)
    assert {each["id"] for each in site.images()} == before


def test_signed_and_sent_where_data_do_not_wait(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    more = "[DEFAULT]\nenabled_import_methods = [web-download]\n"
    for site in site_at(tmp_path / "site", more):
        (tmp_path / "disk.img").write_bytes(os.urandom(100_000))
        words = ("--key", str(tmp_path / "site" / "ann.key"), "--certificate-id", site.ann.id)
        code, out, error = run(
            site.service, "image", "sign", str(tmp_path / "disk.img"), *words, "--upload", "--disk-format", "raw"
        )
        assert (code, "verified the signature of CN=Ann" in out) == (0, True), error
        every_stored_image_is_signed(site)


def test_converted_and_signed_again(site: Site) -> None:
    """Ann's signature is verified first; the result has the service's, and hers is kept. So it is where it is asked."""
    data = real_image("qcow2").read_bytes()
    (site.service.data / "trust" / "roots" / "own.pem").unlink(missing_ok=True)
    refused = site.queued("qcow2", **site.ann.properties(data))
    answer = staged(site, refused, data)
    assert answer["status"] in {"queued", "uploading"}
    assert "Nobody who is trusted here vouches" in site.reason(refused)
    assert "intaglio cert service export" in site.reason(refused)
    site.trust_own()
    wrong = site.queued("qcow2", **site.ann.properties(data + b"x"))
    assert staged(site, wrong, data)["status"] == "queued"
    assert "not what was signed" in site.reason(wrong)
    image_id = site.queued("qcow2", **site.ann.properties(data))
    image = staged(site, image_id, data)
    assert (image["status"], image["disk_format"]) == ("active", "raw"), site.reason(image_id)
    content = httpx.get(f"{site.service.url}/v2/images/{image_id}/file").content
    own = site.own()
    key: Any = own.public_key()
    key.verify(base64.b64decode(image[SIGNATURE]), content, ec.ECDSA(hashes.SHA256()))
    noted = json.loads(image["os_glance_signature_evidence"])
    assert noted["verified"]["certificate"] == own.fingerprint(hashes.SHA256()).hex()
    (kept,) = site.evidence(image_id)
    assert (kept["evidence"], kept["names"], kept["trusted_by"]) == ("replaced", ["CN=Ann"], "CN=Root")
    assert kept["properties"] == site.ann.properties(data) | {SIGNATURE: kept["signature"]}
    assert kept["source"]["os_glance_source_hash"] == f"sha512:{hashlib.sha512(data).hexdigest()}"
    body = {"method": {"name": "copy-image"}, "stores": ["slow"]}  # a door that verifies the new signature
    assert httpx.post(f"{site.service.url}/v2/images/{image_id}/import", json=body).status_code == 202
    assert site.ended(image_id)["stores"].count("slow") == 1, site.reason(image_id)
    for each in (refused, wrong, image_id):
        httpx.delete(f"{site.service.url}/v2/images/{each}")


def staged(site: Site, image_id: str, data: bytes) -> dict[str, Any]:
    headers = {"Content-Type": "application/octet-stream"}
    path = f"{site.service.url}/v2/images/{image_id}"
    assert httpx.put(f"{path}/stage", content=data, headers=headers).status_code == 204
    answer = httpx.post(f"{path}/import", json={"method": {"name": "glance-direct"}})
    assert answer.status_code == 202, answer.text
    return site.ended(image_id)


def every_stored_image_is_signed(site: Site) -> None:
    """A baseline: first said, then made, without what does not match; then signatures can be required."""
    data = {name: os.urandom(50_000) for name in ("one", "two", "bad")}
    ids = {name: site.active(each) for name, each in data.items()}
    broken = next(path for path in site.stores.rglob(ids["bad"]) if path.is_file())
    spoilt = data["bad"][:-1] + bytes([data["bad"][-1] ^ 1])
    broken.write_bytes(spoilt)
    words = ("image", "sign-all", "--data-dir", str(site.service.data), "--config-file", str(operators(site)))
    code, out, error = run(site.service, *words)
    assert (code, "Nobody who is trusted here vouches for CN=Intaglio" in error) == (1, True), (out, error)
    assert all(SIGNATURE not in site.get(f"images/{each}") for each in ids.values())
    site.trust_own()
    code, out, _ = run(site.service, *words, "--dry-run")
    assert (code, out.count("would sign:"), "3 images looked at: 3 would sign." in out) == (0, 3, True), out
    code, out, error = run(site.service, *words, ids["one"], "--format", "json")
    assert (code, [each["outcome"] for each in json.loads(out)]) == (0, ["signed"]), error
    code, out, _ = run(site.service, *words, "--format", "json")
    found = {each["image_id"]: each for each in json.loads(out)}
    assert (code, set(found)) == (1, {ids["two"], ids["bad"]})
    assert (found[ids["two"]]["outcome"], found[ids["bad"]]["outcome"]) == ("signed", "mismatch")
    assert SIGNATURE not in site.get(f"images/{ids['bad']}")
    key: Any = site.own().public_key()
    for name in ("one", "two"):
        image = site.get(f"images/{ids[name]}")
        key.verify(base64.b64decode(image[SIGNATURE]), data[name], ec.ECDSA(hashes.SHA256()))
        assert json.loads(image["os_glance_signature_evidence"])["data"] == image["os_hash_value"]
    required(site, ids)


def operators(site: Site) -> Path:
    return site.stores.parent / "operator.conf"


def required(site: Site, ids: dict[str, str]) -> None:
    """What was signed goes through every door afterwards; what was not does not."""
    conf = operators(site)
    text = conf.read_text().replace("enabled_import_methods = [web-download]", "enabled_import_methods = [copy-image]")
    conf.write_text(text.replace("trust = anchored", "trust = anchored\nmode = require"))
    site.service.restart()
    for name, status in (("one", 202), ("bad", 400)):
        body = {"method": {"name": "copy-image"}, "stores": ["slow"]}
        answer = httpx.post(f"{site.service.url}/v2/images/{ids[name]}/import", json=body)
        assert answer.status_code == status, answer.text
    image = site.ended(ids["one"])
    assert set(image["stores"].split(",")) == {"fast", "slow"}, site.reason(ids["one"])
