"""The reference page of configuration, written from the option tables: what is not in a table is not read."""

import sys
from collections.abc import Iterator

from intaglio.bootstrap.options.catalogue import ALL_DRIVERS, DRIVERS, GROUPS
from intaglio.bootstrap.options.model import Group, Kind, Option, State
from intaglio.bootstrap.options.stores import COMMON, WORKING
from intaglio.bootstrap.values import shown

_INTRODUCTION = """\
# Configuration options

<!-- Generated from src/intaglio/bootstrap/options by intaglio.bootstrap.reference; do not edit. -->

Intaglio reads the files that Glance reads, with the same groups and names, and one group of its own, `[intaglio]`. With
no file at all it keeps everything in one data directory.

## Where values come from

Each overrides the ones before it:

1. the default;
2. each `--config-file`, in the order given;
3. the `*.conf` files of each `--config-dir`, by name;
4. environment variables `OS_<GROUP>__<OPTION>`, such as `OS_DEFAULT__IMAGE_SIZE_CAP` or `OS_INTAGLIO__BIND`;
5. the command line (`--bind`, `--data-dir`, `--auth`, …).

Without `--config-file` and `--config-dir`, Intaglio reads `glance-api.conf` and `glance-image-import.conf` in the
directory that `OS_GLANCE_CONFIG_DIR` names; where that is not set, `intaglio.conf` in the data directory, if there is
one. `/etc/glance` is never read unless it is named.

In a value, `$name` and `${group.name}` stand for another option; `$$` is the character `$`. Lists may be written `a,b`
or `[a,b]`.

## Stores

`enabled_backends` names the stores; each id is a group with the options of its driver, and a driver option that is not
set there is looked for in `[backend_defaults]`. Without `enabled_backends`, if anything is set in `[glance_store]`,
that describes one store, as in older releases of Glance. Without either, images are in `images` in the data directory.

## States

| State | Meaning |
|---|---|
| used | it does what it says |
| not yet | it will in a later release; the note says what happens until then |
| refused | not yet, and because ignoring it would do harm the service does not start with it |
| obsolete | it does nothing and will not; the note names the replacement |

`intaglio config check` says which of these the options in your files are, and finds typing errors; its exit code is 0
when all is well, and 1 when the service would not start or an option, a group or a value is unknown. `intaglio config
show` prints what every used option has come to, and where it was set.
"""


def reference() -> str:
    """The page, as Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _INTRODUCTION.rstrip("\n")
    for group in GROUPS:
        if group.options is not ALL_DRIVERS:
            yield from _group(group)
    yield from _table("Every store (the group named by its id)", "Glance", COMMON)
    for kind, options in DRIVERS.items():
        later = "" if kind in WORKING else ", in a later release"
        yield from _table(f"Store of type {kind}{later}", "Glance", options)


def _group(group: Group) -> Iterator[str]:
    yield from _table(f"[{group.name}] {group.title}", group.origin, group.options)


def _table(title: str, origin: str, options: tuple[Option, ...]) -> Iterator[str]:
    yield f"\n## {title}\n"
    yield f"Options of {origin}.\n"
    yield "| Option | State | Value | Default | Meaning |"
    yield "|---|---|---|---|---|"
    for option in options:
        yield (
            f"| `{option.name}` | {_state(option)} | {_value(option)} | {_default(option)} "
            f"| {_cell(' '.join(filter(None, (option.meaning, option.note))))} |"
        )


def _state(option: Option) -> str:
    if option.refused:
        return "refused"
    return "not yet" if option.state is State.NOT_YET else str(option.state)


def _value(option: Option) -> str:
    if option.state is State.OBSOLETE:
        return ""
    words = _cell(option.allowed) if option.choices else _cell(str(option.kind)) + _range(option)
    return f"{words}, secret" if option.secret else words


def _range(option: Option) -> str:
    if option.minimum is not None and option.maximum is not None:
        return f", {option.minimum} to {option.maximum}"
    return "" if option.minimum is None else f", at least {option.minimum}"


def _default(option: Option) -> str:
    if option.default is None or option.state is State.OBSOLETE:
        return ""
    text = str(option.default) if option.kind is Kind.TEXT else shown(option, option.default)
    return f"`{_cell(text)}`" if text else "empty"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(reference())
