"""The table of attacks as docs/reference/fetcher.md shows it; `python -m tests.outbound.table` writes it anew."""

from collections.abc import Iterator

from intaglio.outbound.base import MEANINGS, Reason
from tests.house.tree import ROOT
from tests.outbound.hostile_server import ANSWERS, REDIRECTS, RESTS
from tests.outbound.hostile_urls import SECTIONS, Row

PAGE = ROOT / "docs" / "reference" / "fetcher.md"
BEGIN, END = "<!-- written by tests/outbound/table.py -->\n", "<!-- to here -->\n"
_LONGEST = 60


def written() -> str:
    """Everything between the two marks."""
    return "\n".join([*_reasons(), *_urls(), *_servers()])


def page() -> str:
    """The page with the table as the tests have it."""
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    return before + BEGIN + written() + END + rest.split(END)[1]


def _reasons() -> Iterator[str]:
    yield "\n## Reasons\n\n| reason | what it means |\n|---|---|"
    yield from (f"| `{reason}` | {MEANINGS[reason]} |" for reason in Reason)


def _urls() -> Iterator[str]:
    for title, rows in SECTIONS.items():
        yield f"\n## {title}\n\n| attack | URL | refused as |\n|---|---|---|"
        yield from (f"| {row.what} | {_code(row)} | `{row.reason}` |" for row in rows)


def _servers() -> Iterator[str]:
    for title, acts in (
        ("Redirects", REDIRECTS),
        ("Answers", ANSWERS),
        ("Answers to a request for the rest of a file", RESTS),
    ):
        yield f"\n## {title}\n\n| attack | ended as |\n|---|---|"
        yield from (f"| {act.what} | `{act.reason}` |" for act in acts.values())
    yield ""


def _code(row: Row) -> str:
    text = row.url.encode("unicode_escape").decode().replace("|", "%7C")
    shown = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return f"`{shown}`" if shown.strip() else "(nothing)"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
