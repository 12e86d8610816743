"""The service's own key: made once however many want it, the operator's where one is named, and believed by cursive."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cursive import certificate_utils, signature_utils

from intaglio.signatures.service_key import ServiceKeys, ServiceKeyUnusable, keyid_of, load, make, renew, require_signed
from intaglio.signatures.settings import ServiceKeySettings
from tests.signatures.test_cert import cert
from tests.starters import signers

_MAKE = """\
import sys
from pathlib import Path
from intaglio.signatures.service_key import load
from intaglio.signatures.settings import ServiceKeySettings
sys.stdin.readline()
print(load(ServiceKeySettings(key=Path(sys.argv[1]))).keyid)
"""


def test_several_processes_make_one(tmp_path: Path) -> None:
    """Those that start at once have the same key; nothing else is left, and nobody else may read it."""
    path = tmp_path / "new" / "service-key.pem"
    words: list[str | Path] = [sys.executable, "-c", _MAKE, path]
    starting = [subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = [""] * len(starting)

    def tell(number: int) -> None:
        said[number], _ = starting[number].communicate("go\n")

    telling = [threading.Thread(target=tell, args=(number,)) for number in range(len(starting))]
    for each in telling:
        each.start()
    for each in telling:
        each.join()
    assert len(set(said)) == 1
    assert said[0]
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert path.stat().st_mode & 0o777 == 0o600
    assert not make(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of others")
def test_it_belongs_to_whom_the_directory_belongs(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12345)
    path = tmp_path / "service-key.pem"
    load(ServiceKeySettings(key=path))
    renew(path)
    assert (path.stat().st_uid, path.stat().st_gid, path.stat().st_mode & 0o777) == (12345, 12345, 0o600)


def test_a_new_key_counts_at_once(tmp_path: Path) -> None:
    path = tmp_path / "service-key.pem"
    keys = ServiceKeys(ServiceKeySettings(key=path))
    first = keys.current()
    assert keys.current() is first
    renew(path)
    second = keys.current()
    assert second.keyid != first.keyid
    signature = first.sign(b"said")
    require_signed(first.certificate, signature, b"said")
    with pytest.raises(InvalidSignature):
        require_signed(first.certificate, signature, b"sajd")
    with pytest.raises(InvalidSignature):
        require_signed(second.certificate, signature, b"said")


@pytest.mark.parametrize("kind", ["made", "RSA", "ECC_SECP521R1"])
def test_images_are_signed_as_nova_reads_it(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """cursive verifies an image that the key signed, and takes its certificate for a trusted one."""
    path, data = tmp_path / "service-key.pem", b"a disk" * 1000
    if kind != "made":
        signer = signers.signer("Ops", kind=kind, authority=True)
        path.write_bytes(signer.private() + signer.pem.encode())
    key = load(ServiceKeySettings(key=path))
    named = key.sign_image(hashlib.sha256(data).digest(), "0f5bd7a1-9a5d-4b7e-9a7e-0c6d1f2f5a11")
    monkeypatch.setattr(signature_utils, "get_certificate", lambda *_: key.certificate)
    verifier = signature_utils.get_verifier(context=None, **named)
    verifier.update(data)
    verifier.verify()
    if kind == "made":
        trusting = certificate_utils.CertificateVerificationContext([("id", key.certificate)])
        trusting.update(key.certificate)
        trusting.verify()
        assert key.certificate.not_valid_after_utc > datetime.now(UTC) + timedelta(days=3650)


def test_the_operators_own(tmp_path: Path) -> None:
    """A key and its chain in files of their own; and every way in which they cannot be used, told by its file."""
    root = signers.signer("Root", kind="P-256", authority=True)
    ops, eve = signers.signer("Ops", kind="ECC_SECP384R1", issuer=root), signers.signer("Eve", kind="P-256")
    key, certificate = tmp_path / "ops.key", tmp_path / "ops.pem"
    settings = ServiceKeySettings(key=key, certificate=certificate, make=False)
    with pytest.raises(ServiceKeyUnusable, match=r"no service key .*ops\.key"):
        load(settings)
    key.write_bytes(ops.private())
    with pytest.raises(ServiceKeyUnusable, match=r"ops\.pem cannot be read"):
        load(settings)
    certificate.write_text(ops.pem + root.pem)
    found = load(settings)
    assert (found.der, len(found.chain)) == (ops.der, 1)
    assert found.keyid == keyid_of(x509.load_der_x509_certificate(ops.der))
    assert "PRIVATE" not in repr(found)
    for private, public, reason in (
        (b"nothing", ops.pem, "no private key"),
        (ops.private(), "nothing", "no certificate"),
        (ops.private(), eve.pem, "who has another key"),
        (ops.private(b"secret"), ops.pem, "encrypted"),
        (eve.private(), eve.pem, "curves secp384r1"),
        (signers.signer("Dan", kind="DSA").private(), ops.pem, "DSA"),
    ):
        key.write_bytes(private)
        certificate.write_text(public)
        with pytest.raises(ServiceKeyUnusable, match=reason):
            load(settings)


def test_the_commands(tmp_path: Path) -> None:
    """What is shown and exported is the certificate of the key, and never the key."""
    shown = json.loads(cert(tmp_path, "service", "show", "--format", "json").stdout)
    key = load(ServiceKeySettings(key=tmp_path / "service-key.pem", make=False))
    assert (shown["key_id"], shown["fingerprint"]) == (key.keyid, f"sha256:{key.fingerprint}")
    exported = cert(tmp_path, "service", "export")
    assert exported.stdout == shown["pem"] == key.pem
    words = cert(tmp_path, "service", "show").stdout
    assert key.fingerprint in words
    assert "PRIVATE" not in words + exported.stdout
    again = cert(tmp_path, "service", "make")
    assert (again.stdout.strip(), "was there already" in again.stderr) == (key.keyid, True)
    conf = tmp_path / "ops.conf"
    conf.write_text(f"[image_signature_verification]\nservice_key = {tmp_path}/shared.pem\n")
    missing = cert(tmp_path, "service", "show", "--config-file", conf)
    assert missing.returncode == 1
    assert "cert service make" in missing.stderr
    assert cert(tmp_path, "service", "make", "--config-file", conf).returncode == 0
    assert cert(tmp_path, "service", "show", "--config-file", conf).returncode == 0


def test_the_options_name_the_files(tmp_path: Path) -> None:
    """Key and certificate apart; a certificate without its key is refused when the configuration is read."""
    ops = signers.signer("Ops", kind="ECC_SECP384R1")
    (tmp_path / "ops.key").write_bytes(ops.private())
    (tmp_path / "ops.pem").write_text(ops.pem)
    conf, group = tmp_path / "ops.conf", "[image_signature_verification]\n"
    conf.write_text(f"{group}service_key = {tmp_path}/ops.key\nservice_certificate = {tmp_path}/ops.pem\n")
    assert cert(tmp_path, "service", "export", "--config-file", conf).stdout == ops.pem
    assert cert(tmp_path, "service", "renew", "--yes", "--config-file", conf).returncode == 2
    conf.write_text(f"{group}service_certificate = {tmp_path}/ops.pem\n")
    alone = cert(tmp_path, "service", "export", "--config-file", conf)
    assert (alone.returncode, "service_key, which is not set" in alone.stderr) == (1, True)
