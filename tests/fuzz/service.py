"""A service that is sent what no client should send, and whether it is still sound afterwards."""

import contextlib
import dataclasses
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.api.wire import FORMATS, Caller, Json, Target
from tests.starters.intaglio import Intaglio, User, intaglio

ROOT = User("root", "ops", ("admin", "member", "reader"))
MIA = User("mia", "alpha", ("member", "reader"))
_FAILED = ("Traceback (most recent call last)", "panicked at")


@dataclasses.dataclass
class Fuzzed:
    """The service, an administrator and a member who ask it, and images that nothing may change."""

    service: Intaglio
    root: Caller
    mia: Caller
    kept: dict[str, Json] = dataclasses.field(default_factory=dict)
    _pool: dict[str, str] = dataclasses.field(default_factory=dict)

    def keep(self) -> None:
        """Make the images that nothing may change: of another project, and with data."""
        for name, image in {
            "data": self.root.active(b"kept", visibility="private", secret="yes"),
            "record": self.root.create(visibility="private", tags=["kept"]),
        }.items():
            self.kept[name] = self.root.image(image["id"])

    def image(self, state: str) -> str:
        """The id of an image of mia's in that state; it is hers to lose."""
        known = self._pool.get(state)
        shown = self.mia.get(f"/v2/images/{known}")
        if shown.status_code != httpx.codes.OK or shown.json()["status"] != state:
            made = self.mia.create(**FORMATS, a="1", tags=["t"], visibility="shared")
            path = f"/v2/images/{made['id']}"
            if state != "queued":
                assert self.mia.upload(made["id"], b"some bytes").status_code == 204
            if state == "deactivated":
                assert self.mia.post(f"{path}/actions/deactivate").status_code == 204
            self._pool[state] = made["id"]
        return self._pool[state]

    def require_alive(self) -> None:
        """The service answers, and the other project's image is as it was."""
        image = self.kept["record"]
        assert self.root.image(image["id"]) == image

    def require_sound(self) -> None:
        """The service answers, every image can be shown, nothing that is not its caller's has changed, and no file
        is in the store that no image has; nothing failed on the way."""
        assert httpx.get(f"{self.service.url}/healthcheck").status_code == 200
        for image in self.kept.values():
            assert self.root.image(image["id"]) == image
        assert self.root.get(f"/v2/images/{self.kept['data']['id']}/file").content == b"kept"
        self._require_every_page()
        self._require_every_row()
        log = self.service.log.read_text(errors="replace")
        assert not any(words in log for words in _FAILED), log[-5000:]

    def _require_every_page(self) -> None:
        address = "/v2/images?visibility=all&limit=200"
        while address:
            answer = self.root.get(address)
            assert answer.status_code == 200, answer.text
            address = answer.json().get("next", "")

    def _require_every_row(self) -> None:
        """What the database holds is whole, and the store holds exactly the data of the images that have some."""
        with contextlib.closing(sqlite3.connect(f"file:{self.service.data}/intaglio.sqlite?mode=ro", uri=True)) as rows:
            assert rows.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert rows.execute("PRAGMA foreign_key_check").fetchall() == []
            alive = "SELECT id, status FROM images WHERE deleted = 0"
            images = dict(rows.execute(alive).fetchall())
            located = rows.execute("SELECT image_id FROM image_locations WHERE deleted = 0").fetchall()
        assert set(images.values()) <= {"queued", "active", "deactivated"}
        with_data = {image_id for image_id, status in images.items() if status != "queued"}
        assert {image_id for (image_id,) in located} == with_data
        assert {path.name for path in (self.service.data / "images").rglob("*") if path.is_file()} == with_data


@contextlib.contextmanager
def fuzzed(directory: Path) -> Iterator[Fuzzed]:
    """A service of its own with one API process, so that whatever breaks it stays broken."""
    with intaglio(directory, users=[ROOT, MIA], workers=1) as service:
        target = Target(service.url)
        with Caller(target, ROOT) as root, Caller(target, MIA) as mia:
            made = Fuzzed(service, root, mia)
            made.keep()
            yield made
            made.require_sound()
