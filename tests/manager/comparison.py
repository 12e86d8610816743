"""The same definitions given to the original program and to ours: cases as data, and the page of both results."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from intaglio.manager.state import Image

Json = dict[str, Any]
Build = Callable[[str, str, str], Json]
"""A build of a definition, by its name, version and format, as an upstream has it."""
SAMPLES = Path(__file__).parent / "samples"
ONLY_ONE = ("catalog_", "owner_specified.openstack.")
"""Properties that only ours writes, and those that the library adds by which the original creates images."""


@dataclass(frozen=True)
class Case:
    """A definition and the builds that its file lists, run after run. `same` says what has to be equal."""

    title: str
    name: str
    runs: Sequence[Sequence[str]]
    why: str = ""
    more: Json = field(default_factory=dict)
    last: Json = field(default_factory=dict)
    """What is different in the file of the last run."""
    touched: bool = False
    """Whether an operator adds a tag and a property before the last run."""
    quick: bool = False
    """Whether it is also run when not all are asked for."""
    sample: str = ""
    """A file of the original's manual that is taken as it is, but for the addresses."""

    @property
    def same(self) -> bool:
        """Whether the result is the same."""
        return not self.why

    def definition(self, run: int, build: Build) -> Json:
        """The definition in the file of a run."""
        if self.sample:
            return self._sample(build)
        meta: Json = {"architecture": "x86_64", "os_distro": "debian", "os_version": "13", "uuid_validity": "last-3"}
        versions = [build(self.name, version, "raw") for version in self.runs[min(run, len(self.runs) - 1)]]
        base: Json = {"name": self.name, "format": "raw", "login": "debian", "status": "active", "tags": []}
        base |= {"visibility": "public", "multi": True, "min_disk": 1, "min_ram": 64, "meta": meta}
        found = base | self.more | (self.last if run >= len(self.runs) - 1 else {}) | {"versions": versions}
        return found | {
            "meta": meta | (self.more | self.last if run >= len(self.runs) - 1 else self.more).get("meta", {})
        }

    def _sample(self, build: Build) -> Json:
        [found] = yaml.safe_load((SAMPLES / self.sample).read_text())["images"]
        versions = []
        for each in found["versions"]:
            made = build(self.name, each["version"], found["format"])
            versions.append({key: made[key] if key in {"url", "checksum"} else value for key, value in each.items()})
        return dict(found) | {"versions": versions}


@dataclass(frozen=True)
class Group:
    """Cases that are run together, with the same words on the command line."""

    words: tuple[str, ...]
    cases: tuple[Case, ...]

    @property
    def runs(self) -> int:
        """How often the programs are run."""
        return max(len(case.runs) for case in self.cases)


GROUPS = (
    Group(
        (),
        (
            Case("the manual's first sample", "MyCirros", [[]], sample="cirros.yml", quick=True),
            Case("the manual's second sample, `multi: true`", "Ubuntu 24.04", [[]], sample="ubuntu.yml", quick=True),
            Case("the manual's third sample, `multi: false`", "RancherOS", [[]], sample="rancher.yml", quick=True),
            Case(
                "a third build after two",
                "Rotation",
                [["20260101", "20260201"], ["20260101", "20260201", "20260301"]],
                quick=True,
            ),
            Case(
                "two builds of a community image, a separator of its own",
                "Dashed",
                [["1", "2"]],
                more={"separator": "-", "visibility": "community"},
            ),
            Case("an image that is to be deactivated", "Off", [["1"]], more={"status": "deactivated"}),
            Case(
                "two new builds in place of two",
                "Jump",
                [["a", "b"], ["c", "d"]],
                "A name with a version is that of the build that the image holds.",
            ),
            Case(
                "four builds without `--hide`",
                "Four",
                [["1", "2", "3", "4"]],
                "Three stay visible, the fourth becomes `community`, as the manual of the original describes.",
            ),
            Case(
                "a tag and a property that an operator added, in a run that imports",
                "Tags",
                [["1"], ["1", "2"]],
                touched=True,
            ),
            Case(
                "one new build in place of one, without `--latest`",
                "Single",
                [["20260101"], ["20260201"]],
                "The new build is imported, as it stands in the file.",
            ),
            Case(
                "`meta`, visibility and sizes changed in the file",
                "Meta",
                [["1"], ["1"]],
                quick=True,
                why="What the file says is written to images that are there already.",
                last={"meta": {"os_version": "14", "own": "1"}, "visibility": "private", "min_ram": 128},
            ),
            Case(
                "`os_purpose: generic`, two builds at once",
                "Purpose",
                [["1", "2"]],
                "One visible image is `generic`, superseded ones are `oldgeneric`.",
                more={"meta": {"os_purpose": "generic"}},
            ),
        ),
    ),
    Group(
        ("--latest",),
        (Case("one new build in place of one, with `--latest`", "Newest", [["20260101"], ["20260201"]]),),
    ),
    Group(
        ("--hide", "--delete", "--yes-i-really-know-what-i-do"),
        (
            Case(
                "`--hide` and `--delete`, four builds, `last-3`, run twice",
                "Kept",
                [["1", "2", "3", "4"], ["1", "2", "3", "4"]],
            ),
            Case(
                "`--hide`, two builds, run twice",
                "Hidden",
                [["1", "2"], ["1", "2"]],
            ),
            Case(
                "a version that left the file, `uuid_validity: none`",
                "Left",
                [["1.3", "1.4"], ["1.4"]],
                more={"multi": False, "meta": {"uuid_validity": "none"}},
            ),
        ),
    ),
)


def comparable(image: Image, tag: str, site: str) -> Json:
    """All of an image that both programs decide, but for what only ours writes."""
    properties = {name: value for name, value in image.properties.items() if not name.startswith(ONLY_ONE)}
    return {
        "visibility": image.visibility,
        "status": image.status,
        "os_hidden": image.hidden,
        "min_disk": image.min_disk,
        "min_ram": image.min_ram,
        "disk_format": image.disk_format,
        "sha512": image.hash_value,
        "tags": sorted(set(image.tags) - {tag}),
        "properties": {name: value.replace(site, "") for name, value in properties.items()},
    }


def told(image: Json) -> str:
    """An image in a few words: what it holds, who sees it, and what else a case may be about."""
    properties = image["properties"]
    parts = [f"build {properties.get('internal_version', '?')}", image["visibility"]]
    parts += [image["status"]] if image["status"] != "active" else []
    parts += [f"{name} {properties[name]}" for name in ("os_purpose", "own", "theirs") if name in properties]
    parts += [f"os_version {properties['os_version']}"] if properties.get("os_version") == "14" else []
    parts += [f"tag {tag}" for tag in image["tags"] if not tag.startswith("os:")]
    return ", ".join(parts)


Results = Mapping[str, Mapping[str, Json]]
"""Of each case, the images by their names."""

_HEAD = """\
# Beside the original image manager

<!-- Written by tests/manager/test_comparison.py with INTAGLIO_COMPARISON=write; each run of the tests checks some rows,
with INTAGLIO_COMPARISON=all every one. -->

The same definitions given to `openstack-image-manager` {version} from PyPI and to the command of that name that
Intaglio installs, each on a real Glance 33 of its own without images, with the same words on the command line;
`--no-check` is one of them, so that both read all of the files. Ours was also run on Intaglio itself, with the same
result as on Glance. An upstream on the same machine serves the files.

Where it is the same, everything was compared: names, visibility, status, `os_hidden`, sizes, format, the digest of the
data, tags, and all properties but those that only Intaglio writes (`catalog_*`) or the library that the original uses
(`owner_specified.openstack.*`).
"""


def page(version: str, theirs: Results, ours: Results) -> str:
    """The page, of results."""
    lines = [_HEAD.format(version=version)]
    lines += ["## The same", "", "| case | words | images |", "|---|---|---|"]
    lines += [row(group, case, theirs, ours) for group, case in _cases() if case.same]
    lines += ["", "## Different", "", "| case | words | the original | here | why here |", "|---|---|---|---|---|"]
    lines += [row(group, case, theirs, ours) for group, case in _cases() if not case.same]
    return "\n".join(lines) + "\n"


def row(group: Group, case: Case, theirs: Results, ours: Results) -> str:
    """The line of a case."""
    if case.same:
        return f"| {case.title} | {_words(group)} | {_images(ours[case.name])} |"
    columns = (_images(theirs[case.name]), _images(ours[case.name]))
    return f"| {case.title} | {_words(group)} | {' | '.join(columns)} | {case.why} |"


def _cases() -> Iterator[tuple[Group, Case]]:
    return ((group, case) for group in GROUPS for case in group.cases)


def chosen(wanted: str) -> tuple[Group, ...]:
    """All groups and cases, or only the quick ones."""
    if wanted:
        return GROUPS
    quick = (Group(group.words, tuple(case for case in group.cases if case.quick)) for group in GROUPS)
    return tuple(group for group in quick if group.cases)


def _words(group: Group) -> str:
    return "`" + " ".join(group.words).replace("--yes-i-really-know-what-i-do", "…") + "`" if group.words else ""


def _images(images: Mapping[str, Json]) -> str:
    return "<br>".join(f"**{name}**: {told(image)}" for name, image in sorted(images.items()))
