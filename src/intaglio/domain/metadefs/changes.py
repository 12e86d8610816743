"""What becomes of a namespace when a file is loaded over it, and in what two definitions differ."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from intaglio.domain.metadefs.model import Association, Content, Definition, Namespace, Object, Property, Tag

Named = TypeVar("Named", bound=Content)


class Mode(StrEnum):
    """What to do with a namespace that is there already. New ones are made in every mode."""

    SKIP = "skip"  # leave it alone
    MERGE = "merge"  # add what it lacks, change nothing
    PREFER_NEW = "prefer-new"  # add what it lacks, change what differs, keep what only it has
    OVERWRITE = "overwrite"  # make it exactly what the file says


class Outcome(StrEnum):
    """What became of a namespace."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    REMOVED = "removed"


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to one namespace, in words such as `property hw_disk_bus`."""

    namespace: str
    outcome: Outcome
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def load_over(present: Definition, file: Definition, mode: Mode) -> Definition:
    """The namespace after loading `file` over it; equal to `present` when there is nothing to do."""
    if mode is Mode.SKIP:
        return present
    return replace(
        present,
        namespace=present.namespace if mode is Mode.MERGE else _fields_of(file.namespace, present.namespace),
        associations=_load(present.associations, file.associations, mode),
        properties=_load(present.properties, file.properties, mode),
        objects=_load(present.objects, file.objects, mode),
        tags=_load(present.tags, file.tags, mode),
    )


def differences(before: Definition | None, after: Definition | None) -> Changes:
    """What it takes to get from one to the other; None is no such namespace."""
    name = (after or before or _nothing()).name
    if before is None or after is None:
        outcome = Outcome.CREATED if before is None else Outcome.REMOVED
        whole = _contents(after or before or _nothing())
        names = tuple(whole)
        added, removed = (names, ()) if before is None else ((), names)
        return Changes(namespace=name, outcome=outcome, added=added, removed=removed)
    old, new = _contents(before), _contents(after)
    fields = tuple(f"field {field}" for field, value in _fields(after).items() if _fields(before)[field] != value)
    changed = (*fields, *(each for each, value in new.items() if each in old and old[each] != value))
    added = tuple(each for each in new if each not in old)
    removed = tuple(each for each in old if each not in new)
    outcome = Outcome.CHANGED if changed or added or removed else Outcome.UNCHANGED
    return Changes(namespace=name, outcome=outcome, added=added, changed=changed, removed=removed)


def document(definition: Definition) -> dict[str, Any]:
    """The definition as a file that this and `glance-manage db load_metadefs` read.

    An owner that the loader would set anyway is left out, and so are empty lists of contents.
    """
    namespace = definition.namespace
    body: dict[str, Any] = {"namespace": namespace.namespace}
    body |= {name: value for name, value in _fields(definition).items() if value is not None}
    if namespace.owner == "admin":
        del body["owner"]
    parts = {
        "resource_type_associations": [_without_none(_association(each)) for each in definition.associations],
        "properties": {each.name: each.schema for each in definition.properties},
        "objects": [_without_none(_object(each)) for each in definition.objects],
        "tags": [{"name": each.name} for each in definition.tags],
    }
    return body | {name: value for name, value in parts.items() if value}


def same(one: Named, other: Named) -> bool:
    """Whether two contents say the same, whenever they were recorded."""
    return _said(one) == _said(other)


def _load(present: tuple[Named, ...], file: tuple[Named, ...], mode: Mode) -> tuple[Named, ...]:
    wanted = {each.name: each for each in file}
    have = {each.name for each in present}
    kept = [each for each in present if mode is not Mode.OVERWRITE or each.name in wanted]
    if mode is not Mode.MERGE:
        kept = [_renewed(each, wanted.get(each.name, each)) for each in kept]
    return (*kept, *(each for each in file if each.name not in have))


def _renewed(present: Named, wanted: Named) -> Named:
    if same(present, wanted):
        return present
    return replace(wanted, id=present.id, created_at=present.created_at)


def _fields_of(file: Namespace, present: Namespace) -> Namespace:
    kept = {"id": present.id, "created_at": present.created_at, "updated_at": present.updated_at}
    return replace(file, **kept)


def _fields(definition: Definition) -> dict[str, Any]:
    namespace = definition.namespace
    names = ("display_name", "description", "visibility", "protected", "owner")
    return {name: getattr(namespace, name) for name in names}


def _contents(definition: Definition) -> dict[str, Any]:
    kinds: tuple[tuple[str, Iterable[Any]], ...] = (
        ("resource type", definition.associations),
        ("property", definition.properties),
        ("object", definition.objects),
        ("tag", definition.tags),
    )
    return {f"{kind} {each.name}": _said(each) for kind, items in kinds for each in items}


def _said(each: Content) -> object:
    for kind, saying in _SAYING.items():
        if isinstance(each, kind):
            return saying(each)
    raise AssertionError


def _association(each: Association) -> dict[str, Any]:
    return {"name": each.name, "prefix": each.prefix or None, "properties_target": each.properties_target or None}


def _object(each: Object) -> dict[str, Any]:
    # `required` is read back sorted as it is: its order says nothing
    return {
        "name": each.name,
        "description": each.description,
        "required": sorted(each.required) or None,
        "properties": dict(each.properties),
    }


_SAYING: Mapping[type, Callable[[Any], object]] = {
    Association: _association,
    Property: lambda each: dict(each.schema),
    Object: _object,
    Tag: lambda each: each.name,
}


def _without_none(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}


def _nothing() -> Definition:
    return Definition(namespace=Namespace(namespace=""))
