"""`intaglio cert`, and the guide on signing images as its reader follows it."""

import base64
import json
import re
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.wire import FORMATS, refused
from tests.signatures.conftest import PEOPLE, Signing, signing_service
from tests.starters import signers
from tests.starters.base import ROOT
from tests.starters.intaglio import COMMAND

GUIDE = ROOT / "docs" / "howto" / "sign-images.md"


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signing]:
    with signing_service(tmp_path_factory.mktemp("cert")) as found:
        yield found


def cert(home: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return command("cert", *words, "--data-dir", home)


def command(*words: str | Path) -> subprocess.CompletedProcess[str]:
    words = (COMMAND, *words)
    return subprocess.run(words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def test_arc(tmp_path: Path) -> None:
    ann, chosen = signers.signer("Ann", kind="P-256"), str(uuid.uuid4())
    (tmp_path / "ann.pem").write_text(ann.pem)
    (tmp_path / "ann.der").write_bytes(ann.der)
    (tmp_path / "two.pem").write_text(ann.pem * 2)
    (tmp_path / "none.pem").write_text("nothing")
    added = cert(tmp_path, "add", tmp_path / "ann.pem")
    assert added.returncode == 0, added.stderr
    given = added.stdout.strip()
    assert str(uuid.UUID(given)) == given
    assert "CN=Ann" in added.stderr
    assert cert(tmp_path, "add", tmp_path / "ann.der", "--id", chosen).stdout.strip() == chosen
    listed = json.loads(cert(tmp_path, "list", "--format", "json").stdout)
    assert [(one["id"], one["subject"]) for one in listed] == [(each, "CN=Ann") for each in sorted([given, chosen])]
    shown = cert(tmp_path, "show", given).stdout
    assert "CN=Ann" in shown
    assert "secp256r1" in shown
    assert cert(tmp_path, "remove", given).returncode == 0
    assert given not in cert(tmp_path, "list").stdout
    for words, reason in (
        (("remove", given), "no certificate"),
        (("show", "../users"), "is a UUID"),
        (("add", tmp_path / "none.pem"), "no X.509 certificate"),
        (("add", tmp_path / "two.pem"), "2 certificates"),
        (("add", tmp_path / "gone.pem"), "cannot be read"),
        (("add", tmp_path / "ann.pem", "--id", "ann"), "is a UUID"),
    ):
        failed = cert(tmp_path, *words)
        assert failed.returncode == 1, words
        assert reason in failed.stderr
    eve = signers.signer("Eve", kind="P-256")
    (tmp_path / "eve.pem").write_text(eve.pem)
    assert "another certificate" in cert(tmp_path, "add", tmp_path / "eve.pem", "--id", chosen).stderr


@pytest.mark.parametrize(("kind", "key_type"), [("RSA", "RSA-PSS"), ("DSA", "DSA"), ("ECC_SECP521R1", "ECC_SECP521R1")])
def test_signing(signing: Signing, tmp_path: Path, kind: str, key_type: str) -> None:
    """What is signed by the command is let in, and by a key of another certificate nothing is signed."""
    ann, data = signers.signer("Ann", kind=kind), b"\0 a disk " * 1000
    signers.trust(signing.data / "trust" / "roots", ann)
    signers.keep(signing.data / "certificates", ann)
    (tmp_path / "disk.img").write_bytes(data)
    (tmp_path / "ann.pem").write_text(ann.pem)
    (tmp_path / "eve.pem").write_text(signing.eve.pem)
    (tmp_path / "ann.key").write_bytes(ann.private())
    words: list[str | Path] = ["image", "sign", tmp_path / "disk.img", "--key", tmp_path / "ann.key"]
    words += ["--certificate-id", ann.id]
    made = signing.service.run(*words, "--cert", tmp_path / "ann.pem", "--hash", "SHA-384", "--format", "json")
    named = json.loads(made)
    assert (named["img_signature_key_type"], named["img_signature_hash_method"]) == (key_type, "SHA-384")
    with signing.caller(PEOPLE[0].name) as mia:
        assert mia.active(data, **named)["status"] == "active"
    shown = signing.service.run(*words).splitlines()
    assert [line.partition("=")[0] for line in shown] == [f"--property {name}" for name in named]
    wrong = command(*words, "--cert", tmp_path / "eve.pem")
    assert (wrong.returncode, wrong.stdout) == (1, "")


def test_a_key_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "disk.img").write_bytes(b"data")
    ann = signers.signer("Ann", kind="P-256")
    for name, content, reason in (
        ("none.key", b"nothing", "no private key"),
        ("p256.key", ann.private(), "are signed with keys of"),
        ("locked.key", ann.private(b"secret"), "is encrypted"),
    ):
        (tmp_path / name).write_bytes(content)
        key = ("--key", tmp_path / name, "--certificate-id", ann.id)
        failed = command("image", "sign", tmp_path / "disk.img", *key)
        assert failed.returncode == 1
        assert reason in failed.stderr


def test_the_guide(signing: Signing, tmp_path: Path) -> None:
    """Its `openssl` commands make keys, a certificate, and a signature that is accepted for the data alone."""
    data = b"\0 a disk of a reader " * 1000
    (tmp_path / "disk.img").write_bytes(data)
    shell = "\n".join(re.findall(r"```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL))
    for line in re.findall(r"^(?:openssl|printf 'keyUsage).*$", shell, re.MULTILINE):
        done = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{line}: {done.stderr}"
    certificate_id = signing.service.run("cert", "add", tmp_path / "signer.pem", "--data-dir", signing.data).strip()
    named = {
        "img_signature": base64.b64encode((tmp_path / "disk.sig").read_bytes()).decode(),
        "img_signature_hash_method": "SHA-256",
        "img_signature_key_type": "RSA-PSS",
        "img_signature_certificate_uuid": certificate_id,
    }
    with signing.caller(PEOPLE[0].name) as mia:
        image = mia.create(**FORMATS, **named)["id"]
        refused(mia.upload(image, data), 400)  # nobody vouches for the root yet
        root = (tmp_path / "root.pem").read_text()
        (signing.data / "trust" / "roots" / "reader.pem").write_text(root)
        refused(mia.upload(image, data + b"x"), 400)
        assert mia.upload(image, data).status_code == 204
