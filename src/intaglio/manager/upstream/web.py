"""Speaking to upstreams: small texts, dates, and files that are continued where an earlier attempt ended.

`requests` (which openstacksdk brings) honours the proxy and certificate variables that operators set. The addresses are
the operator's own, out of the catalogue.
"""

import email.utils
import importlib
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date
from pathlib import Path
from typing import Any

from intaglio.base.errors import Invalid, Unavailable
from intaglio.manager.naming import shown

CONNECT, READ = 15, 60
"""Seconds until a connection stands, and between two pieces of an answer."""
ATTEMPTS = 4
PIECE = 1 << 20
TEXT_LIMIT = 4 << 20
"""Bytes of the largest list of digests that is read."""
_LATER = {408, 425, 429, 500, 502, 503, 504}
_PARTIAL, _RANGE, _MISSING = 206, 416, {403, 404, 410}


class FetchFailed(Unavailable):
    """A file of the catalogue cannot be had from its upstream, or is not what it should be."""

    code = "fetch-failed"


class ManagerMissing(Invalid):
    """What fetches images is not installed."""

    code = "manager-missing"


class Broken(Exception):
    """A transfer broke off; trying again may help. The text is the reason."""


def _library() -> Any:
    try:
        return importlib.import_module("requests")
    except ImportError:
        raise ManagerMissing("This command needs requests: pip install 'intaglio[manager]'.") from None


class Web:
    """Fetches from upstreams. `pause` waits some seconds between attempts."""

    def __init__(self, pause: Callable[[float], None] = time.sleep, attempts: int = ATTEMPTS) -> None:
        self._pause = pause
        self._attempts = attempts

    def text(self, url: str, longest: int = TEXT_LIMIT) -> str | None:
        """A text of at most `longest` bytes; None when there is none. Raises `FetchFailed`."""
        body = self.small(url, longest)
        return None if body is None else body.decode("utf-8", "replace")

    def small(self, url: str, longest: int = TEXT_LIMIT) -> bytes | None:
        """A file of at most `longest` bytes as it is; None when there is none. Raises `FetchFailed`."""
        with self._answer("GET", url) as answer:
            if answer.status_code in _MISSING:
                return None
            self._refuse(answer, url)
            return b"".join(_limited(answer, url, longest))

    def size(self, url: str) -> int | None:
        """The bytes of a file, None when its server does not say. Raises `FetchFailed`."""
        with self._answer("HEAD", url) as answer:
            self._refuse(answer, url)
            said = answer.headers.get("Content-Length", "")
        return int(said) if said.isascii() and said.isdigit() else None

    def modified(self, url: str) -> date | None:
        """The day (UTC) that a file was last changed, as its server says. Raises `FetchFailed`."""
        with self._answer("HEAD", url) as answer:
            self._refuse(answer, url)
            said = answer.headers.get("Last-Modified")
        try:
            return email.utils.parsedate_to_datetime(said).astimezone(UTC).date() if said else None
        except ValueError:
            return None

    def download(self, url: str, path: Path, arrived: Callable[[int, int | None], None]) -> None:
        """Fetch a file to `path`, going on with what is there of it. `arrived` hears bytes and their total.

        Interrupted transfers are tried again. Raises `FetchFailed`; what has arrived stays for the next time.
        """
        for attempt in range(self._attempts):
            try:
                return self._continue(url, path, arrived)
            except Broken as error:
                if attempt + 1 == self._attempts:
                    raise FetchFailed(f"{shown(url)}: {error}") from None
            self._pause(2.0**attempt)
        return None

    def _continue(self, url: str, path: Path, arrived: Callable[[int, int | None], None]) -> None:
        note = path.with_suffix(".from")
        mark = _mark(note, url)
        start = path.stat().st_size if path.exists() and mark else 0
        headers = {"Range": f"bytes={start}-", "If-Range": mark} if start and mark else {}
        with self._answer("GET", url, headers) as answer:
            if answer.status_code == _RANGE:  # all of it is there, or another file is
                path.unlink(missing_ok=True)
                raise Broken("the server has no more of the file than is here")
            self._refuse(answer, url)
            resumed = answer.status_code == _PARTIAL
            if not resumed:
                start = 0
                note.write_text(json.dumps({"url": url, "mark": _marks(answer)}))
            length = answer.headers.get("Content-Length", "")
            total = start + int(length) if length.isascii() and length.isdigit() else None
            with path.open("ab" if resumed else "wb") as out:
                for piece in _pieces(answer):
                    out.write(piece)
                    start += len(piece)
                    arrived(start, total)
        if total is not None and start != total:
            raise Broken(f"{start} of {total} bytes arrived")

    def _answer(self, method: str, url: str, headers: dict[str, str] | None = None) -> Any:
        """An answer, after redirects; a server that is busy is asked again. Raises `FetchFailed`."""
        requests = _library()
        for attempt in range(self._attempts):
            try:
                answer = requests.request(
                    method,
                    url,
                    headers={"Accept-Encoding": "identity", "User-Agent": "intaglio-catalog"} | (headers or {}),
                    timeout=(CONNECT, READ),
                    stream=True,
                    allow_redirects=True,
                )
            except (requests.ConnectionError, requests.Timeout) as error:
                if attempt + 1 == self._attempts:
                    raise FetchFailed(f"{shown(url)}: {_reason(error)}") from None
                self._pause(2.0**attempt)
                continue
            except requests.RequestException as error:
                raise FetchFailed(f"{shown(url)}: {_reason(error)}") from None
            if answer.status_code not in _LATER or attempt + 1 == self._attempts:
                return answer
            wait = answer.headers.get("Retry-After", "")
            answer.close()
            self._pause(min(float(wait), 60) if wait.isascii() and wait.isdigit() else 2.0**attempt)
        raise FetchFailed(f"{shown(url)}: not asked")

    def _refuse(self, answer: Any, url: str) -> None:
        if not answer.ok:
            raise FetchFailed(f"{shown(url)} answers {answer.status_code} {answer.reason}".rstrip())


def _pieces(answer: Any) -> Iterator[bytes]:
    """The bytes as they are sent, not unpacked by the HTTP library."""
    try:
        yield from answer.raw.stream(PIECE, decode_content=False)
    except Exception as error:
        if type(error).__module__.startswith("urllib3"):
            raise Broken(f"the transfer broke off ({type(error).__name__})") from error
        raise


def _limited(answer: Any, url: str, longest: int) -> Iterator[bytes]:
    size = 0
    try:
        for piece in _pieces(answer):
            size += len(piece)
            if size > longest:
                raise FetchFailed(f"{shown(url)} has more than {longest} bytes, and is no list of the kind sought")
            yield piece
    except Broken as error:
        raise FetchFailed(f"{shown(url)}: {error}") from None


def _marks(answer: Any) -> str | None:
    """What tells this state of the file from another: a strong ETag, or a date."""
    tag = str(answer.headers.get("ETag", ""))
    day: str | None = answer.headers.get("Last-Modified")
    return tag if tag.startswith('"') else day


def _mark(note: Path, url: str) -> str | None:
    try:
        said: dict[str, Any] = json.loads(note.read_text())
    except (OSError, ValueError):
        return None
    mark = said.get("mark") if said.get("url") == url else None
    return mark if isinstance(mark, str) else None


def _reason(error: Exception) -> str:
    """Why, without the library's own names and without the URL's credentials."""
    if isinstance(error, _library().Timeout):
        return "no answer in time"
    text = str(error)
    for known, said in (
        ("Name or service not known", "the host is not known"),
        ("Temporary failure in name resolution", "the host is not known"),
        ("No address associated", "the host is not known"),
        ("Connection refused", "the connection is refused"),
        ("No connection adapters", "addresses of this kind cannot be fetched"),
        ("CERTIFICATE_VERIFY_FAILED", "its certificate is not trusted"),
        ("redirects", "it is redirected without an end"),
    ):
        if known in text:
            return said
    return "no connection"
