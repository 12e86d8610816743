"""The whole table: what the signature is, through which door the bytes or the signature come, and what is asked for.

The imports of all rows are begun together, and then looked at one by one.
"""

import contextlib
import dataclasses
import itertools
import sqlite3
from collections.abc import Iterator

import httpx
import pytest

from tests.api.test_import import ask, imported, stage
from tests.api.wire import FORMATS, Caller, Json, op, refused
from tests.imports.source import Source, serving
from tests.signatures.conftest import Signing, signing_service

DATA = b"\0 bytes of a disk " * 4000
STATES = ("none", "valid", "wrong", "partial", "untrusted", "expired", "revoked", "down")
MODES = {"off": "off", "verify": "mia", "require": "req"}
IMPORTS = ("glance-direct", "web-download", "copy-image", "location")
NAMES = ("img_signature", "img_signature_hash_method", "img_signature_key_type", "img_signature_certificate_uuid")
WORDS = {
    "none": "is not signed",
    "wrong": "not what was signed",
    "partial": "without a value here: img_signature_certificate_uuid",
    "untrusted": "Nobody who is trusted here",
    "expired": "is valid from",
    "revoked": "was revoked",
    "down": "cannot be used",
}


def expected(state: str, mode: str) -> int | None:
    """The status that refuses it, None when it is accepted."""
    if mode == "off" or state == "valid" or (state == "none" and mode == "verify"):
        return None
    return 503 if state == "down" else 400


def properties(signing: Signing, state: str, data: bytes = DATA) -> dict[str, str]:
    who = {"untrusted": signing.eve, "expired": signing.old, "revoked": signing.rex}.get(state, signing.ann)
    made = who.properties(data if state != "wrong" else data + b"!")
    if state == "none":
        return {}
    if state == "partial":
        del made["img_signature_certificate_uuid"]
    return made | ({"img_signature_certificate_uuid": signing.down} if state == "down" else {})


@dataclasses.dataclass
class Row:
    """One import of the table."""

    image_id: str
    answer: httpx.Response


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signing]:
    with signing_service(tmp_path_factory.mktemp("table")) as found:
        yield found


@pytest.fixture(scope="module")
def people(signing: Signing) -> Iterator[dict[str, Caller]]:
    with contextlib.ExitStack() as stack:
        yield {mode: stack.enter_context(signing.caller(f"adm-{name}")) for mode, name in MODES.items()}


@pytest.fixture(scope="module")
def source() -> Iterator[Source]:
    with serving() as found:
        found.data = DATA
        yield found


@pytest.fixture(scope="module")
def rows(signing: Signing, people: dict[str, Caller], source: Source) -> dict[tuple[str, str, str], Row]:
    """Every import, begun."""
    found = {}
    for door, state, mode in itertools.product(IMPORTS, STATES, MODES):
        owner = people[mode]
        if door == "copy-image":
            image_id, body = as_glance_left_it(signing, owner, state), {"stores": ["slow"]}
        else:
            image_id, body = prepared(owner, signing, state), {}
        method = {"name": door}
        if door == "glance-direct":
            assert stage(owner, image_id, DATA).status_code == 204
        elif door == "web-download":
            method["uri"] = source.url
        if door == "location":
            answer = owner.post(f"/v2/images/{image_id}/locations", json={"url": source.url})
        else:
            answer = ask(owner, image_id, {"method": method, **body})
        found[door, state, mode] = Row(image_id, answer)
    return found


def prepared(owner: Caller, signing: Signing, state: str) -> str:
    """A queued image; what is missing is not complained of before there are data, since properties come one by one."""
    image_id: str = owner.create(**FORMATS)["id"]
    wanted = properties(signing, state)
    if wanted:
        answer = owner.change(image_id, *(op("add", f"/{name}", value) for name, value in wanted.items()))
        assert answer.status_code == 200, answer.text
    return image_id


def as_glance_left_it(signing: Signing, owner: Caller, state: str) -> str:
    """An active image of a database that was taken over: nobody looked at what its properties say."""
    first = owner.active(DATA, **properties(signing, "valid"))
    database = sqlite3.connect(signing.data / "intaglio.sqlite", timeout=30)
    with contextlib.closing(database), database:
        database.execute("DELETE FROM image_properties WHERE image_id = ?", (first["id"],))
        insert = (
            "INSERT INTO image_properties (image_id, name, value, created_at, updated_at, deleted)"
            " VALUES (?, ?, ?, '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000', 0)"
        )
        database.executemany(insert, [(first["id"], *pair) for pair in properties(signing, state).items()])
    return str(first["id"])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("state", STATES)
def test_upload(signing: Signing, people: dict[str, Caller], state: str, mode: str) -> None:
    owner = people[mode]
    image_id = prepared(owner, signing, state)
    answer = owner.upload(image_id, DATA)
    status = expected(state, mode)
    if status is None:
        assert answer.status_code == 204, answer.text
        assert owner.image(image_id)["status"] == "active"
        return
    refused(answer, status)
    assert WORDS[state] in answer.text
    nothing_left(signing, owner.image(image_id))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("door", IMPORTS)
def test_import(
    signing: Signing,
    people: dict[str, Caller],
    rows: dict[tuple[str, str, str], Row],
    door: str,
    state: str,
    mode: str,
) -> None:
    owner, row, status = people[mode], rows[door, state, mode], expected(state, mode)
    if status is not None and state != "wrong":
        refused(row.answer, status)
        assert WORDS[state] in row.answer.text
        assert owner.get(f"/v2/images/{row.image_id}/tasks").json()["tasks"] == []
        before = {"glance-direct": "uploading", "web-download": "queued", "copy-image": "active", "location": "queued"}
        assert owner.image(row.image_id)["status"] == before[door]
        return
    assert row.answer.status_code == 202, row.answer.text
    image = imported(owner, row.image_id)
    (task,) = owner.get(f"/v2/images/{row.image_id}/tasks").json()["tasks"]
    assert "signers_certificates" not in str(task)
    if status is None:
        assert (task["status"], image["status"]) == ("success", "active"), task["message"]
        assert image["stores"] == {"copy-image": "fast,slow", "location": "web"}.get(door, "fast")
        return
    assert task["status"] == "failure"
    assert WORDS["wrong"] in task["message"]
    if door == "copy-image":
        assert (image["status"], image["stores"]) == ("active", "fast")
        assert not [name for name in signing.target.files() if image["id"] in name and "/slow/" in name]
    else:
        nothing_left(signing, image)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("state", STATES)
def test_change(signing: Signing, people: dict[str, Caller], state: str, mode: str) -> None:
    """An active image, whose signature was good, gets another one."""
    owner = people[mode]
    before = owner.active(DATA, **signing.ann.properties(DATA, "SHA-512"))
    wanted = properties(signing, state)
    changes = [op("replace", f"/{name}", value) for name, value in wanted.items()]
    answer = owner.change(before["id"], *changes, *(op("remove", f"/{name}") for name in NAMES if name not in wanted))
    status = expected(state, mode)
    image = owner.image(before["id"])
    if status is None:
        assert answer.status_code == 200, answer.text
        assert {name: image[name] for name in NAMES if name in image} == wanted
    else:
        refused(answer, status)
        assert WORDS[state] in answer.text
        assert {name: image[name] for name in NAMES} == {name: before[name] for name in NAMES}
    assert owner.get(f"/v2/images/{image['id']}/file").content == DATA


def nothing_left(signing: Signing, image: Json) -> None:
    assert (image["status"], image["size"], image["checksum"]) == ("queued", None, None)
    assert not [path for path in signing.target.files() if image["id"] in path]
    assert not [path for path in signing.data.rglob(f"*{image['id']}*") if path.is_file()]


def test_a_signed_image_gets_no_location_by_patch(people: dict[str, Caller], signing: Signing, source: Source) -> None:
    """There nothing reads the bytes for its signature."""
    owner = people["verify"]
    image_id = prepared(owner, signing, "valid")
    value = {"url": source.url, "metadata": {}}
    answer = owner.change(image_id, op("add", "/locations/-", value))
    refused(answer, 409)
    assert "is signed" in answer.text
    nothing_left(signing, owner.image(image_id))
