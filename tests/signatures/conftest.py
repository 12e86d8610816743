"""A service that verifies signatures, with a trust store and one project for each mode."""

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.wire import Caller, Target
from tests.starters import signers
from tests.starters.intaglio import Intaglio, User, intaglio
from tests.starters.signers import Signer

PEOPLE = (
    User("mia", "p-verify", ("member", "reader")),
    User("adm-off", "p-off", ("admin", "member", "reader")),
    User("adm-mia", "p-verify", ("admin", "member", "reader")),
    User("adm-req", "p-require", ("admin", "member", "reader")),
)
CONF = """\
[DEFAULT]
enabled_backends = fast:file,slow:file,strict:file,web:http
enabled_import_methods = [glance-direct,web-download,copy-image]
show_multiple_locations = true
[glance_store]
default_backend = fast
[fast]
filesystem_store_datadir = {stores}/fast
[slow]
filesystem_store_datadir = {stores}/slow
[strict]
filesystem_store_datadir = {stores}/strict
[intaglio]
imports_at_once = 16
fetch_networks = 127.0.0.0/8
[import_filtering_opts]
allowed_ports =
[image_signature_verification]
project_modes = p-off:off,p-require:require
store_modes = strict:require
"""


@dataclasses.dataclass(frozen=True)
class Signing:
    """A running service, and the people whose certificates it knows."""

    target: Target
    service: Intaglio
    ann: Signer  # her issuer is trusted
    eve: Signer  # nobody vouches for her
    old: Signer  # expired
    rex: Signer  # revoked
    down: str  # a certificate whose store does not answer

    @property
    def data(self) -> Path:
        return self.service.data

    def caller(self, name: str) -> Caller:
        return Caller(self.target, self.service.users[name])


def people() -> dict[str, Signer]:
    root = signers.signer("Root", kind="P-256", number=1, authority=True)
    middle = signers.signer("Middle", kind="P-256", number=2, authority=True, issuer=root)
    return {
        "root": root,
        "middle": middle,
        "ann": signers.signer("Ann", issuer=middle, uses=(signers.CODE_SIGNING,)),
        "eve": signers.signer("Eve", number=3),
        "old": signers.signer("Old", issuer=middle, days=(-9, -1)),
        "rex": signers.signer("Rex", issuer=middle),
    }


def fill_trust_store(trust: Path, known: dict[str, Signer]) -> None:
    signers.trust(trust / "roots", known["root"])
    signers.trust(trust / "intermediates", known["middle"])
    (trust / "crls").mkdir()
    (trust / "crls" / "middle.pem").write_bytes(signers.revoked(known["middle"], known["rex"]))


@contextlib.contextmanager
def signing_service(directory: Path, conf: str = "", *, anchored: bool = True) -> Iterator[Signing]:
    """A service of its own with certificates in its directory."""
    known = people()
    stores = directory / "stores"
    text = CONF.format(stores=stores) + ("trust = anchored\n" if anchored else "") + conf
    with intaglio(directory, users=PEOPLE, conf=text, workers=1, started=False) as service:
        certificates = service.data / "certificates"
        signers.keep(certificates, *(known[name] for name in ("ann", "eve", "old", "rex")))
        down = "00000000-dead-4000-8000-000000000000"
        (certificates / f"{down}.pem").mkdir()  # reading it fails, as a file on a share that is gone
        if anchored:
            fill_trust_store(service.data / "trust", known)
        service.start()
        target = Target(service.url, stores=stores, directory=directory)
        named = {name: known[name] for name in ("ann", "eve", "old", "rex")}
        yield Signing(target, service, down=down, **named)


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signing]:
    with signing_service(tmp_path_factory.mktemp("signing")) as found:
        yield found
