"""The original program and ours, each on a real Glance 33 of its own, ours on Intaglio too: what comes of each file."""

import json
import os
import subprocess
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from intaglio.client.cloud import ImageService, connect
from intaglio.manager import looking
from tests.manager import comparison
from tests.manager.comparison import Group, Json, chosen, comparable, row
from tests.manager.upstream import Upstream, sha256, upstream
from tests.starters.base import ROOT, debian
from tests.starters.environments import ENVIRONMENTS, environment
from tests.starters.glance import glance
from tests.starters.intaglio import COMMAND, intaglio
from tests.starters.keystone import Keystone
from tests.starters.keystone_people import PASSWORD
from tests.starters.mariadb import mariadb

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]
ASKED = os.environ.get("INTAGLIO_COMPARISON", "")
GROUPS = chosen(ASKED)
OURS = COMMAND.with_name("openstack-image-manager")
PAGE = ROOT / "docs" / "reference" / "original.md"
IMPATIENT = (  # the original looks every two to ten seconds how far an import is
    "import sys, time; real = time.sleep; time.sleep = lambda s: real(min(s / 5, 0.5)); "
    "from openstack_image_manager.main import main; sys.argv[0] = 'openstack-image-manager'; sys.exit(main())"
)


PATIENCE = ("--no-check", "--stuck-retry", "5")


@dataclass
class Side:
    """A program, and the cloud that it manages."""

    command: list[str]
    clouds: Path
    service: ImageService
    project: str | None

    def run(self, home: Path, tag: str, *words: str) -> None:
        full = [*self.command, "--cloud", "here", "--images", str(home), "--tag", tag, *PATIENCE, *words]
        environment_ = {"PATH": "/usr/bin:/bin", "HOME": str(home), "OS_CLIENT_CONFIG_FILE": str(self.clouds)}
        done = subprocess.run(full, env=environment_, cwd=home, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[:1500] + done.stderr[:1500] + done.stderr[-1500:]


def clouds_of(identity: Keystone, region: str, path: Path) -> Path:
    auth = {"auth_url": identity.url, "username": "root", "password": PASSWORD, "project_name": "ops"}
    auth |= {"user_domain_name": "Default", "project_domain_name": "Default"}
    path.write_text(json.dumps({"clouds": {"here": {"auth": auth, "region_name": region, "interface": "public"}}}))
    return path


def connected(clouds: Path) -> ImageService:
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(action="ignore"):
        patch.setenv("OS_CLIENT_CONFIG_FILE", str(clouds))
        return connect("here")


@pytest.fixture(scope="module")
def world() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory, identity: Keystone, world: Upstream) -> Iterator[dict[str, Side]]:
    """The original on a Glance, ours on another one, and ours on Intaglio."""
    home = tmp_path_factory.mktemp("sides")
    original = [str(environment("image-manager") / "python"), "-c", IMPATIENT]
    port = world.url.rpartition(":")[2]
    conf = f"[import_filtering_opts]\nallowed_hosts = [127.0.0.1]\nallowed_ports = [{port}]\n{identity.section()}"
    found: dict[str, Side] = {}
    with (
        mariadb() as database,
        intaglio(_new(home / "own"), workers=1, conf="[intaglio]\nrate_limit_import =\n") as own,
    ):
        text = own.clouds.read_text().replace("intaglio:", "here:", 1)
        (home / "own.yaml").write_text(text)
        found["intaglio"] = Side([str(OURS)], home / "own.yaml", connected(home / "own.yaml"), None)
        first = glance(_new(home / "a"), connection=database.create("a"), auth="keystone", conf=conf, processes=1)
        second = glance(_new(home / "b"), connection=database.create("b"), auth="keystone", conf=conf, processes=1)
        with first as one, second as two:
            for name, server, command in (("original", one, original), ("ours", two, [str(OURS)])):
                clouds = clouds_of(identity, identity.register(server.url), home / f"{name}.yaml")
                found[name] = Side(command, clouds, connected(clouds), identity.ids["project/ops"])
            yield found


def _new(path: Path) -> Path:
    path.mkdir()
    return path


def play(group: Group, side: Side, home: Path, world: Upstream, tag: str, qcow2: bytes) -> dict[str, dict[str, Json]]:
    """All runs of a group; what there is of each case afterwards."""

    def build(name: str, number: str, form: str) -> Json:
        start = qcow2 if form == "qcow2" else b""
        body = start + f"{name} {number} ".encode() * 100
        url = world.put(f"/{quote(name)}/{number}/disk.img", body)
        return {"version": number, "url": url, "checksum": sha256(body), "build_date": "2026-01-01"}

    images = home / "images"
    images.mkdir(parents=True)
    for run in range(group.runs):
        listing = [case.definition(run, build) for case in group.cases]
        text = yaml.safe_dump({"images": listing}, sort_keys=False)
        (images / "all.yml").write_text(text.replace("'2026-01-01'", "2026-01-01"))
        if run == group.runs - 1:
            touch(group, side, tag)
        side.run(images, tag, *group.words)
    return seen(side, tag, world.url)


def touch(group: Group, side: Side, tag: str) -> None:
    names = {case.name for case in group.cases if case.touched}
    for image in looking.look(side.service, "here", tag, side.project).images:
        if image.name in names:
            side.service.patch(image.id, {"tags": [*image.tags, "theirs"], "theirs": "1"})


def seen(side: Side, tag: str, site: str) -> dict[str, dict[str, Json]]:
    found: dict[str, dict[str, Json]] = {}
    for image in looking.look(side.service, "here", tag, side.project).images:
        name = image.properties["image_name"]
        assert image.name not in found.setdefault(name, {}), "two images have one name"
        found[name][image.name] = comparable(image, tag, site)
    return found


@pytest.fixture(scope="module")
def played(
    sides: dict[str, Side], world: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, dict[str, Json]]]:
    home = tmp_path_factory.mktemp("played")
    debian(["qemu-utils"], "a disk as qcow2", provides=["qemu-img"])
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(home / "disk"), "16M"], check=True)
    qcow2 = (home / "disk").read_bytes()

    def all_of(name: str) -> dict[str, dict[str, Json]]:
        found: dict[str, dict[str, Json]] = {}
        for number, group in enumerate(GROUPS):
            found |= play(group, sides[name], home / f"{name}-{number}", world, f"managed-{number}", qcow2)
        return found

    with ThreadPoolExecutor(len(sides)) as pool:  # the programs wait for their clouds most of the time
        return dict(zip(sides, pool.map(all_of, sides), strict=True))


CASES = [case for group in GROUPS for case in group.cases]


@pytest.mark.parametrize("name", [case.name for case in CASES if case.same])
def test_the_same(played: dict[str, Any], name: str) -> None:
    assert played["ours"][name] == played["original"][name]


@pytest.mark.parametrize("name", [case.name for case in CASES if not case.same])
def test_different_for_a_reason(played: dict[str, Any], name: str) -> None:
    assert played["ours"][name] != played["original"][name], "it is not different any more: say so on the page"


@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_ours_is_the_same_on_glance_and_on_intaglio(played: dict[str, Any], name: str) -> None:
    assert played["intaglio"][name] == played["ours"][name]


def test_the_page_says_what_was_seen(played: dict[str, Any]) -> None:
    number = ENVIRONMENTS["image-manager"][0].partition("==")[2]
    if ASKED == "write":
        PAGE.write_text(comparison.page(number, played["original"], played["ours"]))
    text = PAGE.read_text()
    assert number in text
    rows = [row(group, case, played["original"], played["ours"]) for group in GROUPS for case in group.cases]
    assert [line for line in rows if line not in text.splitlines()] == []
    if ASKED:
        assert text == comparison.page(number, played["original"], played["ours"])
