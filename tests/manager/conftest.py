"""A running Intaglio, an upstream beside it, and desks at which curators run the manager, each with its own tag."""

import dataclasses
import itertools
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from intaglio.client.cloud import ImageService, connect
from intaglio.manager import looking, run
from intaglio.manager.actions import Action, Keep, Plan
from intaglio.manager.apply import Outcome
from intaglio.manager.policy import Policy
from intaglio.manager.progress import Meter
from intaglio.manager.sending import Options
from intaglio.manager.state import Image
from intaglio.manager.upstream.web import Web
from tests.manager.upstream import Upstream, sha256, upstream
from tests.starters.intaglio import Intaglio, intaglio

Json = dict[str, Any]
TODAY = date(2026, 11, 21)
_numbers = itertools.count()


class Silent:
    """Progress that only remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def transfer(self, what: str) -> AbstractContextManager[Meter]:
        return nullcontext(lambda count, total: None)

    def say(self, text: str) -> None:
        self.said.append(text)


@dataclasses.dataclass
class Desk:
    """A directory of definitions, a cache, a tag, and the manager."""

    home: Path
    service: ImageService
    site: Upstream
    tag: str
    clouds: Path
    today: date = TODAY
    progress: Silent = dataclasses.field(default_factory=Silent)

    @property
    def files(self) -> Path:
        return self.home / "images"

    def write(self, *definitions: Json, name: str = "all.yml") -> Path:
        self.files.mkdir(exist_ok=True)
        (self.files / name).write_text(yaml.safe_dump({"images": list(definitions)}, sort_keys=False))
        return self.files

    def build(self, version: str, **more: Any) -> Json:
        """A version that the upstream has, with its checksum."""
        body = f"{self.tag} {version} ".encode() * 64
        url = self.site.put(f"/{self.tag}/{version}/disk.img", body)
        return {"version": version, "url": url, "checksum": sha256(body), "build_date": "2026-01-01"} | more

    def plan(self, *, strict: bool = True, project: str | None = None, **policy: Any) -> Plan:
        found, failed = run.read(self.files, strict=strict)
        target = run.Target(self.service, "test", project)
        options = Policy(**({"tag": self.tag} | policy))
        return run.make_plan(found.definitions, failed, target, options, self.today, Web(lambda _: None))

    def apply(self, plan: Plan | None = None, options: Options | None = None, **policy: Any) -> list[Outcome]:
        """Plan and apply; fails the test when anything fails."""
        outcomes = self.try_(plan, options, **policy)
        assert [each for each in outcomes if each.result != "done"] == []
        return outcomes

    def try_(self, plan: Plan | None = None, options: Options | None = None, **policy: Any) -> list[Outcome]:
        """Plan and apply, whatever becomes of it."""
        plan = plan or self.plan(**policy)
        target = run.Target(self.service, "test")
        return run.apply_plan(plan, target, self.home / "cache", self.progress, options or Options())

    def images(self) -> list[Image]:
        """What the cloud has now, by name."""
        cloud = looking.look(self.service, "test", self.tag)
        return sorted(cloud.images, key=lambda image: image.name)

    def seen(self) -> dict[str, tuple[str, str]]:
        """Names, with version and visibility."""
        found = {
            image.name: (image.properties.get("internal_version", ""), image.visibility) for image in self.images()
        }
        assert len(found) == len(self.images()), "two images have one name"
        return found


def definition(name: str, versions: Sequence[Json], *, multi: bool = True, **more: Any) -> Json:
    meta: Mapping[str, Any] = {"os_distro": "debian", "os_version": "13", "uuid_validity": "last-3"}
    base: Json = {"name": name, "format": "raw", "login": "debian", "visibility": "public", "multi": multi}
    return base | {"meta": dict(meta), "versions": list(versions)} | more


def changes(plan: Plan) -> list[Action]:
    return [action for action in plan.actions if not isinstance(action, Keep)]


@pytest.fixture(scope="package")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Intaglio]:
    """Intaglio as it starts from nothing, but without its limit of 60 imports an hour."""
    unlimited = "[intaglio]\nrate_limit_import =\n"
    with intaglio(tmp_path_factory.mktemp("manager"), workers=1, conf=unlimited) as service:
        yield service


@pytest.fixture(scope="package")
def service(cloud: Intaglio) -> Iterator[ImageService]:
    """Its image service, as openstacksdk finds it in clouds.yaml."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OS_CLIENT_CONFIG_FILE", str(cloud.clouds))
        with warnings.catch_warnings(action="ignore"):  # the SDK's own, about what it will drop
            made = connect("intaglio")
        yield made


@pytest.fixture(scope="package")
def site() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


@pytest.fixture
def desk(service: ImageService, site: Upstream, cloud: Intaglio, tmp_path: Path) -> Desk:
    return Desk(tmp_path, service, site, f"managed_by_{tmp_path.name}_{next(_numbers)}", cloud.clouds)
