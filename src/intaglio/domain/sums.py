"""Reading the lists of digests that upstreams publish beside their files."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote, urlsplit

from intaglio.base.errors import Invalid
from intaglio.domain.digests import LENGTHS, Digest, DigestInvalid, parse

BESIDE = (".sha512", ".sha256", ".SHA512SUM", ".SHA256SUM", ".sha512sum", ".sha256sum", ".CHECKSUM")
IN_DIRECTORY = ("SHA512SUMS", "SHA256SUMS", "CHECKSUM", "sha512sum.txt", "sha256sum.txt")
_DIGITS = "|".join(f"[0-9a-fA-F]{{{length}}}" for length in sorted(LENGTHS.values(), reverse=True))
_LINE = re.compile(rf"^({_DIGITS})[ \t]+\*?(?:\./)?(\S.*?)\s*$")
_BSD = re.compile(rf"^([A-Za-z0-9-]+) ?\((.+)\) ?= ?({_DIGITS})\s*$")


class SumsUnusable(Invalid):
    """A published list of digests has none for the file, or several."""

    code = "sums-unusable"


def find(text: str, name: str) -> Digest:
    """The digest of the file `name` in a list; the strongest, when it is there by several. Raises `SumsUnusable`.

    Lines are `DIGEST  NAME`, `DIGEST *NAME` or `ALGORITHM (NAME) = DIGEST`; others, a signature's for example, do not
    count. The whole name has to fit, so that a longer one is never taken for it.
    """
    found = {digest for digest, of in _lines(text) if of == name}
    if not found:
        raise SumsUnusable(f"the list of digests has none for '{name}'")
    strength = {digest.algorithm: LENGTHS[digest.algorithm] for digest in found}
    best = max(strength, key=lambda algorithm: strength[algorithm])
    chosen = [digest for digest in found if digest.algorithm == best]
    if len(chosen) > 1:
        raise SumsUnusable(f"the list of digests has several {best} digests for '{name}'")
    return chosen[0]


def names(text: str) -> list[str]:
    """The names of the files that a list has digests of, each once."""
    return list(dict.fromkeys(of for _, of in _lines(text)))


def bare(text: str, name: str) -> Digest:
    """The digest in a file that holds nothing else, or one line with the file's name. Raises `SumsUnusable`."""
    try:
        return parse(text)
    except DigestInvalid:
        return find(text, name)


def name_in(url: str) -> str:
    """The name of the file that a URL leads to."""
    return unquote(urlsplit(url).path.rpartition("/")[2])


def discover(url: str, text_at: Callable[[str], str | None]) -> tuple[Digest, str] | None:
    """The digest that an upstream publishes beside a file, and where; None without one. `text_at` gives None for 404.

    The places are those of the large distributions.
    """
    name = name_in(url)
    for address in candidates(url):
        text = text_at(address)
        if text is None:
            continue
        try:
            return bare(text, name), address
        except SumsUnusable:
            continue
    return None


def candidates(url: str) -> Iterator[str]:
    clean = urlsplit(url)._replace(query="", fragment="").geturl()
    yield from (clean + ending for ending in BESIDE)
    yield from (clean.rpartition("/")[0] + "/" + name for name in IN_DIRECTORY)


def _lines(text: str) -> Iterator[tuple[Digest, str]]:
    for line in text.splitlines():
        try:
            if found := _LINE.match(line):
                yield parse(found[1]), found[2].rpartition("/")[2]
            elif found := _BSD.match(line):
                yield parse(f"{found[1]}:{found[3]}"), found[2].rpartition("/")[2]
        except DigestInvalid:
            continue
