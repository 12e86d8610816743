"""POST import with web-download: what is refused at once, and an arc over a real web server."""

import hashlib
from collections.abc import Iterator

import pytest

from tests.api.test_import import ask, imported
from tests.api.wire import FORMATS, PEOPLE, Caller, Json, Target, digests, noise, refused
from tests.imports.source import HERE, Source, serving
from tests.starters.intaglio import intaglio


def by_url(uri: object, **more: str) -> Json:
    return {"method": {"name": "web-download", "uri": uri, **more}}


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "http://",
        "images.example.org/disk.img",
        "file:///etc/passwd",
        "ftp://images.example.org/disk.img",
        "http://127.0.0.1/",
        "http://localhost/",
        "http://2130706433/",
        "http://0x7f.0.0.1/",
        "http://127.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://images.example.org:22/",
    ],
)
def test_refused_as_glance_does(member: Caller, uri: str) -> None:
    image_id: str = member.create(**FORMATS)["id"]
    refused(ask(member, image_id, by_url(uri)), 400)
    assert member.image(image_id)["status"] == "queued"


@pytest.mark.ours
@pytest.mark.parametrize(
    "uri", ["http://0.0.0.0/", "http://10.0.0.1/", "http://[::]/", "http://[64:ff9b::127.0.0.1]/", "http://224.0.0.1/"]
)
def test_refused(member: Caller, uri: str) -> None:
    image_id: str = member.create(**FORMATS)["id"]
    answer = ask(member, image_id, by_url(uri))
    refused(answer, 400)
    assert answer.headers["x-intaglio-error"] == "source-refused"
    assert member.image(image_id)["status"] == "queued"


@pytest.mark.parametrize("uri", [7, None, ["http://images.example.org/"]], ids=["number", "null", "list"])
@pytest.mark.ours
def test_no_text(member: Caller, uri: object) -> None:
    refused(ask(member, member.create(**FORMATS)["id"], by_url(uri)), 400)


@pytest.mark.ours
@pytest.mark.parametrize(
    "more",
    [
        {"checksum": "sha256:abc"},
        {"checksum": "crc32:00000000"},
        {"checksum": "sha256:" + "0" * 64, "checksum_url": "http://images.example.org/SHA256SUMS"},
        {"checksum_name": "disk.img"},
        {"checksum_url": "http://127.0.0.1/SHA256SUMS"},
        {"checksum": 7},
    ],
    ids=["short", "unknown", "twice", "name-alone", "list-inside", "number"],
)
def test_digests_that_are_none(member: Caller, more: dict[str, str]) -> None:
    refused(ask(member, member.create(**FORMATS)["id"], by_url("http://images.example.org/disk.img", **more)), 400)


def test_only_a_queued_image(member: Caller, stranger: Caller, reader: Caller) -> None:
    uri = "http://images.example.org/disk.img"
    refused(ask(member, member.active()["id"], by_url(uri)), 409)
    refused(ask(member, member.create()["id"], by_url(uri)), 409)
    image_id: str = member.create(**FORMATS)["id"]
    refused(ask(stranger, image_id, by_url(uri)), 404)
    refused(ask(reader, image_id, by_url(uri)), 403)


@pytest.fixture
def source() -> Iterator[Source]:
    with serving() as found:
        yield found


@pytest.fixture(scope="module")
def open_to_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """A caller of a service whose operator opened the address of the tests' web server."""
    conf = f"[intaglio]\nfetch_networks = {HERE}\n[import_filtering_opts]\nallowed_ports =\n"
    person = next(user for user in PEOPLE if user.name == "mia")
    with intaglio(tmp_path_factory.mktemp("open"), users=[person], conf=conf, workers=1) as service:
        caller = Caller(Target(service.url), person)
        yield caller
        caller.close()


@pytest.mark.ours
def test_arc(open_to_here: Caller, source: Source) -> None:
    member = open_to_here
    source.data = noise(3_000_000)
    image_id: str = member.create(**FORMATS)["id"]
    uri = source.url.replace("http://", "http://bob:geheim@")
    digest = hashlib.sha256(source.data).hexdigest()
    assert ask(member, image_id, by_url(uri, checksum=f"sha256:{digest}")).status_code == 202
    image = imported(member, image_id)
    assert {name: image[name] for name in ("status", *digests(source.data))} == {
        "status": "active",
        **digests(source.data),
    }
    (task,) = member.get(f"/v2/images/{image_id}/tasks").json()["tasks"]
    assert task["status"] == "success"
    assert task["input"]["import_req"]["method"]["uri"] == source.url.replace("http://", "http://***@")
    assert "geheim" not in str(task)
    assert source.asked == [None]


@pytest.mark.ours
def test_a_failure_says_why(open_to_here: Caller, source: Source) -> None:
    member = open_to_here
    image_id: str = member.create(**FORMATS)["id"]
    assert ask(member, image_id, by_url(source.url, checksum="md5:" + "0" * 32)).status_code == 202
    image = imported(member, image_id)
    assert (image["status"], image["size"], image["checksum"]) == ("queued", None, None)
    (task,) = member.get(f"/v2/images/{image_id}/tasks").json()["tasks"]
    assert task["status"] == "failure"
    assert task["message"].startswith("Step 'fetch' failed: The md5 of what came is ")
    assert "import again" in task["message"]
    assert ask(member, image_id, by_url(source.url)).status_code == 202
    assert imported(member, image_id)["status"] == "active"
