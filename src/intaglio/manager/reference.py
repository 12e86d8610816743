"""The reference page of the definition files, written from the table of fields; `make docs` runs it."""

from collections.abc import Iterable

from intaglio.manager.fields import IMAGE, META, META_FREE, RETENTION, SIGNATURE, STREAM, VERSION, Field

_KINDS = {
    "text": "text",
    "list": "list",
    "texts": "list of texts",
    "meta": "mapping",
    "retention": "mapping",
    "signature": "mapping",
    "fingerprints": "list of fingerprints",
    "stream": "mapping",
    "flag": "true or false",
    "whole": "number from 0",
    "positive": "number from 1",
    "kept": "number from 1, or `all`",
    "date": "date",
    "url": "http(s) or ftp(s) address",
    "place": "address, or `file:`",
    "uuid": "UUID",
    "checksum": "checksum",
}
_HEAD = """\
# Image definitions

<!-- Written by tools/reference.py from src/intaglio/manager/fields.py. -->

What [`intaglio catalog`](../howto/keep-images-current.md) reads: files in YAML, each a mapping with one key, `images`,
which lists definitions. Everything that is wrong is said with file, line and column by `intaglio catalog validate`,
which needs neither network nor cloud. Numbers such as `24.04` need no quotes: what is written is what is sent.
"""


def page() -> str:
    """The page as Markdown."""
    lines = [_HEAD, "## Keys of a definition", "", *_table(IMAGE), "", "## Keys of a version", "", *_table(VERSION)]
    lines += [
        "",
        "A version is known by its digest once it is in a cloud: another digest is another build, and what an",
    ]
    lines += ["image holds is never changed.", "", "## Keys of `retention`", "", *_table(RETENTION)]
    lines += ["", "## Keys of `signature`", "", *_table(SIGNATURE)]
    lines += ["", "## Keys of `stream`", "", *_table(STREAM)]
    lines += [
        "",
        "## Properties in `meta`",
        "",
        "Any name is allowed. Of these the values are known, and others a warning:",
    ]
    lines += ["", "| property | values |", "|---|---|"]
    lines += [f"| `{name}` | {', '.join(f'`{value}`' for value in values)} |" for name, values in sorted(META.items())]
    lines += ["", f"Known, with any value: {', '.join(f'`{name}`' for name in sorted(META_FREE))}.", ""]
    return "\n".join(lines)


def _table(fields: Iterable[Field]) -> list[str]:
    rows = ["| key | takes | default | meaning |", "|---|---|---|---|"]
    for field in fields:
        chosen = field.takes if isinstance(field.takes, tuple) else ()
        takes = ", ".join(f"`{word}`" for word in chosen) or _KINDS[str(field.takes)]
        default = "**required**" if field.required else field.default
        rows.append(f"| `{field.name}` | {takes} | {default} | {field.meaning} |")
    return rows
