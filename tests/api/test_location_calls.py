"""Data that stay where they are: the newer calls for locations, and PATCH, over a real web server and a real S3."""

import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.api.test_upload import qcow2
from tests.api.wire import FORMATS, PEOPLE, Caller, Json, Target, digests, noise, op, refused
from tests.signatures.test_receipts import receipt
from tests.starters.base import wait_until
from tests.starters.intaglio import User, intaglio
from tests.starters.nginx import nginx
from tests.starters.s3 import s3
from tests.stores.s3_stores import bucket_name, keys_and_sizes, options

pytestmark = [pytest.mark.real, pytest.mark.ours, pytest.mark.timeout(300)]

NOVA = User("nova", "alpha", ("service", "member", "reader"))
DATA = noise(3_000_000)
SHA256 = {"os_hash_algo": "sha256", "os_hash_value": hashlib.sha256(DATA).hexdigest()}
WRONG = {"os_hash_algo": "sha512", "os_hash_value": "ab" * 64}
KNOWN = ("checksum", "os_hash_algo", "os_hash_value")
CONF = """[DEFAULT]
enabled_backends = fast:file, web:http, cloud:s3
show_multiple_locations = true
show_image_direct_url = true
user_storage_quota = 200MB
image_location_quota = 3
do_secure_hash = {secure}
[glance_store]
default_backend = fast
[fast]
filesystem_store_datadir = {home}/fast
[web]
weight = 10
[cloud]
{cloud}
[import_filtering_opts]
allowed_ports =
[intaglio]
fetch_networks = 127.0.0.1
trusted_proxies = 127.0.0.1
"""


class Behind(Caller):
    """A caller as the proxy in front names him: so there can be services."""

    def __init__(self, target: Target, user: User) -> None:
        super().__init__(dataclasses.replace(target, peer=True), user)
        self.target = target


@dataclasses.dataclass
class Site:
    by: Callable[[str], Caller]
    web: Path
    url: str
    objects: Callable[[], dict[str, int]]
    put: Callable[[str, bytes], str]
    stop: Callable[[], None]
    start: Callable[[], None]

    def add(self, who: str, image_id: str, url: str, **more: object) -> httpx.Response:
        return self.by(who).post(f"/v2/images/{image_id}/locations", json={"url": url, **more})

    def task(self, image_id: str) -> Json:
        """The task about the image, when it has ended."""

        def tasks() -> list[Json]:
            found: list[Json] = self.by("mia").get(f"/v2/images/{image_id}/tasks").json()["tasks"]
            return found

        wait_until(lambda: tasks()[0]["status"] in {"success", "failure"}, "the task", seconds=60)
        return tasks()[0]

    def queued(self, **fields: object) -> str:
        return str(self.by("mia").create(**(FORMATS | fields))["id"])

    def state(self, image_id: str) -> Json:
        image = self.by("mia").image(image_id)
        return {name: image.get(name) for name in ("status", "size", *KNOWN, "stores")}


QUEUED = dict.fromkeys(("size", *KNOWN, "stores")) | {"status": "queued"}


@contextmanager
def site_at(home: Path, *, secure: bool) -> Iterator[Site]:
    web = home / "web"
    web.mkdir()
    for name, data in (("disk.img", DATA), ("copy", DATA), ("other", DATA[:-1] + b"\1"), ("empty", b"")):
        (web / name).write_bytes(data)
    (web / "backed.qcow2").write_bytes(qcow2(1 << 30))
    with (web / "big").open("wb") as file:
        file.truncate(201 << 20)
    bucket = bucket_name()
    with ExitStack() as stack:
        source = stack.enter_context(nginx(web, home / "nginx", workers=1))
        server = stack.enter_context(s3(home / "s3"))
        cloud = "\n".join(f"{name} = {value}" for name, value in options(server, bucket).items())
        conf = CONF.format(home=home, cloud=cloud, secure=str(secure).lower())
        service = stack.enter_context(intaglio(home / "service", conf=conf, auth="trusted_proxy", workers=1))
        target = Target(service.url)
        callers = {user.name: stack.enter_context(Behind(target, user)) for user in (*PEOPLE, NOVA)}

        def put(key: str, data: bytes) -> str:
            """An object as another service puts it there; its location."""
            maker = callers["mia"].create(**FORMATS, id=key)["id"]
            headers = {"X_Image_Meta_Store": "cloud"}
            assert callers["mia"].upload(maker, data, **headers).status_code == 204
            return str(callers["mia"].image(maker)["locations"][0]["url"])

        yield Site(
            callers.__getitem__,
            web,
            source.url,
            lambda: keys_and_sizes(server, bucket),
            put,
            service.stop,
            service.start,
        )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site_at(tmp_path_factory.mktemp("site"), secure=True) as found:
        yield found


@pytest.fixture(scope="module")
def lax(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service whose operator lets callers say what digests are."""
    with site_at(tmp_path_factory.mktemp("lax"), secure=False) as found:
        yield found


class TestAdded:
    def test_on_the_web(self, site: Site) -> None:
        image_id, mia = site.queued(), site.by("mia")
        answer = site.add("mia", image_id, f"{site.url}/disk.img".replace("//", "//bob:geheim@", 1))
        assert (answer.status_code, answer.content) == (202, b"")
        task = site.task(image_id)
        assert (task["id"], task["type"]) == (answer.headers["x-intaglio-task"], "location_import")
        assert (task["status"], task["message"], task["result"]) == ("success", "", {"image_id": image_id})
        assert site.state(image_id) == {"status": "active", "stores": "web", **digests(DATA)}
        image = mia.image(image_id)
        assert image["virtual_size"] == len(DATA)
        assert image["locations"] == [{"url": f"{site.url}/disk.img", "metadata": {"store": "web"}}]
        assert "os_glance_import_task" not in image
        assert "geheim" not in f"{task} {image}"
        assert mia.get(f"/v2/images/{image_id}/file").content == DATA
        part = mia.get(f"/v2/images/{image_id}/file", headers={"Range": "bytes=70000-70099"})
        assert (part.status_code, part.content) == (206, DATA[70000:70100])
        assert mia.delete(f"/v2/images/{image_id}").status_code == 204
        assert (site.web / "disk.img").exists()

    @pytest.mark.parametrize("who", ["nova", "root"])
    def test_is_listed_for_services(self, site: Site, who: str) -> None:
        image_id = site.queued()
        url = f"{site.url}/disk.img"
        site.add("mia", image_id, url)
        site.task(image_id)
        answer = site.by(who).get(f"/v2/images/{image_id}/locations")
        assert (answer.status_code, answer.json()) == (200, [{"url": url, "metadata": {"store": "web"}}])
        refused(site.by("mia").get(f"/v2/images/{image_id}/locations"), 403)
        refused(site.by("stan").get(f"/v2/images/{image_id}/locations"), 404)

    def test_with_the_right_digest(self, site: Site) -> None:
        image_id = site.queued()
        given = SHA256 | {"os_hash_value": SHA256["os_hash_value"].upper()}
        assert site.add("mia", image_id, f"{site.url}/disk.img", validation_data=given).status_code == 202
        assert site.task(image_id)["status"] == "success"
        assert site.state(image_id) == {"status": "active", "stores": "web", **digests(DATA), **SHA256}

    def test_by_a_service_in_a_store(self, site: Site) -> None:
        url = site.put("0b9d2f5c-9c06-4cf8-a2d8-05b1d8a9c0f1", DATA)
        image_id = site.queued()
        assert site.add("nova", image_id, url).status_code == 202
        assert site.task(image_id)["status"] == "success"
        assert site.state(image_id) == {"status": "active", "stores": "cloud", **digests(DATA)}
        assert site.by("mia").get(f"/v2/images/{image_id}/file").content == DATA

    def test_an_object_goes_with_its_image(self, site: Site) -> None:
        key = "1b9d2f5c-9c06-4cf8-a2d8-05b1d8a9c0f1"
        url = site.put(key, DATA)
        image_id = site.queued()
        site.add("nova", image_id, url, validation_data=SHA256)
        assert site.task(image_id)["status"] == "success"
        assert site.by("mia").delete(f"/v2/images/{image_id}").status_code == 204
        assert key not in site.objects()


class TestNotAdded:
    @pytest.mark.parametrize(
        ("name", "more", "fields", "said"),
        [
            ("disk.img", {"validation_data": WRONG}, {}, "should be abab"),
            ("none", {}, {}, "404"),
            ("empty", {}, {}, "no data"),
            ("disk.img", {}, {"disk_format": "qcow2"}, "not qcow2"),
            ("big", {}, {}, "quota"),
        ],
        ids=["digest", "absent", "empty", "format", "quota"],
    )
    def test_the_task_says_why(self, site: Site, name: str, more: Json, fields: Json, said: str) -> None:
        image_id = site.queued(**fields)
        assert site.add("mia", image_id, f"{site.url}/{name}", **more).status_code == 202
        task = site.task(image_id)
        assert (task["status"], said in task["message"]) == ("failure", True), task["message"]
        assert site.state(image_id) == QUEUED
        assert site.add("mia", image_id, f"{site.url}/disk.img").status_code == 202
        if not fields:
            wait_until(lambda: site.state(image_id)["status"] == "active", "the second attempt")

    def test_data_that_would_reach_outside(self, site: Site) -> None:
        unsafe = bytearray(qcow2(1 << 30))
        unsafe[8:20] = (100).to_bytes(8, "big") + (8).to_bytes(4, "big")  # the name of a backing file
        (site.web / "unsafe.qcow2").write_bytes(unsafe)
        image_id = site.queued(disk_format="qcow2")
        site.add("mia", image_id, f"{site.url}/unsafe.qcow2")
        assert "backing file" in site.task(image_id)["message"]
        assert site.state(image_id) == QUEUED

    @pytest.mark.parametrize(
        "body",
        [
            {},
            [],
            {"url": None},
            {"url": 5},
            {"url": ""},
            {"url": "http://images.example.org/ü"},
            {"url": "http://images.example.org/" + "x" * 9000},
            {"url": "http://x/", "validation_data": None},
            {"url": "http://x/", "validation_data": []},
            {"url": "http://x/", "validation_data": {"os_hash_algo": "sha256"}},
            {"url": "http://x/", "validation_data": {"os_hash_value": "ab" * 64}},
            {"url": "http://x/", "validation_data": WRONG | {"os_hash_algo": "sha123"}},
            {"url": "http://x/", "validation_data": WRONG | {"os_hash_algo": "sha256"}},
            {"url": "http://x/", "validation_data": WRONG | {"os_hash_value": "xy" * 64}},
            {"url": "http://x/", "validation_data": WRONG | {"checksum": "ab" * 16}},
            {"url": "http://x/", "validation_data": WRONG | {"os_hash_value": 5}},
            {"url": "http://10.0.0.1/x"},
            {"url": "http://169.254.169.254/latest/meta-data/"},
            {"url": "http://0x7f.1/"},
            {"url": "http://"},
        ],
        ids=lambda body: str(body)[:60],
    )
    def test_at_once(self, site: Site, body: object) -> None:
        image_id = site.queued()
        for who in ("mia", "nova"):
            refused(site.by(who).post(f"/v2/images/{image_id}/locations", json=body), 400)
        assert site.state(image_id) == QUEUED
        assert site.by("mia").get(f"/v2/images/{image_id}/tasks").json()["tasks"] == []

    @pytest.mark.parametrize("scheme", ["file:///etc/passwd", "filesystem:///etc/passwd", "swift+config://r/c/o", "x:"])
    def test_what_is_internal(self, site: Site, scheme: str) -> None:
        image_id = site.queued()
        refused(site.add("nova", image_id, scheme), 400)
        refused(site.add("mia", image_id, scheme), 403)
        refused(site.add("root", image_id, scheme), 403)

    def test_users_name_nothing_in_a_store(self, site: Site) -> None:
        url = site.put("2b9d2f5c-9c06-4cf8-a2d8-05b1d8a9c0f1", DATA)
        refused(site.add("mia", site.queued(), url), 403)

    def test_who_may_not(self, site: Site) -> None:
        image_id, url = site.queued(), f"{site.url}/disk.img"
        refused(site.add("rea", image_id, url), 403)
        refused(site.add("stan", image_id, url), 404)

    def test_in_another_status(self, site: Site) -> None:
        url = f"{site.url}/disk.img"
        active = site.by("mia").active()["id"]
        refused(site.add("mia", active, url), 409)
        refused(site.add("mia", str(site.by("mia").create()["id"]), url), 409)
        image_id = site.queued()
        assert site.add("mia", image_id, url).status_code == 202
        refused(site.add("mia", image_id, url), 409)
        refused(site.by("mia").upload(image_id, b"data"), 409)
        site.task(image_id)


class TestPatched:
    """The older way, which answers when it is done."""

    def change(self, site: Site, image_id: str, url: str, who: str = "mia", **more: object) -> httpx.Response:
        value = {"url": url, "metadata": {"rack": "7"}, **more}
        return site.by(who).change(image_id, op("add", "/locations/-", value))

    def test_first_and_second(self, site: Site) -> None:
        image_id, url = site.queued(), f"{site.url}/disk.img"
        assert self.change(site, image_id, url).status_code == 200
        assert site.state(image_id) == {"status": "active", "stores": "web", **digests(DATA)}
        refused(self.change(site, image_id, url), 400)
        assert self.change(site, image_id, f"{site.url}/copy").status_code == 200
        refused(self.change(site, image_id, f"{site.url}/other"), 409)
        refused(self.change(site, image_id, f"{site.url}/empty"), 400)
        image = site.by("mia").image(image_id)
        noted = {"rack": "7", "store": "web"}
        assert image["locations"] == [{"url": f"{site.url}/{name}", "metadata": noted} for name in ("disk.img", "copy")]
        assert site.by("mia").get(f"/v2/images/{image_id}/file").content == DATA
        assert self.change(site, image_id, f"{url}#third").status_code == 200
        refused(self.change(site, image_id, f"{url}#fourth"), 413)
        removed = site.by("root").change(image_id, op("remove", "/locations/0"))
        assert [each["url"] for each in removed.json()["locations"]] == [f"{site.url}/copy", f"{url}#third"]
        assert (site.web / "disk.img").exists()

    def test_beside_an_upload(self, site: Site) -> None:
        image_id = site.by("mia").active(DATA)["id"]
        refused(self.change(site, image_id, f"{site.url}/other"), 409)
        assert self.change(site, image_id, f"{site.url}/disk.img").status_code == 200
        image = site.by("mia").image(image_id)
        assert image["stores"] == "web,fast"  # the heavier one first
        (site.web / "disk.img").rename(site.web / "away")
        try:
            assert site.by("mia").get(f"/v2/images/{image_id}/file").content == DATA
        finally:
            (site.web / "away").rename(site.web / "disk.img")

    def test_the_whole_list(self, site: Site) -> None:
        image_id = site.queued()
        value = [{"url": f"{site.url}/{name}", "metadata": {}} for name in ("disk.img", "copy")]
        answer = site.by("mia").change(image_id, op("replace", "/locations", value))
        assert answer.status_code == 200, answer.text
        assert site.state(image_id) == {"status": "active", "stores": "web,web", **digests(DATA)}

    @pytest.mark.parametrize(
        ("url", "status"),
        [
            ("file:///etc/passwd", 400),
            ("gopher://info.example.org", 400),
            ("http://10.0.0.1/x", 400),
            ("HERE/none", 400),
            ("HERE/empty", 400),
        ],
    )
    def test_refused(self, site: Site, url: str, status: int) -> None:
        image_id = site.queued()
        for who in ("mia", "root"):
            refused(self.change(site, image_id, url.replace("HERE", site.url), who), status)
        assert site.state(image_id) == QUEUED

    def test_formats_first(self, site: Site) -> None:
        image_id = str(site.by("mia").create()["id"])
        refused(self.change(site, image_id, f"{site.url}/disk.img"), 400)

    def test_the_declared_format_counts(self, site: Site) -> None:
        image_id = site.queued(disk_format="qcow2")
        refused(self.change(site, image_id, f"{site.url}/disk.img"), 415)
        assert site.state(image_id) == QUEUED

    def test_an_object_of_another_image(self, site: Site) -> None:
        url = site.put("3b9d2f5c-9c06-4cf8-a2d8-05b1d8a9c0f1", DATA)
        image_id = site.queued()
        refused(self.change(site, image_id, url), 403)
        assert self.change(site, image_id, url, "root").status_code == 200
        assert site.state(image_id)["status"] == "active"

    @pytest.mark.parametrize(
        ("given", "status"),
        [
            ({}, 400),
            ({"os_hash_algo": "sha512"}, 400),
            (WRONG | {"more": "x"}, 400),
            (WRONG | {"checksum": 5}, 400),
            ("x", 400),
            (WRONG, 409),
            (SHA256, 409),
            (WRONG | {"os_hash_value": "ab"}, 409),
            (WRONG | {"checksum": "ab"}, 409),
        ],
        ids=["nothing", "no-value", "one-more", "no-text", "text", "wrong", "other-algorithm", "short", "short-md5"],
    )
    def test_what_is_said_of_the_data(self, site: Site, given: object, status: int) -> None:
        image_id = site.queued()
        refused(self.change(site, image_id, f"{site.url}/disk.img", validation_data=given), status)
        assert site.state(image_id) == QUEUED

    def test_what_is_said_rightly(self, site: Site) -> None:
        image_id = site.queued()
        given = {name: digests(DATA)[name] for name in KNOWN}
        for name in ("disk.img", "copy"):
            assert self.change(site, image_id, f"{site.url}/{name}", validation_data=given).status_code == 200
        wrong = given | {"checksum": "0" * 32}
        refused(self.change(site, image_id, f"{site.url}/other", validation_data=wrong), 409)


class TestBelieved:
    """With `do_secure_hash` off callers are believed, and what is delivered is compared with what they said."""

    def test_digests(self, lax: Site) -> None:
        for post in (True, False):
            image_id, url = lax.queued(), f"{lax.url}/disk.img"
            if post:
                assert lax.add("mia", image_id, url, validation_data=WRONG).status_code == 202
                lax.task(image_id)
            else:
                value = {"url": url, "metadata": {}, "validation_data": WRONG}
                assert lax.by("mia").change(image_id, op("add", "/locations/-", value)).status_code == 200
            found = lax.state(image_id)
            assert {name: found[name] for name in WRONG} == WRONG
            assert (found["status"], found["checksum"], found["size"]) == ("active", None, len(DATA))
            with pytest.raises(httpx.RemoteProtocolError):
                lax.by("mia").get(f"/v2/images/{image_id}/file")
            assert receipt(lax.by("mia"), image_id)[1]["predicate"]["digests"] == "declared"

    def test_none(self, lax: Site) -> None:
        image_id, url = lax.queued(), f"{lax.url}/disk.img"
        assert lax.add("mia", image_id, url).status_code == 202
        lax.task(image_id)
        unknown = dict.fromkeys(KNOWN)
        assert lax.state(image_id) == {"status": "active", "size": len(DATA), "stores": "web", **unknown}
        assert lax.by("mia").get(f"/v2/images/{image_id}/file").content == DATA
        nothing = lax.by("mia").get(f"/v2/images/{image_id}/receipt")
        refused(nothing, 404)
        assert "No digest" in nothing.text

    def test_but_what_is_known_stays_so(self, lax: Site) -> None:
        image_id = lax.by("mia").active(DATA)["id"]
        value = {"url": f"{lax.url}/other", "metadata": {}}
        refused(lax.by("mia").change(image_id, op("add", "/locations/-", value)), 409)

    def test_the_verdict_is_passed_all_the_same(self, lax: Site) -> None:
        image_id = lax.queued(disk_format="qcow2")
        lax.add("mia", image_id, f"{lax.url}/disk.img")
        assert "not qcow2" in lax.task(image_id)["message"]
