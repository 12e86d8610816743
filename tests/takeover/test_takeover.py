"""There and back: Glance fills, Intaglio serves the same and goes on, Glance serves what Intaglio made of it."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.api.wire import FORMATS, PEOPLE, Caller, Target, digests, noise, op
from tests.starters.glance import FileStore, Glance, glance
from tests.starters.intaglio import Intaglio, User, intaglio
from tests.starters.mariadb import mariadb
from tests.takeover.snapshot import Snapshot, differences, snapshot
from tests.takeover.stock import fill

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(900)]

EVERYBODY = (*PEOPLE, User("gus", "gamma", ("member", "reader")))
LOOKING = ("mia", "stan", "gus", "root")
SHOWN = "[DEFAULT]\nshow_multiple_locations = true\nshow_image_direct_url = true\n"


@contextlib.contextmanager
def everybody(target: Target) -> Iterator[Callable[[str], Caller]]:
    callers = {user.name: Caller(target, user) for user in EVERYBODY}
    try:
        yield callers.__getitem__
    finally:
        for caller in callers.values():
            caller.close()


@dataclasses.dataclass
class Site:
    """One site's stock under both services, of which one runs at a time."""

    glance: Glance
    intaglio: Intaglio
    several_stores: bool
    stores: list[Path]
    ids: dict[str, str] = dataclasses.field(default_factory=dict)

    @contextlib.contextmanager
    def under_glance(self) -> Iterator[Callable[[str], Caller]]:
        self.glance.start()
        try:
            with everybody(Target(self.glance.url, peer=True)) as by:
                yield by
        finally:
            self.glance.stop()

    @contextlib.contextmanager
    def under_intaglio(self) -> Iterator[Callable[[str], Caller]]:
        self.intaglio.start()
        try:
            with everybody(Target(self.intaglio.url)) as by:
                yield by
        finally:
            self.intaglio.stop()

    def seen(self, by: Callable[[str], Caller]) -> Snapshot:
        return snapshot([by(name) for name in LOOKING], sorted(self.ids.values()), self.ids["without owner"])

    def copies(self, name: str) -> int:
        """How many files hold the bytes of that image."""
        return sum((store / self.ids[name]).exists() for store in self.stores)


@pytest.fixture(scope="module", params=["sqlite-one-store", "sqlite-two-stores", "mariadb-two-stores"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A stock that Glance has just filled; nothing runs."""
    directory = tmp_path_factory.mktemp("site")
    several = request.param.endswith("two-stores")
    folders = [directory / "fast", directory / "slow"] if several else [directory / "images"]
    stores = [FileStore("fast", folders[0], 100), FileStore("slow", folders[-1], 200)] if several else folders[0]
    with contextlib.ExitStack() as stack:
        connection = None
        if request.param.startswith("mariadb"):
            connection = stack.enter_context(mariadb()).create("glance")
        peer = stack.enter_context(
            glance(directory / "peer", connection=connection, stores=stores, auth="headers", conf=SHOWN, started=False)
        )
        ours = stack.enter_context(intaglio(directory / "ours", users=EVERYBODY, conf=peer.conf, started=False))
        made = Site(peer, ours, several, folders)
        with made.under_glance() as by:
            made.ids = fill(by, several_stores=several)
        yield made


def same(before: Snapshot, after: Snapshot) -> None:
    found = differences(before, after)
    assert not found, f"{len(found)} of {len(before)} differ:\n" + "\n".join(found[:40])


def test_opened_in_place_everything_is_the_same(site: Site) -> None:
    with site.under_glance() as by:
        before = site.seen(by)
    with site.under_intaglio() as by:
        same(before, site.seen(by))


def test_what_is_told_to_fewer_than_under_glance(site: Site) -> None:
    """That an image without an owner exists."""
    ownerless = f"/v2/images/{site.ids['without owner']}"
    with site.under_glance() as by:
        assert by("stan").get(ownerless).status_code == 200
    with site.under_intaglio() as by:
        assert by("stan").get(ownerless).status_code == 404
        assert by("root").get(ownerless).status_code == 200


def work(site: Site, by: Callable[[str], Caller], mark: str) -> None:
    """Change the stock in every way a service can; `mark` keeps what different services make apart."""
    mia, root, ids = by("mia"), by("root"), site.ids
    for name, visibility in ((f"{mark} shared", "shared"), (f"{mark} private", "private")):
        ids[name] = mia.create(
            name=name, visibility=visibility, tags=["kept", "ü"], colour="blue", Ünï="漢字", **FORMATS
        )["id"]
    ids[f"{mark} public"] = root.create(name=f"{mark} public", visibility="public", owner="beta")["id"]
    data = noise(123_457)
    assert mia.upload(ids[f"{mark} shared"], data).status_code == 204
    assert mia.image(ids[f"{mark} shared"]).items() >= digests(data).items()
    if mark == "first":
        assert mia.upload(ids["for an upload"], noise(4000)).status_code == 204
    if site.several_stores:
        ids[f"{mark} slow"] = mia.create(name=f"{mark} slow", **FORMATS)["id"]
        assert mia.upload(ids[f"{mark} slow"], noise(333), X_Image_Meta_Store="slow").status_code == 204
    several = ids["several properties"]
    assert mia.change(several, op("add", f"/{mark}", "1"), op("replace", "/colour", mark)).status_code == 200
    assert mia.change(several, op("remove", "/new")).status_code == 200
    assert mia.change(several, op("add", "/new", mark), op("replace", "/tags", [mark, "kept"])).status_code == 200
    assert mia.change(ids["private"], op("replace", "/visibility", "shared")).status_code == 200
    assert mia.change(ids["private"], op("replace", "/visibility", "private")).status_code == 200
    assert mia.change(ids["hidden"], op("replace", "/os_hidden", False)).status_code == 200
    assert root.change(ids["community"], op("replace", "/owner", "gamma"), op("add", "/given", "x")).status_code == 200
    assert root.change(ids["community"], op("replace", "/owner", "alpha"), op("remove", "/given")).status_code == 200
    for method, tag in (("DELETE", "x"), ("PUT", "x"), ("PUT", mark), ("DELETE", mark), ("PUT", mark)):
        assert mia.request(method, f"/v2/images/{ids['tagged']}/tags/{tag}").status_code == 204
    action = {"first": "reactivate", "second": "deactivate"}[mark]
    assert mia.post(f"/v2/images/{ids['deactivated']}/actions/{action}").status_code == 204


def remove(site: Site, caller: Caller, name: str) -> None:
    assert caller.delete(f"/v2/images/{site.ids[name]}").status_code == 204
    assert caller.get(f"/v2/images/{site.ids[name]}").status_code == 404
    assert site.copies(name) == 0


def test_there_and_back(site: Site) -> None:
    with site.under_intaglio() as by:
        work(site, by, "first")
        for name in ("queued", "qcow2", *(["in both stores"] if site.several_stores else [])):
            remove(site, by("mia"), name)
        said = site.seen(by)
    with site.under_glance() as by:
        same(said, site.seen(by))
        work(site, by, "second")
        for name in ("first private", "first shared", "large"):
            remove(site, by("mia"), name)
        said = site.seen(by)
    with site.under_intaglio() as by:
        same(said, site.seen(by))
        for name in ("second shared", "capitals"):
            remove(site, by("mia"), name)


def test_upload_that_failed_under_glance_is_made_good(site: Site) -> None:
    """Glance leaves such an image with a location and bytes, and answers 500 to the next upload."""
    data = noise(5000)
    with site.under_intaglio() as by:
        image_id = site.ids["failed upload"]
        assert by("mia").change(image_id, op("replace", "/disk_format", "raw")).status_code == 200
        answer = by("mia").upload(image_id, data)
        assert answer.status_code == 204, answer.text
        said = site.seen(by)
        assert by("mia").get(f"/v2/images/{image_id}/file").content == data
    with site.under_glance() as by:
        same(said, site.seen(by))
