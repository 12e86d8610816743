"""A service that is sent what no client should send, and whether it is still sound afterwards."""

import contextlib
import dataclasses
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import httpx

from tests.api.wire import FORMATS, Caller, Json, Target
from tests.starters.base import wait_until
from tests.starters.intaglio import Intaglio, User, intaglio

ROOT = User("root", "ops", ("admin", "member", "reader"))
MIA = User("mia", "alpha", ("member", "reader"))
_NAMES = {
    "tag": "t",
    "member_id": "ops",
    "namespace": "fuzzed",
    "resource_type": "OS::Fuzzed",
    "property_name": "p",
    "object_name": "o",
    "tag_name": "t",
}
_NAMESPACE = {
    "namespace": "fuzzed",
    "visibility": "public",
    "resource_type_associations": [{"name": "OS::Fuzzed"}],
    "properties": {"p": {"name": "p", "title": "P", "type": "string"}},
    "objects": [{"name": "o"}],
    "tags": [{"name": "t"}],
}
_STATUSES = ("queued", "uploading", "importing", "active", "deactivated")
_FAILED = (b"Traceback (most recent call last)", b"panicked at")


@dataclasses.dataclass
class Fuzzed:
    """The service, an administrator and a member who ask it, and images that nothing may change."""

    service: Intaglio
    root: Caller
    mia: Caller
    kept: dict[str, Json] = dataclasses.field(default_factory=dict)
    _pool: dict[str, str] = dataclasses.field(default_factory=dict)
    _read: int = 0  # bytes of the log

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
            assert self.mia.post(f"{path}/members", json={"member": "ops"}).status_code == 200
            if state != "queued":
                assert self.mia.upload(made["id"], b"some bytes").status_code == 204
            if state == "deactivated":
                assert self.mia.post(f"{path}/actions/deactivate").status_code == 204
            self._pool[state] = made["id"]
        return self._pool[state]

    def things(self, wanted: Iterable[str], state: str) -> dict[str, str]:
        """Of what a path can name, by the name it has there, what is known here; it exists, the image in that state."""
        found = {name: value for name, value in _NAMES.items() if name in wanted}
        if "image_id" in wanted:
            found["image_id"] = self.image(state)
        if "namespace" in wanted:
            self._make_namespace()
        return found

    def _make_namespace(self) -> None:
        address = f"/v2/metadefs/namespaces/{_NAMESPACE['namespace']}"
        shown = self.root.get(address)
        if shown.status_code == httpx.codes.OK:
            if all(shown.json().get(content) for content in ("objects", "properties", "tags")):
                return
            assert self.root.delete(address).status_code == 204
        made = self.root.post("/v2/metadefs/namespaces", json=_NAMESPACE)
        assert made.status_code == 201, made.text

    def require_alive(self) -> None:
        """The service answers, and the other project's image is as it was."""
        image = self.kept["record"]
        assert self.root.image(image["id"]) == image

    def require_sound(self) -> None:
        """As `require_alive`; the database is whole and agrees with the store; nothing failed since this was asked."""
        self.require_alive()
        self._require_every_row()
        with self.service.log.open("rb") as log:
            log.seek(self._read)
            new = log.read()
        self._read += len(new)
        assert not any(words in new for words in _FAILED), new.decode(errors="replace")[-5000:]

    def require_whole(self) -> None:
        """As `require_sound`, when all that was begun has ended; every image can be shown, and kept data are there."""
        self.require_sound()
        wait_until(self._idle, "the end of all imports and deletions")
        self._require_every_row(ended=True)
        assert httpx.get(f"{self.service.url}/healthcheck").status_code == 200
        for image in self.kept.values():
            assert self.root.image(image["id"]) == image
        assert self.root.get(f"/v2/images/{self.kept['data']['id']}/file").content == b"kept"
        address = "/v2/images?visibility=all&limit=200"
        while address:
            answer = self.root.get(address)
            assert answer.status_code == 200, answer.text
            address = answer.json().get("next", "")

    def _require_every_row(self, *, ended: bool = False) -> None:
        """The database is whole, and the store holds exactly the data of the images that have some.

        While imports and deletions run (not `ended`) there may be more.
        """
        rows = self._rows()
        of = {status: {row for row, found in rows.images.items() if found == status} for status in _STATUSES}
        assert set(rows.images.values()) <= set(_STATUSES)
        with_data = of["active"] | of["deactivated"]
        busy = set() if ended else of["importing"] | rows.leased
        assert with_data <= rows.located
        assert with_data <= self._files("images") <= with_data | busy
        assert of["uploading"] - busy <= self._files("staging") <= of["uploading"] | busy

    def _rows(self) -> "_Rows":
        database = f"file:{self.service.data}/intaglio.sqlite?mode=ro"
        with contextlib.closing(sqlite3.connect(database, uri=True)) as rows:
            assert rows.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert rows.execute("PRAGMA foreign_key_check").fetchall() == []
            images = rows.execute("SELECT id, status FROM images WHERE deleted = 0").fetchall()
            located = rows.execute("SELECT image_id FROM image_locations WHERE deleted = 0").fetchall()
            leased = rows.execute("SELECT image_id FROM intaglio_leases").fetchall()
        return _Rows(dict(images), {row for (row,) in located}, {row for (row,) in leased})

    def _files(self, directory: str) -> set[str]:
        return {path.name for path in (self.service.data / directory).rglob("*") if path.is_file()}

    def _idle(self) -> bool:
        rows = self._rows()
        return not rows.leased and "importing" not in rows.images.values()


@dataclasses.dataclass
class _Rows:
    """The live images with their status, those with locations, and those that somebody is at work on."""

    images: dict[str, str]
    located: set[str]
    leased: set[str]


@contextlib.contextmanager
def fuzzed(directory: Path) -> Iterator[Fuzzed]:
    """A service of its own with one API process, so that whatever breaks it stays broken."""
    # whatever URL is made up, it is not fetched
    closed = "[import_filtering_opts]\nallowed_hosts = nowhere.invalid\n"
    with intaglio(directory, users=[ROOT, MIA], conf=closed, workers=1) as service:
        target = Target(service.url)
        with Caller(target, ROOT) as root, Caller(target, MIA) as mia:
            made = Fuzzed(service, root, mia)
            made.keep()
            yield made
