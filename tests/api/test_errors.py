"""Error bodies: what the real clients, by their own code, make of them for the person who reads them."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.api.wire import FORMATS, OCTETS, PATCH_V21, Caller, Json, differs, op
from tests.starters.clients import clients

# run by the Python of the clients: what each would show for these answers
PARSERS = """
import json, sys
import glanceclient.exc, openstack.exceptions, requests
shown = []
for given in json.load(sys.stdin):
    answer = requests.Response()
    answer.status_code, answer.reason, answer.url = given["status"], given["reason"], given["url"]
    answer.headers.update(given["headers"])
    answer._content = given["text"].encode()
    answer.encoding = "utf-8"
    answer.request = requests.Request("GET", given["url"]).prepare()
    try:
        glance = glanceclient.exc.from_response(answer, answer.content)
    except AttributeError as stumbled:  # over JSON, for which it never asks
        glance = stumbled
    try:
        openstack.exceptions.raise_from_response(answer)
    except openstack.exceptions.HttpException as error:
        sdk = error
    shown.append([type(glance).__name__, str(glance), type(sdk).__name__, str(sdk), sdk.request_id])
json.dump(shown, sys.stdout)
"""


@pytest.fixture(scope="module")
def python() -> Path:
    return clients() / "python"


def shown(python: Path, answers: list[Json]) -> list[list[str]]:
    done = subprocess.run(
        [python, "-c", PARSERS], input=json.dumps(answers), capture_output=True, text=True, check=True
    )
    result: list[list[str]] = json.loads(done.stdout)
    return result


@pytest.mark.real
@pytest.mark.parametrize(
    "accept",
    [
        pytest.param("*/*", id="glance"),
        pytest.param("application/json", id="sdk"),
        pytest.param("", id="sdk-upload", marks=differs("Glance answers with plain text, which is dropped")),
        pytest.param("text/html,application/xml;q=0.9,*/*;q=0.8", id="browser"),
    ],
)
def test_reason_reaches_the_person(member: Caller, reader: Caller, python: Path, accept: str) -> None:
    queued, active = member.create(**FORMATS)["id"], member.active()["id"]
    protected = member.create(protected=True)["id"]
    unknown = "00000000-0000-4000-8000-000000000000"
    more = {"Accept": accept}
    octets = OCTETS | more
    patch = more | {"Content-Type": PATCH_V21}
    cases = [
        (member.get(f"/v2/images/{unknown}", headers=more), unknown, "NotFound", "NotFoundException"),
        (member.post("/v2/images", json={"name": 5}, headers=more), "name", "BadRequest", "BadRequestException"),
        (
            member.post("/v2/images", json={"status": "active"}, headers=more),
            "status", "Forbidden", "ForbiddenException",
        ),
        (member.post("/v2/images", json={"id": queued}, headers=more), queued, "Conflict", "ConflictException"),
        (member.get("/v2/images?sort_key=colour", headers=more), "colour", "BadRequest", "BadRequestException"),
        (member.delete(f"/v2/images/{protected}", headers=more), "protected", "Forbidden", "ForbiddenException"),
        (
            member.patch(f"/v2/images/{queued}", content=json.dumps([op("remove", "/gone")]), headers=patch),
            "gone", "Conflict", "ConflictException",
        ),
        (member.put(f"/v2/images/{active}/file", content=b"x", headers=octets), "", "Conflict", "ConflictException"),
        (
            member.put(f"/v2/images/{queued}/file", content=b"x", headers=octets | {"x-openstack-image-size": "7"}),
            "7", "BadRequest", "BadRequestException",
        ),
        (reader.put(f"/v2/images/{queued}/file", content=b"x", headers=octets), "", "Forbidden", "ForbiddenException"),
        (
            member.post("/v2/images", json={"tags": [str(n) for n in range(129)]}, headers=more),
            "128", "OverLimit", "HttpException",
        ),
        (
            member.patch(f"/v2/images/{queued}", content="[]", headers=more),
            "", "HTTPException", "HttpException",
        ),
    ]  # fmt: skip
    answers = [
        {
            "status": answer.status_code,
            "reason": answer.reason_phrase,
            "url": str(answer.url),
            "headers": dict(answer.headers),
            "text": answer.text,
        }
        for answer, *_ in cases
    ]
    for (answer, word, glance, sdk), said in zip(cases, shown(python, answers), strict=True):
        glance_type, glance_text, sdk_type, sdk_text, request_id = said
        case = f"{answer.request.method} {answer.url.path}: {said}"
        assert answer.status_code >= 400, case
        assert sdk_type == sdk, case
        assert word in sdk_text, case
        assert sdk_text.count(":") > 2, case  # more than status, address and phrase
        assert request_id == answer.headers["x-openstack-request-id"]
        if accept != "application/json":
            assert glance_type.removeprefix("HTTP") == glance.removeprefix("HTTP"), case
            assert word in glance_text, case


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "&lt;", '"><img src=x>', "a\r\nb"])
def test_what_was_sent_is_never_markup(member: Caller, text: str) -> None:
    for answer in (
        member.post("/v2/images", json={"disk_format": text}),
        member.get("/v2/images", params={"sort_key": text}),
        member.post("/v2/images", json={"id": text}),
    ):
        assert answer.status_code == 400
        if answer.headers["content-type"].startswith("text/html"):
            assert text not in answer.text or "<" not in text
        assert "\r\nb" not in str(answer.headers)
