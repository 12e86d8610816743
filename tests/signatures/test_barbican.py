"""Certificates in a real Barbican behind a real Keystone: the caller's own, and the service's login."""

import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from tests.api.wire import FORMATS, OCTETS, op, refused
from tests.signatures.conftest import people
from tests.starters import signers
from tests.starters.barbican import Barbican, barbican
from tests.starters.base import ROOT, wait_until
from tests.starters.intaglio import Intaglio, intaglio
from tests.starters.keystone import Keystone
from tests.starters.keystone_people import PASSWORD
from tests.starters.signers import Signer

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

DATA = b"\0 bytes of a disk " * 4000
CONF = """\
[DEFAULT]
enabled_import_methods = [glance-direct,web-download]
[paste_deploy]
flavor = keystone
[barbican]
barbican_endpoint = {url}
[image_signature_verification]
trust = anchored
trusted_certificate_ids = {root}
key_manager_seconds = 5
"""


@pytest.fixture(scope="module")
def keys(identity: Keystone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Barbican]:
    with barbican(tmp_path_factory.mktemp("barbican"), identity) as found:
        yield found


@pytest.fixture(scope="module")
def known(keys: Barbican, identity: Keystone) -> dict[str, Signer]:
    """People whose certificates mia keeps, and one of stan's."""
    ann = signers.signer("Ann", issuer=(root := signers.signer("Root", kind="P-256", authority=True)))
    token, stans = identity.token("mia", project="alpha"), identity.token("stan", project="beta")
    found = {
        name: Signer(each.key, each.certificate, keys.keep(token, each.pem))
        for name, each in (("root", root), ("ann", ann), ("eve", people()["eve"]))
    }
    return found | {"stans": Signer(ann.key, ann.certificate, keys.keep(stans, ann.pem))}


@pytest.fixture(scope="module")
def service(
    identity: Keystone, keys: Barbican, known: dict[str, Signer], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Intaglio]:
    conf = CONF.format(url=keys.url, root=known["root"].id) + identity.section()
    with intaglio(tmp_path_factory.mktemp("behind"), conf=conf, auth=None, workers=1) as running:
        yield running


@pytest.fixture(scope="module")
def mia(service: Intaglio, identity: Keystone) -> Iterator[httpx.Client]:
    headers = {"X-Auth-Token": identity.token("mia", project="alpha")}
    with httpx.Client(base_url=service.url, headers=headers, timeout=60, trust_env=False) as client:
        yield client


def create(mia: httpx.Client, properties: dict[str, str]) -> str:
    answer = mia.post("/v2/images", json=FORMATS | properties)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def upload(mia: httpx.Client, image_id: str, data: bytes = DATA, where: str = "file") -> httpx.Response:
    return mia.put(f"/v2/images/{image_id}/{where}", content=data, headers=OCTETS)


def test_what_nova_and_cinder_do_with_what_is_served(
    mia: httpx.Client, service: Intaglio, keys: Barbican, identity: Keystone, known: dict[str, Signer]
) -> None:
    image_id = create(mia, known["ann"].properties(DATA, "SHA-384"))
    assert upload(mia, image_id).status_code == 204
    token, project = mia.headers["X-Auth-Token"], identity.ids["project/alpha"]
    words = [sys.executable, "-m", "tests.signatures.as_nova", keys.url, identity.url, service.url, token, project]

    def verdict(*trusted: str) -> str:
        done = subprocess.run([*words, image_id, *trusted], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert verdict(known["root"].id) == "satisfied"
    assert verdict(known["eve"].id) == "SignatureVerificationError"


def test_an_import_needs_no_token_later(mia: httpx.Client, known: dict[str, Signer]) -> None:
    """The certificate was fetched when the import was asked for: by then the user's token may have ended."""
    image_id = create(mia, known["ann"].properties(DATA))
    assert upload(mia, image_id, where="stage").status_code == 204
    asked = mia.post(f"/v2/images/{image_id}/import", json={"method": {"name": "glance-direct"}})
    assert asked.status_code == 202, asked.text
    wait_until(lambda: mia.get(f"/v2/images/{image_id}").json()["status"] == "active", "the import")


@pytest.mark.parametrize(
    ("who", "data", "words"),
    [("ann", DATA + b"!", "not what was signed"), ("eve", DATA, "Nobody who is trusted"), ("stans", DATA, "give out")],
    ids=["wrong", "untrusted", "of another project"],
)
def test_refused(mia: httpx.Client, known: dict[str, Signer], who: str, data: bytes, words: str) -> None:
    image_id = create(mia, known[who].properties(DATA))
    answer = upload(mia, image_id, data)
    refused(answer, 400)
    assert words in answer.text
    assert mia.get(f"/v2/images/{image_id}").json()["status"] == "queued"


@pytest.mark.parametrize(
    "certificate_id", ["00000000-0000-4000-8000-000000000000", "no-uuid", "..%2F..%2Fadmin", "a/../b", "x" * 300]
)
def test_no_such_certificate(mia: httpx.Client, known: dict[str, Signer], certificate_id: str) -> None:
    named = known["ann"].properties(DATA) | {"img_signature_certificate_uuid": certificate_id}
    refused(upload(mia, create(mia, named)), 400)


def test_a_secret_that_is_none(mia: httpx.Client, keys: Barbican, known: dict[str, Signer]) -> None:
    """A passphrase is no certificate, and is not shown."""
    secret = keys.keep(mia.headers["X-Auth-Token"], "a passphrase", kind="passphrase")
    named = known["ann"].properties(DATA) | {"img_signature_certificate_uuid": secret}
    answer = upload(mia, create(mia, named))
    refused(answer, 400)
    assert "no X.509 certificate" in answer.text
    assert "a passphrase" not in answer.text


def test_silence_is_no_verdict(mia: httpx.Client, keys: Barbican, known: dict[str, Signer]) -> None:
    image_id = create(mia, known["ann"].properties(DATA))
    active = create(mia, known["ann"].properties(DATA))
    assert upload(mia, active).status_code == 204
    with keys.silent():
        answer = upload(mia, image_id)
        refused(answer, 503)
        assert "did not answer within 5 s" in answer.text
        assert mia.get(f"/v2/images/{image_id}").json()["status"] == "queued"
        other = known["ann"].properties(DATA, "SHA-512")
        patch = [op("replace", f"/{name}", value) for name, value in other.items()]
        kind = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
        refused(mia.patch(f"/v2/images/{active}", json=patch, headers=kind), 503)
    assert upload(mia, image_id).status_code == 204


def test_by_the_services_own_login(
    identity: Keystone, keys: Barbican, known: dict[str, Signer], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Where the service logs in itself, its users need not be allowed to read the certificates, nor have tokens."""
    login = f"""[key_manager]
auth_type = keystone_password
auth_url = {identity.url}
username = stan
password = {PASSWORD}
user_domain_name = Default
project_name = beta
project_domain_name = Default
[barbican]
barbican_endpoint = {keys.url}
"""
    with intaglio(tmp_path_factory.mktemp("own"), conf=login, auth="none", workers=1) as service:
        text = (service.log.parent / "operator.conf").read_text()
        assert PASSWORD in text
        with httpx.Client(base_url=service.url, timeout=60, trust_env=False) as client:
            # without Keystone's pipeline the directory is where certificates are
            refused(upload(client, create(client, known["stans"].properties(DATA))), 400)
        service.stop()
        (service.log.parent / "operator.conf").write_text(
            f"{text}[image_signature_verification]\ncertificates = key_manager\n"
        )
        service.start()
        with httpx.Client(base_url=service.url, timeout=60, trust_env=False) as client:
            assert upload(client, create(client, known["stans"].properties(DATA))).status_code == 204
            refused(upload(client, create(client, known["ann"].properties(DATA))), 400)
        assert PASSWORD not in service.log.read_text()
