"""Locations where the operator lets callers see them: in the record, and in PATCH."""

from collections.abc import Callable

import pytest

from tests.api.copies import image_with_two_copies
from tests.api.wire import FORMATS, Caller, Json, Target, differs, op, refused

There = Callable[[str], Caller]
ELSEWHERE: Json = {"url": "http://127.0.0.1:9/image", "metadata": {}}


def stores_of(image: Json) -> list[str]:
    return [location["metadata"]["store"] for location in image["locations"]]


class TestShown:
    def test_to_everybody_who_sees_the_image(self, there: There, arranged: Target) -> None:
        image = there("root").active(owner="alpha", visibility="public")
        where = f"file://{arranged.stores}/fast/{image['id']}"
        for who in ("mia", "rea", "stan", "root"):
            seen = there(who).image(image["id"])
            assert seen["locations"] == [{"url": where, "metadata": {"store": "fast"}}]
            assert seen["direct_url"] == where

    def test_heaviest_store_first(self, there: There) -> None:
        image = image_with_two_copies(there("mia"), there("root"))
        assert stores_of(image) == ["fast", "slow"]
        assert image["direct_url"] == image["locations"][0]["url"]

    def test_none_yet(self, there: There) -> None:
        image = there("mia").create()
        assert image["locations"] == []
        assert "direct_url" not in image

    def test_withheld_while_deactivated(self, there: There) -> None:
        image = there("mia").active()
        there("mia").post(f"/v2/images/{image['id']}/actions/deactivate")
        seen = there("mia").image(image["id"])
        assert seen["locations"] == []
        assert "direct_url" not in seen
        assert stores_of(there("root").image(image["id"])) == ["fast"]


class TestAdd:
    @pytest.mark.parametrize(
        "value",
        [
            pytest.param("x", id="text"),
            pytest.param(5, id="number"),
            pytest.param(None, id="null"),
            pytest.param([], id="list"),
            pytest.param({}, id="empty"),
            pytest.param({"url": "http://x"}, id="no-metadata"),
            pytest.param({"metadata": {}}, id="no-url"),
            pytest.param({"url": 5, "metadata": {}}, id="url-number"),
            pytest.param({"url": "http://x/", "metadata": 5}, id="metadata-number"),
            pytest.param({"url": "http://x/", "metadata": {"n": 5}}, id="metadata-of-numbers"),
            pytest.param({"url": f"http://{'x' * 255}/", "metadata": {}}, id="long"),
            pytest.param(ELSEWHERE, id="http"),
            pytest.param({"url": "file:///etc/passwd", "metadata": {}}, id="file"),
            pytest.param({"url": "filesystem:///etc/passwd", "metadata": {}}, id="filesystem"),
            pytest.param({"url": "swift+config://ref/c/o", "metadata": {}}, id="swift-config"),
            pytest.param({"url": "rbd://f/p/i/s", "metadata": {"store": "fast"}}, id="rbd"),
            pytest.param({"url": "no url", "metadata": {}}, id="no-scheme"),
        ],
    )
    @pytest.mark.parametrize("queued", [False, True], ids=["active", "queued"])
    def test_refused(self, there: There, value: object, queued: bool) -> None:
        image = there("mia").create(**FORMATS) if queued else there("mia").active()
        refused(there("mia").change(image["id"], op("add", "/locations/-", value)), 400)
        assert there("mia").image(image["id"]) == image

    def test_its_own_again(self, there: There) -> None:
        image = there("mia").active()
        for item in ("-", "0", "1", "7"):
            answer = there("mia").change(image["id"], op("add", f"/locations/{item}", image["locations"][0]))
            refused(answer, 400)

    @pytest.mark.parametrize("item", ["x", "-1", "", "0/url"])
    def test_no_index(self, there: There, item: str) -> None:
        image = there("mia").active()
        refused(there("mia").change(image["id"], op("add", f"/locations/{item}", ELSEWHERE)), 400)


class TestReplace:
    def test_metadata(self, there: There) -> None:
        image = there("mia").active()
        url = image["locations"][0]["url"]
        value = [{"url": url, "metadata": {"store": "fast", "rack": "7"}}]
        answer = there("mia").change(image["id"], op("replace", "/locations", value))
        assert (answer.status_code, answer.json()["locations"]) == (200, value)
        assert there("mia").image(image["id"])["locations"] == value
        answer = there("mia").change(image["id"], op("replace", "/locations", [{"url": url, "metadata": {}}]))
        assert answer.json()["locations"] == [{"url": url, "metadata": {"store": "fast"}}]
        assert there("mia").get(f"/v2/images/{image['id']}/file").content == b"some bytes"

    def test_same_again_is_no_change(self, there: There) -> None:
        image = image_with_two_copies(there("mia"), there("root"))
        answer = there("mia").change(image["id"], op("replace", "/locations", image["locations"]))
        assert answer.status_code == 200
        assert answer.json()["locations"] == image["locations"]

    @pytest.mark.parametrize(
        ("value", "status"),
        [([], 403), ("x", 400), ({}, 400), (None, 400), ([5], 400), ([ELSEWHERE], 400), ([{"url": "x"}], 400)],
        ids=str,
    )
    def test_refused(self, there: There, value: object, status: int) -> None:
        image = there("mia").active()
        refused(there("mia").change(image["id"], op("replace", "/locations", value)), status)
        assert there("mia").image(image["id"]) == image

    def test_none_may_be_left_out(self, there: There) -> None:
        image = image_with_two_copies(there("mia"), there("root"))
        refused(there("mia").change(image["id"], op("replace", "/locations", image["locations"][:1])), 400)
        assert there("mia").image(image["id"]) == image

    @differs("Glance keeps numbers, which it refuses elsewhere")
    def test_metadata_are_texts(self, there: There) -> None:
        image = there("mia").active()
        value = [{"url": image["locations"][0]["url"], "metadata": {"n": 5}}]
        refused(there("mia").change(image["id"], op("replace", "/locations", value)), 400)

    def test_the_store_is_not_the_callers_to_say(self, there: There) -> None:
        image = there("mia").active()
        value = [{"url": image["locations"][0]["url"], "metadata": {"store": "slow"}}]
        answer = there("mia").change(image["id"], op("replace", "/locations", value))
        assert stores_of(answer.json()) == ["fast"]

    def test_first_on_a_queued_image(self, there: There) -> None:
        image = there("mia").create(**FORMATS)
        refused(there("mia").change(image["id"], op("replace", "/locations", [])), 403)
        refused(there("mia").change(image["id"], op("replace", "/locations", [ELSEWHERE])), 400)
        assert there("mia").image(image["id"]) == image


class TestRemove:
    @pytest.mark.parametrize("item", [0, 1])
    def test_one_of_two(self, there: There, arranged: Target, item: int) -> None:
        image = image_with_two_copies(there("mia"), there("root"), b"twice")
        left = ["fast", "slow"][1 - item]
        answer = there("root").change(image["id"], op("remove", f"/locations/{item}"))
        assert answer.status_code == 200, answer.text
        assert stores_of(answer.json()) == stores_of(there("mia").image(image["id"])) == [left]
        assert there("mia").get(f"/v2/images/{image['id']}/file").content == b"twice"
        assert [path.split("/")[-2] for path in arranged.files() if image["id"] in path] == [left]

    def test_is_for_administrators(self, there: There) -> None:
        image = image_with_two_copies(there("mia"), there("root"))
        for who in ("mia", "rea"):
            refused(there(who).change(image["id"], op("remove", "/locations/0")), 403)
        refused(there("stan").change(image["id"], op("remove", "/locations/0")), 404)
        assert there("mia").image(image["id"]) == image

    @pytest.mark.parametrize("item", ["2", "x", pytest.param("-", marks=differs("Glance removes the last one"))])
    def test_no_place(self, there: There, item: str) -> None:
        image = image_with_two_copies(there("mia"), there("root"))
        refused(there("root").change(image["id"], op("remove", f"/locations/{item}")), 400)
        assert there("mia").image(image["id"]) == image

    @pytest.mark.parametrize("item", ["0", "1"])
    def test_the_last_copy_stays(self, there: There, item: str) -> None:
        image = there("mia").active()
        refused(there("root").change(image["id"], op("remove", f"/locations/{item}")), 403)

    @differs("Glance refuses the request after the copy is gone")
    def test_all_or_nothing(self, there: There, arranged: Target) -> None:
        image = image_with_two_copies(there("mia"), there("root"))
        answer = there("root").change(image["id"], op("remove", "/locations/0"), op("remove", "/absent"))
        refused(answer, 409)
        assert there("mia").image(image["id"]) == image
        assert len([path for path in arranged.files() if image["id"] in path]) == 2


class TestStatus:
    """Before there are data only a first location may come; out of use, nothing changes."""

    def test_queued(self, there: There) -> None:
        image = there("mia").create(**FORMATS)
        refused(there("root").change(image["id"], op("remove", "/locations/0")), 409)

    def test_deactivated(self, there: There) -> None:
        image = there("mia").active()
        there("mia").post(f"/v2/images/{image['id']}/actions/deactivate")
        for operation in (
            op("replace", "/locations", image["locations"]),
            op("add", "/locations/-", ELSEWHERE),
            op("remove", "/locations/0"),
        ):
            refused(there("root").change(image["id"], operation), 409)
