"""What is asked of an upstream and what it answers, and the ways in which several of them publish builds."""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from html.parser import HTMLParser
from typing import Protocol
from urllib.parse import unquote, urljoin, urlsplit

import msgspec

from intaglio.domain import sums
from intaglio.domain.digests import Digest
from intaglio.domain.sums import SumsUnusable
from intaglio.manager.naming import natural, shown
from intaglio.manager.upstream.web import FetchFailed, Web

_TRIED = 5  # builds that are looked at, newest first, before an upstream counts as broken
_DAY = re.compile(r"(?<!\d)(20\d\d)-?(\d\d)-?(\d\d)(?!\d)")


class NothingFound(FetchFailed):
    """An upstream has no build of the kind that is looked for, or none that is complete."""

    code = "no-build-found"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for. `hint` is the definition's `latest_url`, or else the URL of its newest build."""

    hint: str
    sums: str | None = None
    architecture: str = "x86_64"
    os_version: str = ""

    @property
    def directory(self) -> str:
        """The URL of the directory that `hint` lies in, with a slash at its end."""
        return self.hint.rpartition("/")[0] + "/"

    @property
    def name(self) -> str:
        """The name of the file that `hint` leads to."""
        return sums.name_in(self.hint)


class Build(msgspec.Struct, frozen=True, kw_only=True):
    """A build that is complete: its file is there, and its digest is published."""

    version: str
    url: str
    digest: Digest
    day: date | None = None


class Upstream(Protocol):
    """One distribution."""

    def __call__(self, web: Web, wanted: Wanted) -> Build:
        """The newest complete build. Raises `FetchFailed`, also `NothingFound`."""
        ...


def day_in(text: str) -> date | None:
    """The first date in a name or a number of a build, such as 20260131 or 2026-01-31."""
    for found in _DAY.finditer(text):
        try:
            return date(*map(int, found.groups()))
        except ValueError:
            continue
    return None


def listed(web: Web, url: str) -> list[str]:
    """The names that a directory's page links to, those of directories without their slash. Raises `NothingFound`."""
    page = web.text(url)
    if page is None:
        raise NothingFound(f"{shown(url)} is not there")
    links = _Links()
    links.feed(page)
    here = urlsplit(url)
    found = []
    for link in links.found:
        target = urlsplit(urljoin(url, link))
        if target.netloc == here.netloc and target.path.startswith(here.path) and target.path != here.path:
            found.append(unquote(target.path.removeprefix(here.path)).rstrip("/"))
    return [name for name in dict.fromkeys(found) if "/" not in name]


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]


def newest(pattern: re.Pattern[str], names: Iterable[str]) -> Iterator[re.Match[str]]:
    """The matches of whole names in their natural order, greatest `version` first; only the first few."""
    matches = [match for name in names if (match := pattern.fullmatch(name))]
    yield from sorted(matches, key=lambda match: natural(match["version"]), reverse=True)[:_TRIED]


def complete(web: Web, builds: Iterable[Callable[[], Build]], where: str) -> Build:
    """The first of the builds whose digest is published and whose file is there. Raises `NothingFound`."""
    reasons = []
    for build in builds:
        try:
            found = build()
            modified = web.modified(found.url)
        except (FetchFailed, SumsUnusable) as error:
            reasons.append(str(error))
        else:
            return msgspec.structs.replace(found, day=found.day or modified)
    said = f" ({reasons[0]})" if reasons else ""
    raise NothingFound(f"{shown(where)} has no complete build{said}")


def in_dated_directories(
    web: Web, root: str, directories: re.Pattern[str], name: Callable[[str], str], list_name: str
) -> Build:
    """From directories that are named by their builds; each has a list of sums in it."""

    def look(match: re.Match[str]) -> Callable[[], Build]:
        def build() -> Build:
            at = f"{root}{match[0]}/"
            file = name(match["version"])
            digest = sums.find(_list(web, at + list_name), file)
            return Build(version=match["version"], url=at + file, digest=digest, day=day_in(match["version"]))

        return build

    return complete(web, map(look, newest(directories, listed(web, root))), root)


def in_a_list(web: Web, wanted: Wanted, list_name: str, names: re.Pattern[str]) -> Build:
    """From a list of sums in one directory that names builds of many days; those with a date of their own."""
    where = wanted.sums or wanted.directory + list_name
    text = _list(web, where)

    def look(match: re.Match[str]) -> Callable[[], Build]:
        def build() -> Build:
            url, digest = wanted.directory + match[0], sums.find(text, match[0])
            return Build(version=match["version"], url=url, digest=digest, day=day_in(match["version"]))

        return build

    return complete(web, map(look, newest(names, sums.names(text))), where)


def with_sums_beside(web: Web, wanted: Wanted, names: re.Pattern[str]) -> Build:
    """From one directory of files that each have a file of sums beside them."""

    def look(match: re.Match[str]) -> Callable[[], Build]:
        return lambda: beside(web, wanted.directory + match[0], match["version"])

    return complete(web, map(look, newest(names, listed(web, wanted.directory))), wanted.directory)


def beside(web: Web, url: str, version: str) -> Build:
    """The build at an address, with the digest that is published for it. Raises `NothingFound`."""
    found = sums.discover(url, web.text)
    if found is None:
        raise NothingFound(f"{shown(url)}: no digest is published")
    return Build(version=version, url=url, digest=found[0], day=day_in(version))


def _list(web: Web, url: str) -> str:
    text = web.text(url)
    if text is None:
        raise NothingFound(f"{shown(url)}: the list of sums is not there")
    return text
