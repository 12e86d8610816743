"""Several callers at the same image at the same moment: one wins where one must, and nobody's change is undone."""

import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import httpx
import pytest

from tests.api.wire import FORMATS, Caller, digests, noise, op

SIDES = 6
Ask = Callable[[Caller], httpx.Response]


def at_once(caller: Caller, asks: Iterable[Ask]) -> list[httpx.Response]:
    """The answers to these requests, each from a connection of its own, let go together."""
    todo = list(asks)
    start = Barrier(len(todo))

    def run(ask: Ask) -> httpx.Response:
        with Caller(caller.target, caller.user) as own:
            own.get("/v2/schemas/image")  # connected and known before the start
            start.wait(30)
            return ask(own)

    with ThreadPoolExecutor(len(todo)) as pool:
        return list(pool.map(run, todo))


def adding(image_id: str, name: str) -> Ask:
    """The request for one more property."""
    return lambda caller: caller.change(image_id, op("add", f"/{name}", "v"))


def statuses(answers: list[httpx.Response]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


def test_one_id_is_given_once(member: Caller) -> None:
    image_id = str(uuid.uuid4())
    answers = at_once(member, [lambda own: own.post("/v2/images", json={"id": image_id})] * SIDES)
    assert statuses(answers) == [201] + [409] * (SIDES - 1)


def test_one_upload_wins(member: Caller) -> None:
    image_id = member.create(**FORMATS)["id"]
    before = member.target.files()
    bodies = [noise(200_000 + n) for n in range(SIDES)]
    answers = at_once(member, [partial(Caller.upload, image_id=image_id, data=body) for body in bodies])
    assert statuses(answers) == [204] + [409] * (SIDES - 1)
    winner = bodies[[answer.status_code for answer in answers].index(204)]
    assert member.get(f"/v2/images/{image_id}/file").content == winner
    assert member.image(image_id).items() >= digests(winner).items()
    if member.target.stores:
        assert len(member.target.files()) == len(before) + 1


@pytest.mark.ours  # Glance loses some of them, or answers 500; which is chance
class TestOurs:
    def test_one_deletes(self, member: Caller) -> None:
        image_id = member.active()["id"]
        answers = at_once(member, [lambda own: own.delete(f"/v2/images/{image_id}")] * SIDES)
        assert statuses(answers)[0] == 204
        assert set(statuses(answers)[1:]) <= {404, 409}

    def test_every_change_that_was_accepted_is_there(self, member: Caller) -> None:
        image_id = member.create()["id"]
        accepted: list[str] = []
        for round_ in range(5):
            names = [f"p{round_}_{side}" for side in range(SIDES)]
            answers = at_once(
                member,
                [adding(image_id, name) for name in names],
            )
            assert set(statuses(answers)) <= {200, 409}
            accepted += [name for name, answer in zip(names, answers, strict=True) if answer.status_code == 200]
        assert len(accepted) >= 5  # at least one a round
        assert set(accepted) <= member.image(image_id).keys()

    def test_every_tag_is_there(self, member: Caller) -> None:
        image_id = member.create()["id"]
        tags = [f"t{side}" for side in range(SIDES)]
        answers = at_once(
            member,
            [partial(Caller.put, url=f"/v2/images/{image_id}/tags/{tag}") for tag in tags],
        )
        assert set(statuses(answers)) <= {204, 409}
        accepted = {tag for tag, answer in zip(tags, answers, strict=True) if answer.status_code == 204}
        assert accepted
        assert set(member.image(image_id)["tags"]) == accepted

    def test_changes_and_an_upload(self, member: Caller) -> None:
        image_id = member.create(**FORMATS)["id"]
        data = noise(2_000_000)
        names = [f"p{side}" for side in range(SIDES)]
        changes = [adding(image_id, name) for name in names]
        upload, *answers = at_once(member, [partial(Caller.upload, image_id=image_id, data=data), *changes])
        assert upload.status_code == 204
        image = member.image(image_id)
        assert image.items() >= ({"status": "active"} | digests(data)).items()
        accepted = {name for name, answer in zip(names, answers, strict=True) if answer.status_code == 200}
        assert accepted <= image.keys()
        assert member.get(f"/v2/images/{image_id}/file").content == data
