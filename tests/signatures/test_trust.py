"""The trust store by itself: chains that count and chains that do not."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509.oid import ObjectIdentifier
from msgspec.structs import replace

from intaglio.base.errors import IntaglioError
from intaglio.signatures.base import (
    CertificateExpired,
    CertificateRevoked,
    CertificateUntrusted,
    TrustStoreBroken,
)
from intaglio.signatures.settings import Crl, SignatureSettings, Trust
from intaglio.signatures.trust import Scope, TrustStore
from tests.starters import signers
from tests.starters.signers import CODE_SIGNING, TLS_SERVER, Signer

NOW = signers.NOW.replace(tzinfo=None)
MINE = Scope("mine", "private")


class Shop:
    """A trust store that a test fills."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.root = signers.signer("Root", kind="P-256", number=1, authority=True)
        self.settings = SignatureSettings(trust=Trust.ANCHORED, trust_dir=home)
        signers.trust(home / "roots", self.root)

    def vouch(
        self, who: Signer, scope: Scope = MINE, anchors: tuple[bytes, ...] = (), moment: dt.datetime = NOW
    ) -> str:
        return TrustStore(self.settings).vouch(who.certificate, scope, anchors, moment).root

    def made(self, name: str = "Ann", *, number: int = 9, **facts: object) -> Signer:
        facts = {"issuer": self.root} | facts
        return signers.signer(name, kind="P-256", number=number, **facts)  # type: ignore[arg-type]

    def put(self, part: str, *who: Signer) -> None:
        signers.trust(self.home / part, *who)

    def revoke(self, issuer: Signer, *who: Signer, days: tuple[int, int] = (-1, 5)) -> None:
        (self.home / "crls").mkdir(exist_ok=True)
        (self.home / "crls" / f"{issuer.id}.pem").write_bytes(signers.revoked(issuer, *who, days=days))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def chain(shop: Shop, **facts: Any) -> Signer:
    """Somebody below an authority below the root; `facts` are the authority's."""
    middle = shop.made("Middle", number=2, authority=True, **facts)
    shop.put("intermediates", middle)
    return shop.made(issuer=middle)


GOOD: dict[str, Callable[[Shop], Signer]] = {
    "by the root": lambda shop: shop.made(),
    "code signing": lambda shop: shop.made(uses=(CODE_SIGNING, TLS_SERVER)),
    "below an intermediate": chain,
    "the root has room": lambda shop: chain(shop, path_length=0),
}


@pytest.mark.parametrize("case", GOOD)
def test_trusted(shop: Shop, case: str) -> None:
    assert shop.vouch(GOOD[case](shop)) == "CN=Root"


def itself(shop: Shop, **facts: Any) -> Signer:
    more: dict[str, Any] = {"issuer": None, **facts}
    return shop.made(**more)


def pretender(shop: Shop) -> Signer:
    """Signed by somebody who only bears the root's name."""
    other = signers.signer("Root", kind="P-256", number=5, authority=True)
    shop.put("intermediates", other)
    return shop.made(issuer=other)


def below_a_person(shop: Shop) -> Signer:
    ann = shop.made()
    shop.put("intermediates", ann)
    return shop.made("Bob", number=4, issuer=ann)


def too_deep(shop: Shop) -> Signer:
    first = shop.made("First", number=2, authority=True, path_length=0)
    second = shop.made("Second", number=3, authority=True, issuer=first)
    shop.put("intermediates", first, second)
    return shop.made(issuer=second)


def round_and_round(shop: Shop) -> Signer:
    """Two authorities that vouch for each other, and nobody for them."""
    one = itself(shop, name="One", number=2, authority=True)
    two = itself(shop, name="Two", number=3, authority=True)
    shop.put("intermediates", one, two)
    shop.put("intermediates", shop.made("One", number=2, authority=True, issuer=two))
    shop.put("intermediates", shop.made("Two", number=3, authority=True, issuer=one))
    return shop.made(issuer=one)


BAD: dict[str, Callable[[Shop], Signer]] = {
    "self-signed": itself,
    "a pretender": pretender,
    "below a person": below_a_person,
    "too deep": too_deep,
    "round and round": round_and_round,
    "not for signing": lambda shop: shop.made(may_sign=False),
    "for servers": lambda shop: shop.made(uses=(TLS_SERVER,)),
    "by an authority whose time is over": lambda shop: chain(shop, days=(-9, -1)),
    "with a demand that nobody here knows": lambda shop: shop.made(demand=ObjectIdentifier("2.5.29.30.99")),
}


@pytest.mark.parametrize("case", BAD)
def test_untrusted(shop: Shop, case: str) -> None:
    with pytest.raises(CertificateUntrusted):
        shop.vouch(BAD[case](shop))


def test_somebody_by_themselves(shop: Shop) -> None:
    """A self-signed certificate counts when it is a root itself, and not longer."""
    ann = itself(shop)
    shop.put("roots", ann)
    assert shop.vouch(ann) == "CN=Ann"
    (shop.home / "roots" / f"{ann.id}.pem").unlink()
    with pytest.raises(CertificateUntrusted):
        shop.vouch(ann)
    assert shop.vouch(ann, anchors=(ann.der,)) == "CN=Ann"


def test_whose_image_it_is(shop: Shop) -> None:
    ann = itself(shop)
    shop.put("projects/mine", ann)
    assert shop.vouch(ann) == "CN=Ann"
    for scope in (Scope("other", "private"), Scope(None, "private"), Scope("../projects/mine", "private")):
        with pytest.raises(CertificateUntrusted):
            shop.vouch(ann, scope)


def test_who_sees_it(shop: Shop) -> None:
    """Where a visibility has roots of its own, the others do not count for it, whatever `trust` says."""
    ann, bob = itself(shop), shop.made("Bob", number=4)
    shop.put("visibilities/public", ann)
    for trust in Trust:
        shop.settings = replace(shop.settings, trust=trust)
        public = Scope("mine", "public")
        assert shop.vouch(ann, public) == "CN=Ann"
        with pytest.raises(CertificateUntrusted):
            shop.vouch(bob, public, anchors=(bob.der,))
        assert shop.vouch(bob) == ("CN=Root" if trust is Trust.ANCHORED else "")


@pytest.mark.parametrize("trust", Trust)
@pytest.mark.parametrize("days", [(-9, -1), (1, 9)], ids=["over", "to come"])
def test_validity(shop: Shop, trust: Trust, days: tuple[int, int]) -> None:
    shop.settings = replace(shop.settings, trust=trust)
    old = shop.made(days=days)
    with pytest.raises(CertificateExpired):
        shop.vouch(old)
    within = NOW + dt.timedelta(days=sum(days) / 2)
    assert shop.vouch(old, moment=within) == ("CN=Root" if trust is Trust.ANCHORED else "")
    shop.settings = replace(shop.settings, accept_expired=True)
    shop.vouch(old)


@pytest.mark.parametrize("trust", Trust)
def test_revoked(shop: Shop, trust: Trust) -> None:
    shop.settings = replace(shop.settings, trust=trust)
    ann, bob = shop.made(), shop.made("Bob", number=4)
    shop.revoke(shop.root, ann)
    with pytest.raises(CertificateRevoked):
        shop.vouch(ann)
    shop.vouch(bob)
    shop.revoke(shop.root, ann, days=(-5, -1))  # out of date, and yet nobody is taken back in
    with pytest.raises(CertificateRevoked):
        shop.vouch(ann)
    shop.vouch(bob)


def test_an_authority_that_was_revoked(shop: Shop) -> None:
    ann = chain(shop)
    middle = next(iter((shop.home / "intermediates").iterdir()))
    assert shop.vouch(ann) == "CN=Root"
    serial = Signer(None, signers.read(middle.read_bytes()))
    shop.revoke(shop.root, serial)
    with pytest.raises(CertificateRevoked):
        shop.vouch(ann)


def test_a_list_by_somebody_else_of_the_name(shop: Shop) -> None:
    ann = shop.made()
    shop.revoke(signers.signer("Root", kind="P-256", number=5, authority=True), ann)
    assert shop.vouch(ann) == "CN=Root"


def test_lists_may_be_required(shop: Shop) -> None:
    shop.settings = replace(shop.settings, crl=Crl.REQUIRE)
    ann = shop.made()
    with pytest.raises(TrustStoreBroken, match="no current list"):
        shop.vouch(ann)
    shop.revoke(shop.root, days=(-5, -1))
    with pytest.raises(TrustStoreBroken, match="no current list"):
        shop.vouch(ann)
    shop.revoke(shop.root)
    assert shop.vouch(ann) == "CN=Root"


@pytest.mark.parametrize(("part", "words"), [("roots", "no certificate"), ("crls", "no list of revoked")])
def test_what_is_no_certificate_stops_everything(shop: Shop, part: str, words: str) -> None:
    """Better than to go on with half of what the operator laid down."""
    (shop.home / part).mkdir(exist_ok=True)
    (shop.home / part / "notes.pem").write_text("-----BEGIN notes-----")
    with pytest.raises(TrustStoreBroken, match=words) as raised:
        shop.vouch(shop.made())
    assert isinstance(raised.value, IntaglioError)


def test_no_trust_store(tmp_path: Path) -> None:
    ann = signers.signer("Ann", kind="P-256")
    nowhere = SignatureSettings(trust=Trust.ANCHORED, trust_dir=tmp_path / "nowhere")
    with pytest.raises(CertificateUntrusted):
        TrustStore(nowhere).vouch(ann.certificate, MINE, (), NOW)
    assert TrustStore(replace(nowhere, trust=Trust.ANY)).vouch(ann.certificate, MINE, (), NOW).root == ""
