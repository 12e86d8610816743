"""Reads what the documentation's tests ask of a Markdown file: its links, its anchors, its code."""

import re
from pathlib import Path

_FENCE = re.compile(r"^( *)(```+).*?^\1\2`*$", re.MULTILINE | re.DOTALL)


def links(path: Path) -> list[str]:
    """Targets of links and images, outside code."""
    prose = re.sub(r"`[^`\n]*`", "``", _FENCE.sub("", path.read_text()))
    return re.findall(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)", prose)


def anchors(path: Path) -> set[str]:
    """What `#…` can point at: the headings' slugs."""
    headings = re.findall(r"^#+\s+(.*)$", _FENCE.sub("", path.read_text()), re.MULTILINE)
    return {re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings}


def code(path: Path) -> list[str]:
    """Every fenced block and every inline piece of code."""
    text = path.read_text()
    return [found[0] for found in _FENCE.finditer(text)] + re.findall(r"`([^`\n]+)`", _FENCE.sub("", text))


def target(path: Path, link: str) -> tuple[Path, str] | None:
    """The file and the anchor that a link in `path` points at, or None when it leaves the repository."""
    if re.match(r"[a-z]+:", link):
        return None
    name, _, anchor = link.partition("#")
    return ((path.parent / name).resolve() if name else path), anchor
