"""Behind a real Keystone: who gets in over HTTP, with which rights, and that an upload outlives its token."""

import socket
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path

import httpx
import pytest

from tests.api.wire import FORMATS, OCTETS, refused, unique
from tests.starters.base import wait_until
from tests.starters.intaglio import Intaglio, intaglio
from tests.starters.keystone import Keystone, keystone

pytestmark = [pytest.mark.ours, pytest.mark.real, pytest.mark.timeout(600)]

CHALLENGE = 'Keystone uri="https://identity.example.org/v3"'
FORGED = {"X-Identity-Status": "Confirmed", "X-User-Id": "u", "X-Project-Id": "p", "X-Roles": "admin"}


@pytest.fixture(scope="module")
def service(identity: Keystone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Intaglio]:
    """Glance's own way of saying it: the pipeline named keystone."""
    conf = "[paste_deploy]\nflavor = keystone+cachemanagement\n" + identity.section()
    with intaglio(tmp_path_factory.mktemp("behind"), conf=conf, auth=None) as running:
        yield running


@pytest.fixture
def http(service: Intaglio) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, timeout=60, trust_env=False) as client:
        yield client


def as_(token: str) -> dict[str, str]:
    return {"X-Auth-Token": token}


def make(http: httpx.Client, token: str, **fields: object) -> str:
    answer = http.post("/v2/images", json=fields, headers=as_(token))
    assert answer.status_code == 201, answer.text
    made: str = answer.json()["id"]
    return made


@pytest.mark.parametrize(
    "headers",
    [{}, as_("nonsense"), FORGED, FORGED | as_("nonsense"), {"X-Service-Token": "x"}, {"Authorization": "Basic YTpi"}],
    ids=["nothing", "nonsense", "forged", "forged and nonsense", "service", "basic"],
)
@pytest.mark.parametrize("path", ["/v2/images", "/v2", "/v2/nowhere", "/v2/schemas/image"])
def test_nobody(http: httpx.Client, path: str, headers: dict[str, str]) -> None:
    answer = http.get(path, headers=headers)
    refused(answer, 401)
    assert answer.headers["WWW-Authenticate"] == CHALLENGE
    assert answer.headers["x-openstack-request-id"].startswith("req-")


@pytest.mark.parametrize("path", ["/healthcheck", "/", "/versions", "/openapi.json"])
def test_what_needs_no_token(http: httpx.Client, path: str) -> None:
    assert http.get(path).status_code in {200, 300}


def test_owner_is_the_project_of_the_token(http: httpx.Client, identity: Keystone) -> None:
    mia, rea = (identity.token(name, project="alpha") for name in ("mia", "rea"))
    stan = identity.token("stan", project="beta")
    image = make(http, mia, name=unique())
    shown = http.get(f"/v2/images/{image}", headers=as_(rea) | FORGED)
    assert shown.json()["owner"] == identity.ids["project/alpha"]
    refused(http.get(f"/v2/images/{image}", headers=as_(stan) | FORGED), 404)
    refused(http.delete(f"/v2/images/{image}", headers=as_(rea) | FORGED), 403)
    assert http.delete(f"/v2/images/{image}", headers=as_(mia)).status_code == 204


@pytest.mark.parametrize(
    ("who", "listing", "public", "create", "publish"),
    [
        (("root", {"project": "ops"}), 200, 200, 201, 201),
        (("max", {"project": "alpha"}), 200, 200, 201, 403),
        (("mia", {"project": "alpha"}), 200, 200, 201, 403),
        (("rea", {"project": "alpha"}), 200, 200, 403, 403),
        (("nova", {"project": "service"}), 403, 404, 403, 403),
        (("admin", {"system": "all"}), 403, 404, 403, 403),
        (("dora", {"domain": "Default"}), 403, 404, 403, 403),
        (("mia", {}), 403, 404, 403, 403),
    ],
    ids=["admin", "manager", "member", "reader", "service", "system", "domain", "unscoped"],
)
def test_each_scope(
    http: httpx.Client,
    identity: Keystone,
    who: tuple[str, dict[str, str]],
    listing: int,
    public: int,
    create: int,
    publish: int,
) -> None:
    """The numbers are those of Glance 33 behind this Keystone."""
    token = as_(identity.token(who[0], **who[1]))
    image = make(http, identity.token("root", project="ops"), visibility="public")
    assert http.get("/v2/images", headers=token).status_code == listing
    assert http.get(f"/v2/images/{image}", headers=token).status_code == public
    assert http.post("/v2/images", json={}, headers=token).status_code == create
    assert http.post("/v2/images", json={"visibility": "public"}, headers=token).status_code == publish
    assert http.get("/v2/schemas/image", headers=token).status_code == 200


def test_access_rules(http: httpx.Client, identity: Keystone) -> None:
    lister = as_(identity.token_of_application("lister"))
    assert http.get("/v2/images", headers=lister).status_code == 200
    answer = http.post("/v2/images", json={}, headers=lister)
    refused(answer, 401)
    assert "do not allow POST /v2/images" in answer.text
    pipeline = as_(identity.token_of_application("pipeline"))
    assert http.post("/v2/images", json={}, headers=pipeline).status_code == 201


def test_a_service_may_finish_what_an_expired_token_began(
    http: httpx.Client, identity: Keystone, tmp_path: Path
) -> None:
    image = make(http, identity.token("mia", project="alpha"))
    with keystone(tmp_path, expiration=1) as brief:
        token = brief.token("mia", project="alpha")
    wait_until(lambda: identity.refuses(token), "the end of the token")
    refused(http.get(f"/v2/images/{image}", headers=as_(token)), 401)
    service = {"X-Service-Token": identity.token("nova", project="service")}
    assert http.get(f"/v2/images/{image}", headers=as_(token) | service).status_code == 200
    refused(http.get(f"/v2/images/{image}", headers=as_(token)), 401)


def test_an_upload_outlives_its_token(
    http: httpx.Client, service: Intaglio, identity: Keystone, tmp_path: Path
) -> None:
    """The second half of the body is sent after the service itself refuses the token."""
    lasting = identity.token("mia", project="alpha")
    image = make(http, lasting, **FORMATS)
    with (
        keystone(tmp_path, expiration=6) as brief,
        socket.create_connection(("127.0.0.1", service.port), timeout=60) as connection,
    ):
        token = brief.token("mia", project="alpha")
        head = f"PUT /v2/images/{image}/file HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {token}\r\n"
        head += f"Content-Type: {OCTETS['Content-Type']}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + b"6\r\nfirst \r\n")

        def begun() -> bool:
            return bool(http.get(f"/v2/images/{image}", headers=as_(lasting)).json()["status"] == "saving")

        wait_until(begun, "the upload to begin")
        wait_until(lambda: http.get("/v2/images", headers=as_(token)).status_code == 401, "the end of the token")
        connection.sendall(b"6\r\nsecond\r\n0\r\n\r\n")
        answer = HTTPResponse(connection, method="PUT")
        answer.begin()
        assert answer.status == 204, answer.read()
    assert http.get(f"/v2/images/{image}/file", headers=as_(lasting)).content == b"first second"


def test_a_wrong_login_of_the_service_is_503(identity: Keystone, tmp_path: Path) -> None:
    with intaglio(tmp_path, conf=identity.section(password="a wrong one"), auth="keystone", workers=1) as service:
        token = as_(identity.token("mia", project="alpha"))
        answer = httpx.get(f"{service.url}/v2/images", headers=token, timeout=60, trust_env=False)
        refused(answer, 503)
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.headers["X-Intaglio-Error"] == "keystone-refuses-service"
        assert "WWW-Authenticate" not in answer.headers
        refused(httpx.get(f"{service.url}/v2/images", timeout=60, trust_env=False), 401)
        said = service.log.read_text()
        assert "Keystone refuses the login as the service user of [keystone_authtoken]" in said
        assert "a wrong one" not in said
        assert token["X-Auth-Token"] not in said


def test_keystone_is_down(tmp_path: Path) -> None:
    """Known tokens go on, others meet a 503 that says when to come again; when it is back nothing has to be done."""
    with keystone(tmp_path / "keystone") as mortal:
        (tmp_path / "intaglio").mkdir()
        conf = mortal.section(http_request_max_retries="0", http_connect_timeout="5")
        with intaglio(tmp_path / "intaglio", conf=conf, auth="keystone", workers=1) as service:
            known = as_(mortal.token("mia", project="alpha"))
            new = as_(mortal.token("stan", project="beta"))
            with httpx.Client(base_url=service.url, timeout=60, trust_env=False) as http:
                assert http.get("/v2/images", headers=known).status_code == 200
                mortal.kill()
                assert http.get("/v2/images", headers=known).status_code == 200
                _come_again(http.get("/v2/images", headers=new), "keystone-unreachable")
                mortal.start()
                with mortal.silent():
                    assert http.get("/v2/images", headers=known).status_code == 200
                    _come_again(http.get("/v2/images", headers=new), "keystone-too-slow")
                wait_until(lambda: http.get("/v2/images", headers=new).status_code == 200, "Keystone to be heard again")


def _come_again(answer: httpx.Response, code: str) -> None:
    refused(answer, 503)
    assert answer.headers["X-Intaglio-Error"] == code
    assert "Keystone" in answer.text
    assert int(answer.headers["Retry-After"]) > 0


def test_no_token_is_logged(http: httpx.Client, service: Intaglio, identity: Keystone) -> None:
    token = identity.token("mia", project="alpha")
    http.get("/v2/images", headers=as_(token))
    http.get("/v2/images", headers=as_("nonsense-of-mine"))
    said = service.log.read_text()
    assert token not in said
    assert "nonsense-of-mine" not in said
