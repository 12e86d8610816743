"""Certificates in a real OpenBao, by castellan's driver for Vault."""

from collections.abc import Iterator

import httpx
import pytest

from tests.api.wire import FORMATS, OCTETS, refused
from tests.starters import signers
from tests.starters.intaglio import Intaglio, intaglio
from tests.starters.openbao import TOKEN, OpenBao, openbao

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

DATA = b"\0 bytes of a disk " * 4000


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    with openbao(tmp_path_factory.mktemp("openbao")) as found:
        yield found


@pytest.fixture(scope="module")
def service(vault: OpenBao, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Intaglio]:
    conf = f"[key_manager]\nbackend = vault\n[vault]\nvault_url = {vault.url}\nroot_token_id = {TOKEN}\n"
    with intaglio(tmp_path_factory.mktemp("service"), conf=conf, auth="none", workers=1) as running:
        yield running


def test_arc(vault: OpenBao, service: Intaglio) -> None:
    ann = signers.signer("Ann")
    ann = signers.Signer(ann.key, ann.certificate, vault.keep(ann.id.replace("-", ""), ann.der))
    with httpx.Client(base_url=service.url, timeout=60, trust_env=False) as client:

        def upload(data: bytes = DATA, **other: str) -> httpx.Response:
            made = client.post("/v2/images", json=FORMATS | ann.properties(DATA) | other)
            assert made.status_code == 201, made.text
            return client.put(f"/v2/images/{made.json()['id']}/file", content=data, headers=OCTETS)

        assert upload().status_code == 204
        refused(upload(DATA[:-1]), 400)
        refused(upload(img_signature_certificate_uuid="0" * 32), 400)
        # what names a path of its own would be read with the service's rights
        refused(upload(img_signature_certificate_uuid=f"../data/{ann.id}"), 400)
        vault.keep("secretive", b"not for everybody", kind="opaque")
        answer = upload(img_signature_certificate_uuid="secretive")
        refused(answer, 400)
        assert "for everybody" not in answer.text
        vault.seal()
        answer = upload()
        refused(answer, 503)
        assert "does not answer" in answer.text
    assert TOKEN not in service.log.read_text()
