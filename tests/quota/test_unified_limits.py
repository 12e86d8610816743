"""Unified limits of a real Keystone: registered ones, those of one project, and what happens without them."""

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from intaglio.domain.quota import UNLIMITED, Limits
from intaglio.identity.keystone import LoginInvalid
from intaglio.identity.limits_session import LimitsSession, LimitsUnavailable
from intaglio.identity.settings import UnifiedLimitsSettings
from intaglio.identity.unified_limits import FRESH_SECONDS, STALE_SECONDS, KeystoneLimits
from tests.api.wire import unique
from tests.faults.client import MIB, content
from tests.starters.intaglio import Intaglio, intaglio
from tests.starters.keystone import Keystone
from tests.starters.keystone_people import PASSWORD, caller

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]  # the first time Keystone is installed
real = pytest.mark.real

LIMITS = {"image_size_total": 3, "image_stage_total": 1, "image_count_total": 4, "image_count_uploading": 1}
OCTETS = {"Content-Type": "application/octet-stream"}
RAW = {"disk_format": "raw", "container_format": "bare"}


@pytest.fixture(scope="module")
def region(identity: Keystone) -> str:
    """A region whose image service has limits; project beta has one of its own."""
    name = identity.register(f"http://image.invalid/{unique()}")
    with caller(identity.url, identity.token("admin", system="all")) as call:
        place = {"service_id": identity.ids["service/image"], "region_id": name}
        wanted = [{"resource_name": limit, "default_limit": value, **place} for limit, value in LIMITS.items()]
        call("POST", "/registered_limits", {"registered_limits": wanted})
        own = {"project_id": identity.ids["project/beta"], "resource_name": "image_count_total", "resource_limit": 1}
        call("POST", "/limits", {"limits": [own | place]})
    return name


def login(identity: Keystone, **changes: str) -> dict[str, str]:
    known = {"auth_url": identity.url, "username": "admin", "password": PASSWORD, "user_domain_name": "Default"}
    return known | {"system_scope": "all"} | changes


def settings(identity: Keystone, region: str, **changes: Any) -> UnifiedLimitsSettings:
    given = {
        "auth_type": "password",
        "login": login(identity),
        "endpoint_service_type": "image",
        "endpoint_region_name": region,
        "endpoint_override": identity.url,
    }
    return UnifiedLimitsSettings(**(given | changes))


@pytest.fixture(scope="module")
def service(identity: Keystone, region: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Intaglio]:
    section = "".join(f"{name} = {value}\n" for name, value in login(identity).items())
    conf = (
        f"[DEFAULT]\nuse_keystone_limits = true\nuser_storage_quota = 1B\n{identity.section()}"
        f"[oslo_limit]\nauth_type = password\n{section}endpoint_override = {identity.url}\n"
        f"endpoint_service_type = image\nendpoint_region_name = {region}\n"
    )
    with intaglio(tmp_path_factory.mktemp("unified"), auth="keystone", workers=2, conf=conf) as running:
        yield running


@pytest.fixture
def mia(service: Intaglio, identity: Keystone) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, timeout=60, trust_env=False) as client:
        client.headers["X-Auth-Token"] = identity.token("mia", project="alpha")
        yield client
        for image in client.get("/v2/images", params={"owner": identity.ids["project/alpha"]}).json()["images"]:
            client.delete(f"/v2/images/{image['id']}")


@real
def test_a_number_of_images(mia: httpx.Client, service: Intaglio, identity: Keystone) -> None:
    answers = [mia.post("/v2/images", json=RAW) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [201] * 4 + [413]
    assert "quota is 4 images" in answers[-1].text
    stan = {"X-Auth-Token": identity.token("stan", project="beta")}
    beta = [httpx.post(f"{service.url}/v2/images", json=RAW, headers=stan, timeout=60) for _ in range(2)]
    assert [answer.status_code for answer in beta] == [201, 413]
    assert mia.delete(f"/v2/images/{answers[0].json()['id']}").status_code == 204
    assert mia.post("/v2/images", json=RAW).status_code == 201


@real
def test_bytes_and_what_usage_shows(mia: httpx.Client) -> None:
    ids = [mia.post("/v2/images", json=RAW).json()["id"] for _ in range(2)]
    answer = mia.put(f"/v2/images/{ids[0]}/file", content=content(3 * MIB), headers=OCTETS)
    assert answer.status_code == 204, answer.text
    assert mia.put(f"/v2/images/{ids[1]}/file", content=iter([b"x"]), headers=OCTETS).status_code == 413
    assert mia.get("/v2/info/usage").json() == {
        "usage": {
            "image_size_total": {"usage": 3, "limit": 3},
            "image_stage_total": {"usage": 0, "limit": 1},
            "image_count_total": {"usage": 2, "limit": 4},
            "image_count_uploading": {"usage": 0, "limit": 1},
        }
    }


@real
def test_uploads_at_a_time(mia: httpx.Client) -> None:
    ids = [mia.post("/v2/images", json=RAW).json()["id"] for _ in range(2)]
    running, go_on = threading.Event(), threading.Event()

    def body() -> Iterator[bytes]:
        yield b"first"
        running.set()
        go_on.wait(60)
        yield b"last"

    def first() -> None:
        answers.append(mia.put(f"/v2/images/{ids[0]}/file", content=body(), headers=OCTETS))

    answers: list[httpx.Response] = []
    upload = threading.Thread(target=first)
    upload.start()
    try:
        assert running.wait(60)
        while mia.get(f"/v2/images/{ids[0]}").json()["status"] != "saving":
            pass
        refused = mia.put(f"/v2/images/{ids[1]}/file", content=b"x", headers=OCTETS)
        assert refused.status_code == 413
        assert "images getting data at a time" in refused.text
    finally:
        go_on.set()
        upload.join(60)
    assert answers[0].status_code == 204
    assert mia.put(f"/v2/images/{ids[1]}/file", content=b"x", headers=OCTETS).status_code == 204


@real
def test_the_endpoint_by_its_id(identity: Keystone, region: str) -> None:
    with caller(identity.url, identity.token("admin", system="all")) as call:
        found = call("GET", f"/endpoints?region_id={region}&service_id={identity.ids['service/image']}")["endpoints"]
    session = LimitsSession(settings(identity, "", endpoint_service_type=None, endpoint_id=found[0]["id"]))
    assert session.read(identity.ids["project/alpha"]) == LIMITS
    assert session.read(identity.ids["project/beta"]) == LIMITS | {"image_count_total": 1}
    session.close()


@real
async def test_without_registered_limits_nothing_is_allowed(identity: Keystone) -> None:
    limits = KeystoneLimits(LimitsSession(settings(identity, identity.register(f"http://image.invalid/{unique()}"))))
    assert await limits.of(identity.ids["project/alpha"]) == Limits(stored=0, staged=0, images=0, uploading=0)
    assert await limits.of("") == UNLIMITED
    await limits.close()


@real
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"login": {"password": "not this"}}, "Unauthorized"),
        ({"endpoint_region_name": "nowhere"}, "0 entries of endpoint"),
        ({"endpoint_region_name": None}, "entries of endpoint"),
    ],
    ids=["password", "region", "several"],
)
def test_what_cannot_be_read_is_said_in_the_log(
    identity: Keystone, region: str, caplog: pytest.LogCaptureFixture, changes: dict[str, Any], reason: str
) -> None:
    if "login" in changes:
        changes = {"login": login(identity, **changes["login"])}
    session = LimitsSession(settings(identity, region, **changes))
    with pytest.raises(LimitsUnavailable) as refused:
        session.read("any")
    assert "Keystone" in str(refused.value)
    assert reason in caplog.text
    assert "not this" not in caplog.text
    session.close()


def test_a_login_that_is_none() -> None:
    with pytest.raises(LoginInvalid, match=r"\[oslo_limit\] auth_type 'pigeon'"):
        LimitsSession(UnifiedLimitsSettings(auth_type="pigeon", login={}))


class Script:
    """A Keystone that answers what it is told to, and counts."""

    def __init__(self) -> None:
        self.answer: Mapping[str, int] | None = {"image_size_total": 1, "image_count_total": -1}
        self.asked = 0

    def read(self, project_id: str) -> Mapping[str, int]:
        self.asked += 1
        if self.answer is None:
            raise LimitsUnavailable("away")
        return self.answer

    def close(self) -> None:
        self.answer = None


async def test_known_limits_hold_for_a_while() -> None:
    script, now = Script(), [0.0]
    limits = KeystoneLimits(script, clock=lambda: now[0])
    first = await limits.of("p")
    assert first == Limits(stored=MIB, staged=0, images=None, uploading=0)
    now[0] = FRESH_SECONDS - 1
    script.answer = {"image_size_total": 2}
    assert await limits.of("p") == first
    assert script.asked == 1
    now[0] = FRESH_SECONDS
    assert (await limits.of("p")).stored == 2 * MIB
    script.answer = None
    now[0] += STALE_SECONDS
    assert (await limits.of("p")).stored == 2 * MIB
    with pytest.raises(LimitsUnavailable):
        await limits.of("unknown")
    now[0] += 1
    with pytest.raises(LimitsUnavailable):
        await limits.of("p")
