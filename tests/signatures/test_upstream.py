"""Signatures that upstreams make with their own tools: what counts, why others do not, what parsers may cost."""

import base64
import hashlib
import json
import subprocess
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sigstore_models.bundle.v1 import Bundle

from intaglio.base.errors import IntaglioError
from intaglio.signatures import openpgp, upstream
from intaglio.signatures.certificates import fingerprint
from intaglio.signatures.keyring import CallersKeyRefused, Keyring
from intaglio.signatures.upstream import Key, Witness
from tests.starters.gnupg import GnuPG, gnupg
from tests.starters.signers import Signer, openssl, signer

pytestmark = pytest.mark.real
DATA = bytes(range(256)) * 5000
SUMS = b"%s  disk.img\n" % hashlib.sha256(DATA).hexdigest().encode()


@pytest.fixture(scope="module")
def gpg() -> Iterator[GnuPG]:
    with gnupg() as found:
        found.key("Ann")
        found.key("Rsa", kind="rsa3072")
        found.key("Eve")
        yield found


def by_caller(data: bytes) -> Key:
    return Key(data=data, source="caller")


def verified(
    signature: bytes, key: bytes, data: bytes = DATA, by: str | None = None, hash_name: str = "sha256"
) -> Witness:
    return upstream.verify(upstream.prepare(signature, [by_caller(key)], by, hash_name), data)


def refused(code: str, signature: bytes, key: bytes, data: bytes = DATA, **more: Any) -> str:
    with pytest.raises(IntaglioError) as raised:
        verified(signature, key, data, **more)
    assert raised.value.code == code, raised.value
    return str(raised.value)


@pytest.mark.parametrize("armour", [True, False], ids=["armoured", "binary"])
@pytest.mark.parametrize("name", ["Ann", "Rsa"])
def test_openpgp_of_data(gpg: GnuPG, name: str, armour: bool) -> None:
    signature, key = gpg.detached(name, DATA, armour=armour), gpg.public(name, armour=armour)
    witness = verified(signature, key)
    assert (witness.kind, witness.signer, witness.key_source) == ("openpgp", gpg.fingerprints(name)[0], "caller")
    assert witness.names == (f"{name} <{name.lower()}@example.org>",)
    said = refused("openpgp-mismatch", signature, key, DATA[:-1] + b"x")
    assert f"{name.lower()}@example.org" in said
    refused("openpgp-mismatch", signature, key, b"")
    refused("openpgp-key-unknown", signature, gpg.public("Eve"))


def test_openpgp_by_whom(gpg: GnuPG) -> None:
    """A fingerprint or key id, also a subkey's, chooses among keys; nobody else's signature counts then."""
    primary = gpg.key("Owner", use="cert")
    subkey = gpg.subkey(primary)
    signature, keys = gpg.detached("Owner", DATA), gpg.public("Ann", "Owner", "Eve")
    for by in (primary, subkey, primary.upper(), subkey[-16:], f"0x{primary[-16:]}"):
        witness = verified(signature, keys, by=by)
        assert (witness.signer, witness.key) == (primary, subkey)
    said = refused("openpgp-key-unknown", signature, keys, by=gpg.fingerprints("Ann")[0])
    assert subkey in said
    refused("openpgp-unreadable", signature, keys, by=primary[-8:])


def test_openpgp_keys_that_do_not_count_any_more(gpg: GnuPG) -> None:
    gpg.key("Late", expires="1y", at="20200101T000000")
    refused("openpgp-key-expired", gpg.detached("Late", DATA, at="20200601T000000"), gpg.public("Late"))
    gpg.key("Gone")
    signature = gpg.detached("Gone", DATA)
    verified(signature, gpg.public("Gone"))
    gpg.revoke("Gone")
    refused("openpgp-key-revoked", signature, gpg.public("Gone"))
    holder = gpg.key("Holder", use="cert", at="20200101T000000")
    gpg.subkey(holder, expires="1y", at="20200102T000000")
    refused("openpgp-key-expired", gpg.detached("Holder", DATA, at="20200601T000000"), gpg.public("Holder"))
    refused("openpgp-signature-expired", *_expired(gpg))


def _expired(gpg: GnuPG) -> tuple[bytes, bytes]:
    gpg.key("Brief", at="20200101T000000")
    made = gpg.detached("Brief", DATA, "--default-sig-expire", "1d", at="20200301T000000")
    return made, gpg.public("Brief")


def test_openpgp_weak_digests(gpg: GnuPG) -> None:
    for algorithm, name in [("SHA1", "SHA-1"), ("RIPEMD160", "RIPEMD-160")]:
        made = gpg.detached("Rsa", DATA, "--digest-algo", algorithm)
        assert name in refused("openpgp-weak", made, gpg.public("Rsa"))


def test_openpgp_secret_keys_are_sent_back(gpg: GnuPG) -> None:
    for armour in (["--armor"], []):
        secret = gpg.run(*armour, "--export-secret-keys", "Ann")
        with pytest.raises(IntaglioError, match=r"private key|secret OpenPGP key"):
            verified(gpg.detached("Ann", DATA), secret)


def test_a_signed_list(gpg: GnuPG) -> None:
    """Only what was signed is read: lines in front of it or behind it are not the list."""
    text, key = gpg.clear("Ann", SUMS), [by_caller(gpg.public("Ann"))]
    witness, signed = upstream.prepare_clear(text, key)
    assert signed.splitlines() == SUMS.splitlines()
    assert witness.signer == gpg.fingerprints("Ann")[0]
    evil = b"%s  disk.img\n" % (b"0" * 64)
    for forged in (text.replace(SUMS[:8], b"00000000"), text.replace(b"disk.img", b"disk.imG")):
        with pytest.raises(openpgp.OpenPGPMismatch):
            upstream.prepare_clear(forged, key)
    for forged in (evil + text, text + gpg.clear("Eve", evil), SUMS, b""):
        with pytest.raises(openpgp.OpenPGPUnreadable):
            upstream.prepare_clear(forged, key)
    _, signed = upstream.prepare_clear(text + evil, key)
    assert evil.strip() not in signed
    with pytest.raises(openpgp.OpenPGPKeyUnknown):
        upstream.prepare_clear(text, [by_caller(gpg.public("Eve"))])


def test_another_signature_of_the_same_owner_does_not_stand_in(gpg: GnuPG) -> None:
    """Two signatures in a list: the one that was asked for has to hold, not any."""
    owner = gpg.key("Pair", use="cert")
    first, second = gpg.subkey(owner), gpg.subkey(owner)
    text = gpg.clear(f"{first}!", SUMS)
    other = gpg.detached(f"{second}!", b"something else", "--textmode")
    body = text.partition(b"-----BEGIN PGP SIGNATURE-----")[0]
    both = openpgp._unarmoured(_inside(text)) + openpgp._unarmoured(_inside(other))
    armoured = body + _armour(both)
    key = [by_caller(gpg.public("Pair"))]
    assert upstream.prepare_clear(armoured, key, first)[0].key == first
    with pytest.raises(openpgp.OpenPGPMismatch):
        upstream.prepare_clear(armoured, key, second)


def _inside(text: bytes) -> str:
    inside = text.partition(b"-----BEGIN PGP SIGNATURE-----\n")[2].partition(b"-----END")[0]
    return inside.decode()


def _armour(packets: bytes) -> bytes:
    mark = b"PGP SIGNATURE-----\n"
    return b"-----BEGIN " + mark + b"\n" + base64.encodebytes(packets) + b"-----END " + mark


def cms(directory: Path, who: Signer, *words: str, data: bytes = DATA) -> bytes:
    """A signature by `openssl cms`."""
    (directory / "data").write_bytes(data)
    (directory / "key.pem").write_bytes(who.private())
    (directory / "cert.pem").write_text(who.pem)
    common = ("-binary", "-in", "data", "-signer", "cert.pem", "-inkey", "key.pem", "-out", "sig")
    openssl(directory, "cms", "-sign", *common, *words)
    return (directory / "sig").read_bytes()


CMS_FORMS = {
    "der": ("-outform", "DER"),
    "pem": ("-outform", "PEM"),
    "sha512": ("-outform", "DER", "-md", "sha512"),
    "no-attributes": ("-outform", "DER", "-noattr"),
    "key-id": ("-outform", "DER", "-keyid"),
    "no-certificate": ("-outform", "DER", "-nocerts"),
    "pss": ("-outform", "DER", "-keyopt", "rsa_padding_mode:pss"),
}


@pytest.mark.parametrize("form", CMS_FORMS)
def test_cms(form: str, tmp_path: Path) -> None:
    ann = _with_key_id() if form == "key-id" else signer("Ann")
    made = cms(tmp_path, ann, *CMS_FORMS[form])
    witness = verified(made, ann.pem.encode(), by=fingerprint(ann.certificate))
    assert (witness.kind, witness.signer, witness.names) == ("cms", fingerprint(ann.certificate), ("CN=Ann",))
    refused("signature-mismatch", made, ann.pem.encode(), DATA + b"x")
    other = signer("Other", number=7)
    refused("upstream-key-unknown" if form == "no-certificate" else "certificate-untrusted", made, other.pem.encode())
    refused("upstream-key-unknown", made, ann.pem.encode(), by="0" * 64)


def _with_key_id() -> Signer:
    ann = signer("Ann")
    name = ann.certificate.subject
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(ann.key.public_key())
    dates = builder.not_valid_before(ann.certificate.not_valid_before_utc)
    dates = dates.not_valid_after(ann.certificate.not_valid_after_utc).serial_number(77)
    extended = dates.add_extension(x509.SubjectKeyIdentifier.from_public_key(ann.key.public_key()), critical=False)
    return Signer(ann.key, extended.sign(ann.key, hashes.SHA256()))


def test_cms_by_somebody_whom_the_key_vouches_for(tmp_path: Path) -> None:
    """The key given may be an authority's; who signed has to be within it, valid, and allowed to sign."""
    root = signer("Root", kind="P-256", authority=True)
    ann, old = signer("Ann", issuer=root), signer("Old", issuer=root, days=(-9, -1))
    idle = signer("Idle", issuer=root, may_sign=False)
    witness = verified(cms(tmp_path, ann, "-outform", "DER"), root.pem.encode())
    assert witness.signer == fingerprint(ann.certificate)
    refused("certificate-expired", cms(tmp_path, old, "-outform", "DER"), root.pem.encode())
    refused("certificate-untrusted", cms(tmp_path, idle, "-outform", "DER"), root.pem.encode())
    refused("certificate-untrusted", cms(tmp_path, signer("Eve", number=3), "-outform", "DER"), root.pem.encode())


def test_cms_with_its_own_data_is_not_about_ours(tmp_path: Path) -> None:
    ann = signer("Ann")
    made = cms(tmp_path, ann, "-outform", "DER", "-nodetach")
    assert (
        "detached" in refused("upstream-signature-unusable", made[:200_000_000], ann.pem.encode())
        or len(made) > 256 << 10
    )


@pytest.mark.parametrize("kind", ["RSA", "P-256", "ECC_SECP384R1"])
@pytest.mark.parametrize("form", ["binary", "base64"])
def test_bare(kind: str, form: str, tmp_path: Path) -> None:
    """What `openssl dgst -sign` makes, under a certificate or a public key."""
    ann = signer("Ann", kind=kind)
    made = bare(tmp_path, ann, "-sha384")
    signature = base64.b64encode(made) if form == "base64" else made
    for key in (ann.pem.encode(), public(ann)):
        witness = verified(signature, key, hash_name="sha384")
        assert witness.kind == "raw"
        refused("signature-mismatch", signature, key, DATA + b"x", hash_name="sha384")
        refused("signature-mismatch", signature, key)  # another digest
    refused("signature-mismatch", signature, public(signer("Eve", kind="RSA", number=3)), hash_name="sha384")


def bare(directory: Path, who: Signer, digest: str, data: bytes = DATA) -> bytes:
    (directory / "data").write_bytes(data)
    (directory / "key.pem").write_bytes(who.private())
    openssl(directory, "dgst", digest, "-sign", "key.pem", "-out", "sig", "data")
    return (directory / "sig").read_bytes()


def public(who: Signer) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    made: bytes = who.key.public_key().public_bytes(serialization.Encoding.PEM, form)
    return made


def test_bare_with_an_expired_certificate(tmp_path: Path) -> None:
    old = signer("Old", days=(-9, -1))
    refused("certificate-expired", bare(tmp_path, old, "-sha256"), old.pem.encode())


def test_ed25519_signs_whole_messages() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert verified(key.sign(SUMS), pem, SUMS).kind == "raw"
    refused("signature-mismatch", key.sign(SUMS), pem, SUMS + b"x")
    refused("upstream-signature-unusable", key.sign(SUMS), pem, bytes(5 << 20))


def bundle(key: ec.EllipticCurvePrivateKey, data: bytes = DATA) -> bytes:
    """What `cosign sign-blob --key --bundle` of today writes; sigstore's own model of the format takes it."""
    document = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": "a hint"}, "tlogEntries": []},
        "messageSignature": {
            "messageDigest": {
                "algorithm": "SHA2_256",
                "digest": base64.b64encode(hashlib.sha256(data).digest()).decode(),
            },
            "signature": base64.b64encode(key.sign(data, ec.ECDSA(hashes.SHA256()))).decode(),
        },
    }
    return Bundle.from_json(json.dumps(document)).to_json().encode()


def envelope(key: ec.EllipticCurvePrivateKey, digest: str) -> bytes:
    """A bundle as of `cosign attest-blob`."""
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "disk.img", "digest": {"sha256": digest}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {},
    }
    payload, kind = json.dumps(statement).encode(), b"application/vnd.in-toto+json"
    pae = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    document = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": ""}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": kind.decode(),
            "signatures": [{"sig": base64.b64encode(key.sign(pae, ec.ECDSA(hashes.SHA256()))).decode(), "keyid": ""}],
        },
    }
    return json.dumps(document).encode()


def test_sigstore_bundles() -> None:
    one, other = signer("One", kind="P-256"), ec.generate_private_key(ec.SECP256R1())
    made = bundle(one.key)
    witness = verified(made, public(one))
    assert (witness.kind, witness.hash_name) == ("sigstore", "sha256")
    assert witness.signer == hashlib.sha256(_der(public(one))).hexdigest()
    verified(made, public(one), by=witness.signer)
    refused("signature-mismatch", made, public(one), DATA + b"x")
    refused("signature-mismatch", bundle(other), public(one))
    signature = base64.b64encode(one.key.sign(DATA, ec.ECDSA(hashes.SHA256()))).decode()
    old = json.dumps({"base64Signature": signature, "cert": "", "rekorBundle": {"Payload": {}}}).encode()
    assert verified(old, public(one)).kind == "sigstore"
    refused("signature-mismatch", old, public(one), DATA + b"x")


def test_signed_statements() -> None:
    one, other = signer("One", kind="P-256"), ec.generate_private_key(ec.SECP256R1())
    made = envelope(one.key, hashlib.sha256(DATA).hexdigest())
    assert verified(made, public(one)).kind == "dsse"
    refused("signature-mismatch", made, public(one), DATA + b"x")
    refused("upstream-key-unknown", envelope(other, hashlib.sha256(DATA).hexdigest()), public(one))
    swapped = made.replace(b"in-toto+json", b"else+json")
    refused("upstream-signature-unusable", swapped, public(one))


def _der(pem: bytes) -> bytes:
    key: Any = serialization.load_pem_public_key(pem)
    made: bytes = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return made


def test_the_key_decides_of_what_kind_the_signature_is(gpg: GnuPG, tmp_path: Path) -> None:
    """Whoever brings the signature cannot choose an easier way to judge it."""
    ann = signer("Ann", kind="P-256")
    refused("openpgp-unreadable", bare(tmp_path, ann, "-sha256"), gpg.public("Ann"))
    refused("signature-mismatch", gpg.detached("Ann", DATA), public(ann))
    refused("openpgp-unreadable", bundle(ann.key), gpg.public("Ann"))


def test_the_operators_keys(gpg: GnuPG, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    one = signer("One", kind="P-256")
    (keys / "ann.asc").write_bytes(gpg.public("Ann"))
    (keys / "rsa.gpg").write_bytes(gpg.public("Rsa", armour=False))
    (keys / "one.pub").write_bytes(public(one))
    (keys / "notes.txt").write_text("no key")
    ring = Keyring(keys)
    assert [key.source for key in ring.keys(None)] == ["operator:ann", "operator:one", "operator:rsa"]
    every = ring.keys(None)
    by_rsa = upstream.prepare(gpg.detached("Rsa", DATA), every, gpg.fingerprints("Rsa")[0])
    assert upstream.verify(by_rsa, DATA).key_source == "operator:rsa"
    assert upstream.verify(upstream.prepare(bundle(one.key), every), DATA).key_source == "operator:one"
    assert [key.source for key in ring.keys("ann.asc")] == ["operator:ann"]
    for name in ("nobody", "../../etc/passwd", "", "ann.asc/../one", "a" * 70):
        with pytest.raises(upstream.UpstreamKeyUnknown):
            ring.keys(name)
    with pytest.raises(CallersKeyRefused):
        Keyring(keys, callers=False).keys(gpg.public("Ann").decode())
    with pytest.raises(upstream.UpstreamKeyUnknown):
        Keyring(tmp_path / "none").keys(None)


def packet(tag: int, body: bytes) -> bytes:
    return bytes([0xC0 | tag, 0xFF]) + len(body).to_bytes(4, "big") + body


def bomb() -> bytes:
    """A compressed packet that holds sixty megabytes of nothing."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(packet(11, b"b\0\0\0\0\0" + bytes(60 << 20))) + packer.flush()
    return packet(8, b"\x01" + packed)


def nested(depth: int) -> bytes:
    """Sequences within sequences."""
    found = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
    for _ in range(depth):
        length = len(found).to_bytes(3, "big")
        found = b"\x30\x83" + length + found
    return found


HOSTILE = {
    "empty": b"",
    "one-byte": b"\x00",
    "huge": b"\xc2" + bytes(300 << 10),
    "huge-claim": b"\xc2\xff\xff\xff\xff\xff" + bytes(100),
    "stream": b"\xc2\xe0" + bytes(100),
    "old-stream": b"\x8b" + bytes(100),
    "many-packets": b"\xc2\x00" * 30_000,
    "bomb": bomb(),
    "bomb-in-armour": _armour(bomb()[:40_000]),
    "literal": packet(11, b"b\0\0\0\0\0data"),
    "armour-of-nothing": b"-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n",
    "armour-cut-off": b"-----BEGIN PGP SIGNATURE-----\n\nwsBzBAAB",
    "armour-of-a-message": b"-----BEGIN PGP MESSAGE-----\n\nowEBQAG=\n-----END PGP MESSAGE-----\n",
    "der-claim": b"\x30\x84\xff\xff\xff\xff\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02",
    "der-nested": nested(2000),
    "der-endless": b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02" + b"\xa0\x80" * 500,
    "pem-of-nothing": b"-----BEGIN CMS-----\nAAAA\n-----END CMS-----\n",
    "json-of-nothing": b"{}",
    "json-null": b'{"mediaType":null}',
    "json-nested": b'{"a":' + b"[" * 100_000,
    "json-wrong-types": b'{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","messageSignature":[]}',
    "json-no-base64": b'{"base64Signature":"\xc3\xa4"}',
    "json-surrogate": b'{"base64Signature":"\\ud800"}',
    "html": b"<!DOCTYPE html><html>Not found</html>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_signatures(name: str, gpg: GnuPG) -> None:
    """Each is refused as bad input, whatever the key is, without taking the memory it asks for."""
    for key in (gpg.public("Ann"), signer("Ann").pem.encode(), public(signer("One", kind="P-256"))):
        tracemalloc.start()
        with pytest.raises(IntaglioError) as raised:
            verified(HOSTILE[name], key, SUMS)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert raised.value.code not in {"internal", "openpgp-unavailable"}
        assert most < 24 << 20


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_keys_and_lists(name: str, gpg: GnuPG) -> None:
    with pytest.raises(IntaglioError):
        verified(gpg.detached("Ann", SUMS), HOSTILE[name], SUMS)
    for text in (HOSTILE[name], b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nx\n" + HOSTILE[name]):
        with pytest.raises(IntaglioError):
            upstream.prepare_clear(text, [by_caller(gpg.public("Ann"))])


@pytest.fixture(scope="module")
def material(gpg: GnuPG, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[bytes, bytes]]:
    """Real signatures and their keys, for spoiling."""
    ann, one = signer("Ann"), signer("One", kind="P-256")
    made = cms(tmp_path_factory.mktemp("cms"), ann, "-outform", "DER", data=SUMS)
    return [
        (gpg.detached("Ann", SUMS), gpg.public("Ann")),
        (gpg.detached("Rsa", SUMS, armour=False), gpg.public("Rsa", armour=False)),
        (made, ann.pem.encode()),
        (bundle(one.key, SUMS), public(one)),
        (envelope(one.key, hashlib.sha256(SUMS).hexdigest()), public(one)),
    ]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    which=st.integers(0, 4),
    of_key=st.booleans(),
    at=st.floats(0, 1, exclude_max=True),
    length=st.integers(0, 12),
    new=st.binary(max_size=12),
)
@example(which=0, of_key=False, at=0.5, length=1, new=b"\xff")
def test_spoilt_ones_are_bad_input(
    material: list[tuple[bytes, bytes]],
    which: int,
    of_key: bool,
    at: float,
    length: int,
    new: bytes,
) -> None:
    """Bytes of a real signature or key replaced by others: refused as bad input, or what was replaced meant nothing."""
    signature, key = material[which]
    whole = key if of_key else signature
    start = int(at * len(whole))
    spoilt = whole[:start] + new + whole[start + length :]
    code = judged(signature if of_key else spoilt, spoilt if of_key else key, run=which > 1)
    assert code not in {"internal", "openpgp-unavailable"}


def judged(signature: bytes, key: bytes, *, run: bool) -> str:
    """The code of the refusal, empty when there is none; anything else is a defect. OpenPGP takes a process to run."""
    try:
        ready = upstream.prepare(signature, [by_caller(key)])
        if run:
            upstream.verify(ready, SUMS)
    except IntaglioError as error:
        return error.code
    return ""


def test_what_is_kept_can_be_verified_again_with_gpg(gpg: GnuPG, tmp_path: Path) -> None:
    """By another program, from what is shown alone."""
    shown = msgspec.json.decode(
        msgspec.json.encode(upstream.shown(verified(gpg.detached("Ann", DATA), gpg.public("Ann"))))
    )
    (tmp_path / "key").write_bytes(base64.b64decode(shown["key_data"]))
    (tmp_path / "sig").write_bytes(base64.b64decode(shown["signature"]))
    (tmp_path / "data").write_bytes(DATA)
    command = ["gpgv", "--keyring", str(tmp_path / "key"), str(tmp_path / "sig"), str(tmp_path / "data")]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_rsa_that_is_too_short() -> None:
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is the point
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    refused("upstream-key-unusable", key.sign(DATA, padding.PKCS1v15(), hashes.SHA256()), pem)
