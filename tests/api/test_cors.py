"""Calls from pages of other sites: what a browser asks, and what it is told.

The real Glance reads the option from files of its own choosing, so only what needs no option is compared with it.
"""

from collections.abc import Callable

import pytest

from tests.api.wire import Caller

There = Callable[[str], Caller]
DASH = "https://dash.example.org"


@pytest.mark.parametrize("path", ["/", "/v2/images", "/v2/images/no-uuid", "/nothing"])
@pytest.mark.parametrize("who", ["nobody", "member"])
def test_options_are_answered_without_credentials(request: pytest.FixtureRequest, who: str, path: str) -> None:
    for headers in ({}, {"Origin": DASH, "Access-Control-Request-Method": "GET"}):
        caller: Caller = request.getfixturevalue(who)
        answer = caller.request("OPTIONS", path, headers=headers)
        assert (answer.status_code, answer.content) == (200, b"")
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_no_site_is_allowed_unasked(member: Caller) -> None:
    answer = member.get("/v2/images", headers={"Origin": DASH})
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.ours
class TestAllowedSites:
    @pytest.mark.parametrize("origin", [DASH, "https://other.example.org:8443"])
    def test_preflight(self, there: There, origin: str) -> None:
        asked = {
            "Origin": origin,
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "X-Auth-Token, content-type, X-Image-Meta-Store",
        }
        answer = there("nobody").request("OPTIONS", "/v2/images/x/file", headers=asked)
        assert answer.status_code == 200
        said = {name: value for name, value in answer.headers.items() if name.startswith(("access-control", "vary"))}
        assert said == {
            "vary": "Origin",
            "access-control-allow-origin": origin,
            "access-control-allow-credentials": "true",
            "access-control-max-age": "3600",
            "access-control-allow-methods": "PUT",
            "access-control-allow-headers": "X-Auth-Token,content-type,X-Image-Meta-Store",
        }

    @pytest.mark.parametrize(
        "asked",
        [
            pytest.param({"Origin": "https://evil.example.org", "Access-Control-Request-Method": "GET"}, id="site"),
            pytest.param({"Origin": f"{DASH}:81", "Access-Control-Request-Method": "GET"}, id="port"),
            pytest.param({"Origin": "null", "Access-Control-Request-Method": "GET"}, id="null"),
            pytest.param({"Access-Control-Request-Method": "GET"}, id="no-site"),
            pytest.param({"Origin": DASH}, id="no-method"),
            pytest.param({"Origin": DASH, "Access-Control-Request-Method": "TRACE"}, id="method"),
            pytest.param(
                {
                    "Origin": DASH,
                    "Access-Control-Request-Method": "GET",
                    "Access-Control-Request-Headers": "X-Auth-Token, X-Other",
                },
                id="header",
            ),
        ],
    )
    def test_no(self, there: There, asked: dict[str, str]) -> None:
        answer = there("nobody").request("OPTIONS", "/v2/images", headers=asked)
        assert answer.status_code == 200
        assert not [name for name in answer.headers if name.startswith("access-control")]

    def test_every_answer(self, there: There) -> None:
        for path, status in (("/v2/images", 200), ("/v2/images/x", 404), ("/v2/images?limit=x", 400), ("/", 300)):
            answer = there("mia").get(path, headers={"Origin": DASH})
            assert answer.status_code == status
            assert answer.headers["access-control-allow-origin"] == DASH
            assert answer.headers["vary"] == "Origin"
            readable = {name.strip() for name in answer.headers["access-control-expose-headers"].split(",")}
            assert {"X-OpenStack-Request-ID", "OpenStack-image-store-ids"} <= readable

    def test_a_refusal_to_say_who_one_is(self, there: There) -> None:
        answer = there("nobody").get("/v2/images", headers={"Origin": DASH})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, DASH)

    def test_other_sites(self, there: There) -> None:
        answer = there("mia").get("/v2/images", headers={"Origin": "https://evil.example.org"})
        assert answer.status_code == 200
        assert not [name for name in answer.headers if name.startswith("access-control")]
