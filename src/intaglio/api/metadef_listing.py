"""Reading the queries of the catalogue's lists, and writing the links of their answers."""

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode

from intaglio.api.call import Call
from intaglio.api.listing import InvalidQuery
from intaglio.domain.metadefs.model import Scope
from intaglio.domain.metadefs.query import (
    NAMESPACE_SORT_KEYS,
    OBJECT_SORT_KEYS,
    TAG_SORT_KEYS,
    NamespaceQuery,
    Paging,
)
from intaglio.domain.query import Direction
from intaglio.services.metadef_access import viewer

Pairs = Sequence[tuple[str, str]]


def namespace_query(call: Call) -> NamespaceQuery:
    """What GET /v2/metadefs/namespaces asks for. Raises `InvalidQuery`."""
    values = dict(pairs(call))
    visibility = values.get("visibility") or None
    if visibility is not None and visibility not in set(Scope):
        raise InvalidQuery(f"'visibility' must be one of {', '.join(Scope)}, not '{visibility[:80]}'.")
    most = call.settings.api_limit_max
    limit = _limit(values, least=0) if "limit" in values else call.settings.limit_param_default
    types = values.get("resource_types")
    return NamespaceQuery(
        viewer=viewer(call.caller),
        paging=_paging(values, NAMESPACE_SORT_KEYS, limit=most if limit is None else min(limit, most)),
        visibility=None if visibility is None else Scope(visibility),
        resource_types=None if types is None else tuple(types.split(",")),
    )


def object_paging(call: Call) -> Paging:
    """What the list of objects asks for: everything in order of creation, unless it says otherwise."""
    values = dict(pairs(call))
    limit = _limit(values, least=1)
    if "sort_key" not in values and "sort_dir" not in values:
        values |= {"sort_key": "id", "sort_dir": "asc"}
    return _paging(values, OBJECT_SORT_KEYS, limit=limit)


def tag_paging(call: Call) -> Paging:
    """What the list of tags asks for: everything, the newest first, unless it says otherwise."""
    values = dict(pairs(call))
    return _paging(values, TAG_SORT_KEYS, limit=_limit(values, least=0))


def links(call: Call, path: str, marker: str | None) -> dict[str, str]:
    """`first`, and with a marker `next`, each with every parameter that was given."""
    given = [(name, value) for name, value in pairs(call) if name != "marker"]
    found = {"first": _link(path, given)}
    if marker is not None:
        found["next"] = _link(path, [*given, ("marker", marker)])
    return found


def pairs(call: Call) -> Pairs:
    """The parameters of the query, decoded. Raises `InvalidQuery`."""
    try:
        found = parse_qsl(call.request.url.query, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise InvalidQuery("The query must be UTF-8, percent-encoded.") from None
    if any("\x00" in text for pair in found for text in pair):
        raise InvalidQuery("A parameter cannot hold the character U+0000.")
    return found


def _paging(values: dict[str, str], sort_keys: Sequence[str], *, limit: int | None) -> Paging:
    sort_key = values.get("sort_key", "created_at")
    if sort_key not in sort_keys:
        raise InvalidQuery(f"'{sort_key[:80]}' is not a sort key; use one of {', '.join(sort_keys)}.")
    direction = values.get("sort_dir", Direction.DESC)
    if direction not in set(Direction):
        raise InvalidQuery(f"'{direction[:80]}' is not a sort direction; use asc or desc.")
    return Paging(sort_key=sort_key, direction=Direction(direction), limit=limit, marker=values.get("marker") or None)


def _limit(values: dict[str, str], *, least: int) -> int | None:
    given = values.get("limit")
    if not given:
        return None
    if not given.isascii() or not given.isdigit() or int(given[:19]) < least:
        raise InvalidQuery(f"'limit' must be a whole number of at least {least}, not '{given[:80]}'.")
    return int(given[:18])


def _link(path: str, given: Pairs) -> str:
    return f"{path}?{urlencode(given)}" if given else path
