"""Refusals carry a code that programs match on, besides the sentence for people."""

import pytest

from tests.api.wire import FORMATS, Caller

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.mark.ours
@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", f"/v2/images/{UNKNOWN}", "image-not-found"),
        ("GET", "/v2/images?limit=-1", "invalid-query"),
        ("GET", f"/v2/images?marker={UNKNOWN}", "marker-not-found"),
        ("DELETE", f"/v2/images/{UNKNOWN}/tags/x", "image-not-found"),
    ],
)
def test_the_code_is_in_a_header(member: Caller, method: str, path: str, code: str) -> None:
    answer = member.request(method, path)
    assert answer.status_code >= 400
    assert answer.headers["x-intaglio-error"] == code


@pytest.mark.ours
def test_no_success_carries_one(member: Caller) -> None:
    image = member.create(**FORMATS)
    assert "x-intaglio-error" not in member.get(f"/v2/images/{image['id']}").headers
