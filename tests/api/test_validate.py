"""Images against the catalogue: GET /v2/images/{id}/validate, and `[metadefs] enforce` on creation and PATCH."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.wire import PATCH_V21, Json, json_of, op, refused
from tests.starters.base import Missing, debian
from tests.starters.intaglio import Intaglio, User, intaglio

pytestmark = pytest.mark.ours
ADMIN = User("root", "ops", ("admin", "member", "reader"))
MIA = User("mia", "alpha", ("member", "reader"))
STAN = User("stan", "beta", ("member", "reader"))
HEADER = "X-Intaglio-Metadef-Warning"


class Site:
    """A service with the definitions that come with it, and one namespace of the project alpha."""

    def __init__(self, service: Intaglio) -> None:
        self.service = service
        own: Json = {
            "namespace": "Alpha::Own",
            "owner": "alpha",
            "resource_type_associations": [{"name": "OS::Glance::Image", "prefix": "alpha_"}],
            "properties": {"level": {"title": "Level", "type": "integer", "minimum": 1, "maximum": 5}},
        }
        assert self.ask(ADMIN, "POST", "/v2/metadefs/namespaces", json=own).status_code == 201

    def ask(self, user: User, method: str, path: str, **more: object) -> httpx.Response:
        auth = (user.name, user.password)
        return httpx.request(method, self.service.url + path, auth=auth, timeout=60, **more)  # type: ignore[arg-type]

    def create(self, user: User = MIA, **properties: str) -> httpx.Response:
        return self.ask(user, "POST", "/v2/images", json=properties)

    def change(self, image_id: str, *operations: Json) -> httpx.Response:
        headers = {"Content-Type": PATCH_V21}
        return self.ask(MIA, "PATCH", f"/v2/images/{image_id}", json=list(operations), headers=headers)

    def validate(self, image_id: str, user: User = MIA) -> Json:
        answer = self.ask(user, "GET", f"/v2/images/{image_id}/validate")
        assert answer.status_code == 200, answer.text
        return json_of(answer)


def site(directory: Path, enforce: str) -> Iterator[Site]:
    conf = f"[metadefs]\nenforce = {enforce}\n"
    with intaglio(directory, users=[ADMIN, MIA, STAN], workers=1, conf=conf) as service:
        yield Site(service)


@pytest.fixture(scope="module")
def off(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    yield from site(tmp_path_factory.mktemp("off"), "off")


@pytest.fixture(scope="module")
def warn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    yield from site(tmp_path_factory.mktemp("warn"), "warn")


@pytest.fixture(scope="module")
def require(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    yield from site(tmp_path_factory.mktemp("require"), "require")


class TestValidate:
    def test_nothing_is_wrong(self, off: Site) -> None:
        answer = off.create(hw_disk_bus="virtio", hw_cpu_cores="4", hw_boot_menu="yes", anything="goes")
        assert HEADER not in answer.headers
        report = off.validate(answer.json()["id"])
        assert (report["valid"], report["findings"], report["undefined"]) == (True, [], ["anything"])

    @pytest.mark.parametrize(
        ("name", "value", "namespace", "said"),
        [
            ("hw_disk_bus", "virtoi", "OS::Compute::Devices", "did you mean 'virtio'?"),
            ("hw_cpu_cores", "0", "OS::Compute::CPUTopology", "a whole number of at least 1"),
            ("hw_redirected_usb_ports", "16", "OS::Compute::Devices", "from 0 to 15"),
            ("hw_boot_menu", "perhaps", "OS::Compute::Firmware", "true or false"),
            ("provided_until", "soon", "SCS::Image", "must match"),
            ("sw_database_redis_port", "65536", "OS::Software::Installed", "from 1 to 65535"),
            ("alpha_level", "six", "Alpha::Own", "from 1 to 5"),
        ],
    )
    def test_a_value_that_is_not_allowed(self, off: Site, name: str, value: str, namespace: str, said: str) -> None:
        image_id = off.create(MIA, **{name: value}).json()["id"]
        report = off.validate(image_id)
        assert report["valid"] is False
        (finding,) = report["findings"]
        assert (finding["property"], finding["value"], finding["severity"]) == (name, value, "error")
        assert finding["namespace"] == namespace
        assert said in finding["message"]

    def test_a_name_that_is_nearly_one(self, off: Site) -> None:
        report = off.validate(off.create(hw_disk_bsu="virtio").json()["id"])
        assert report["valid"] is True
        (finding,) = report["findings"]
        assert (finding["property"], finding["code"]) == ("hw_disk_bsu", "misspelt-name")
        assert "'hw_disk_bus'" in finding["message"]

    def test_a_namespace_counts_for_images_of_its_owner(self, off: Site) -> None:
        theirs = off.create(STAN, alpha_level="six").json()["id"]
        assert off.validate(theirs, STAN)["undefined"] == ["alpha_level"]

    def test_who_may(self, off: Site) -> None:
        image_id = off.create(visibility="private").json()["id"]
        refused(off.ask(STAN, "GET", f"/v2/images/{image_id}/validate"), 404)
        assert off.validate(image_id, ADMIN)["valid"] is True

    @pytest.mark.real
    def test_operating_system(self, off: Site) -> None:
        try:
            debian(["osinfo-db"], "libosinfo's database", provides=["/usr/share/osinfo/os"])
        except Missing as missing:
            pytest.skip(f"real part missing: {missing}")
        report = off.validate(off.create(os_distro="debian", os_version="11", hw_vif_model="e1000").json()["id"])
        assert report["valid"] is True
        suggested = {each["property"]: each for each in report["suggestions"]}
        assert suggested["hw_disk_bus"].items() >= {"value": "virtio", "current": None, "certain": True}.items()
        assert suggested["hw_vif_model"].items() >= {"value": "virtio", "current": "e1000"}.items()
        assert suggested["min_ram"]["value"] == "1024"
        assert suggested["hw_firmware_type"]["certain"] is False
        report = off.validate(off.create(os_distro="debain").json()["id"])
        assert report["valid"] is False
        assert "such as debian" in report["findings"][0]["message"]


def test_warn(warn: Site) -> None:
    answer = warn.create(hw_disk_bus="virtoi", name="n")
    assert answer.status_code == 201
    assert answer.headers[HEADER].startswith("hw_disk_bus = 'virtoi': must be one of")
    image_id = answer.json()["id"]
    assert HEADER not in warn.change(image_id, op("replace", "/name", "other")).headers
    answer = warn.change(image_id, op("add", "/hw_cpu_cores", "\N{GREEK SMALL LETTER PI}"))
    assert answer.status_code == 200
    assert answer.headers[HEADER] == "hw_cpu_cores = '\\u03c0': must be a whole number of at least 1."
    assert HEADER not in warn.change(image_id, op("replace", "/hw_cpu_cores", "4")).headers
    assert f"image {image_id}: hw_disk_bus = 'virtoi'" in warn.service.log.read_text()


class TestRequire:
    def test_create(self, require: Site) -> None:
        answer = require.create(hw_disk_bus="virtoi", hw_cpu_cores="x")
        refused(answer, 400)
        assert answer.headers["X-Intaglio-Error"] == "property-not-allowed"
        for said in ("hw_disk_bus = 'virtoi'", "must be one of fdc, ide", "hw_cpu_cores = 'x'", "at least 1"):
            assert said in answer.text
        assert require.create(hw_disk_bus="virtio", free="x").status_code == 201

    def test_patch(self, require: Site) -> None:
        image = json_of(require.create(hw_disk_bus="virtio"))
        refused(require.change(image["id"], op("replace", "/hw_disk_bus", "bus")), 400)
        assert json_of(require.ask(MIA, "GET", f"/v2/images/{image['id']}")) == image
        assert require.change(image["id"], op("replace", "/hw_disk_bus", "scsi")).status_code == 200

    def test_what_was_wrong_before_may_stay(self, require: Site) -> None:
        """A definition that comes later keeps nobody from changing something else."""
        image_id = require.create(late_size="big").json()["id"]
        late: Json = {
            "namespace": "Late", "visibility": "public", "resource_type_associations": [{"name": "OS::Glance::Image"}],
            "properties": {"late_size": {"title": "Size", "type": "integer"}},
        }  # fmt: skip
        assert require.ask(ADMIN, "POST", "/v2/metadefs/namespaces", json=late).status_code == 201
        assert require.change(image_id, op("add", "/other", "x")).status_code == 200
        refused(require.change(image_id, op("replace", "/late_size", "huge")), 400)
        assert require.change(image_id, op("remove", "/late_size")).status_code == 200
