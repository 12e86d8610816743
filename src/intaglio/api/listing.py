"""Reading the query of GET /v2/images into a value, and writing the links of the answer."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args
from urllib.parse import parse_qsl, urlencode

from intaglio.api.call import Call
from intaglio.base.errors import Invalid
from intaglio.domain.facets import Facet, read_facets
from intaglio.domain.image import Image, Visibility
from intaglio.domain.query import (
    FILTERS_LIMIT,
    NUMBER_FILTERS,
    SORT_KEYS,
    TEXT_FILTERS,
    TIME_FILTERS,
    VALUES_LIMIT,
    Direction,
    ImageQuery,
    NumberFilter,
    TimeFilter,
    Viewer,
)
from intaglio.domain.search import Phrase, read_search

MemberStatus = Literal["pending", "accepted", "rejected", "all"]
TimeOperator = Literal["gt", "gte", "lt", "lte", "eq", "neq"]
_LIST_FILTERS = frozenset({"name", "id", "status", "container_format", "disk_format"})  # these take in: and eq:
_NOT_FILTERS = frozenset({"properties", "members", "locations", "changes-since"})
_SORTING = frozenset({"sort", "sort_key", "sort_dir"})
_PAGING = _SORTING | {"limit", "marker"}
_SQL_LIMIT = 2**63 - 1

Pairs = Sequence[tuple[str, str]]


class InvalidQuery(Invalid):
    """A parameter of the list is unknown in its form or holds what it may not hold."""

    code = "invalid-query"


class _Reader:
    """The parameters of one request; of a name given several times the last counts, unless all are asked for."""

    def __init__(self, pairs: Pairs) -> None:
        self.pairs = pairs
        self.last = dict(pairs)

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(value for key, value in self.pairs if key == name)

    def choice(self, name: str, allowed: Iterable[str], default: str | None = None) -> str | None:
        value = self.last.get(name, default)
        if value is not None and value not in allowed:
            raise InvalidQuery(f"'{name}' must be one of {', '.join(allowed)}, not '{value[:80]}'.")
        return value

    def number(self, name: str, text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise InvalidQuery(f"'{name}' must be a whole number, not '{text[:80]}'.") from None
        if not -_SQL_LIMIT <= value <= _SQL_LIMIT:
            raise InvalidQuery(f"'{name}' must be at most {_SQL_LIMIT}.")
        return value


def read_query(call: Call, *, but: Iterable[str] = ()) -> ImageQuery:
    """What the request asks for, without the parameters `but`, which mean something else to its call.

    Raises `InvalidQuery` naming the parameter and what it may hold, `InvalidSearch`.
    """
    reader = _Reader([(name, value) for name, value in _pairs(call) if name not in but])
    texts: list[tuple[str, tuple[str, ...]]] = []
    numbers: list[NumberFilter] = []
    times: list[TimeFilter] = []
    properties: list[tuple[str, str]] = []
    for name, value in reader.last.items():
        if name in _READ_ELSEWHERE:
            continue
        if "\x00" in value or "\x00" in name:
            raise InvalidQuery("A filter cannot hold the character U+0000.")
        if name in _NOT_FILTERS:
            raise InvalidQuery(f"Images cannot be filtered by '{name}'.")
        if name in TIME_FILTERS:
            times += _time_filters(name, value)
        elif name in TEXT_FILTERS:
            texts.append((name, _texts(name, value)))
        elif name in NUMBER_FILTERS:
            numbers.append(NumberFilter(name, "eq", reader.number(name, value)))
        elif name.endswith(("_min", "_max")):
            if name[:-4] not in NUMBER_FILTERS:
                raise InvalidQuery(f"'{name[:80]}' bounds no number; use one of {', '.join(NUMBER_FILTERS)}.")
            numbers.append(
                NumberFilter(name[:-4], "min" if name.endswith("_min") else "max", reader.number(name, value))
            )
        else:
            properties.append((name, value))
    tags = tuple(dict.fromkeys(reader.all("tag")))
    _require_few(len(texts) + len(numbers) + len(times) + len(properties) + len(tags), texts)
    principal = call.caller.principal
    return ImageQuery(
        viewer=Viewer(principal.project_id, principal.is_admin),
        sort=_sort(reader),
        limit=_limit(call, reader),
        marker=reader.last.get("marker"),
        visibility=_visibility(reader),
        member_status=_member_status(reader),
        os_hidden=_boolean(reader, "os_hidden", str.lower) or False,
        protected=_boolean(reader, "protected", str),
        tags=tags,
        texts=tuple(texts),
        numbers=tuple(numbers),
        times=tuple(times),
        properties=tuple(properties),
        phrases=_phrases(reader),
        ranked="q" in reader.last and not _SORTING & reader.last.keys(),
    )


def _require_few(filters: int, texts: Sequence[tuple[str, tuple[str, ...]]]) -> None:
    if filters > FILTERS_LIMIT:
        raise InvalidQuery(f"A list takes at most {FILTERS_LIMIT} filters at once, not {filters}.")
    values = sum(len(wanted) for _, wanted in texts)
    if values > VALUES_LIMIT:
        raise InvalidQuery(f"The filters of a list name at most {VALUES_LIMIT} values, not {values}.")


def _pairs(call: Call) -> Pairs:
    try:
        return parse_qsl(call.request.url.query, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise InvalidQuery("The query must be UTF-8, percent-encoded.") from None


_READ_ELSEWHERE = _PAGING | {"visibility", "member_status", "os_hidden", "protected", "tag", "deleted", "q"}


def _limit(call: Call, reader: _Reader) -> int:
    given = reader.last.get("limit")
    if given is None:
        return min(call.settings.limit_param_default, call.settings.api_limit_max)
    if not given.isascii() or not given.isdigit():
        raise InvalidQuery(f"'limit' must be a whole number, zero or more, not '{given[:80]}'.")
    return min(int(given[:19]), call.settings.api_limit_max)


def _visibility(reader: _Reader) -> Visibility | Literal["all"] | None:
    value = reader.choice("visibility", (*Visibility, "all"))
    return "all" if value == "all" else None if value is None else Visibility(value)


def _member_status(reader: _Reader) -> MemberStatus:
    value = reader.choice("member_status", get_args(MemberStatus), "accepted")
    for known in get_args(MemberStatus):
        if value == known:
            return known  # type: ignore[no-any-return]  # get_args forgets the literal's type
    raise AssertionError


def _phrases(reader: _Reader) -> tuple[Phrase, ...]:
    text = reader.last.get("q")
    return () if text is None else read_search(text)


def _boolean(reader: _Reader, name: str, fold: Callable[[str], str]) -> bool | None:
    value = reader.last.get(name)
    if value is None:
        return None
    if fold(value) not in {"true", "false"}:
        raise InvalidQuery(f"'{name}' must be true or false, not '{value[:80]}'.")
    return fold(value) == "true"


def _texts(name: str, value: str) -> tuple[str, ...]:
    if name not in _LIST_FILTERS:
        return (value,)
    operator, colon, rest = value.partition(":")
    if not colon:
        return (value,)
    if operator == "eq":
        return (rest,)
    if operator == "in":
        return _split_list(name, rest)
    raise InvalidQuery(f"'{name}' is filtered with 'in:' or 'eq:'; write eq:{value[:80]} for a value with a colon.")


def _split_list(name: str, text: str) -> tuple[str, ...]:
    items: list[str] = []
    item, quoted, was_quoted, position = "", False, False, 0
    while position < len(text):
        character = text[position]
        if character == "\\" and position + 1 < len(text):
            item += character + text[position + 1]
            position += 1
        elif character == '"':
            if not quoted and (item or was_quoted):
                raise InvalidQuery(f"A quote in the list for '{name}' must stand at the start of an item.")
            quoted, was_quoted = not quoted, True
        elif character == "," and not quoted:
            items.append(item)
            item, was_quoted = "", False
        elif was_quoted and not quoted:
            raise InvalidQuery(f"A comma must follow a quoted item in the list for '{name}'.")
        else:
            item += character
        position += 1
    if quoted:
        raise InvalidQuery(f"A quote in the list for '{name}' is not closed.")
    items.append(item)
    return tuple(items)


def _time_filters(name: str, value: str) -> list[TimeFilter]:
    """Times are compared as they are shown, in whole seconds, whatever fractions the database holds."""
    operator, colon, rest = value.partition(":")
    known = next((known for known in get_args(TimeOperator) if known == operator and colon), None)
    text = rest if known else value
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise InvalidQuery(
            f"'{name}' takes an ISO 8601 time such as gte:2026-01-31T12:00:00Z, with one of "
            f"{', '.join(get_args(TimeOperator))}, not '{value[:80]}'."
        ) from None
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    moment = moment.replace(microsecond=0)
    after = moment + timedelta(seconds=1)
    match known or "eq":
        case "gt":
            return [TimeFilter(name, "gte", after)]
        case "lte":
            return [TimeFilter(name, "lt", after)]
        case "eq":
            return [TimeFilter(name, "gte", moment), TimeFilter(name, "lt", after)]
        case operator:
            return [TimeFilter(name, operator, moment)]


def _sort(reader: _Reader) -> tuple[tuple[str, Direction], ...]:
    keys, directions, tie = _sort_as_given(reader)
    for key in keys:
        if key not in SORT_KEYS:
            raise InvalidQuery(f"'{key[:80]}' is not a sort key; use one of {', '.join(SORT_KEYS)}.")
    for direction in directions:
        if direction not in set(Direction):
            raise InvalidQuery(f"'{direction[:80]}' is not a sort direction; use asc or desc.")
    order = {key: Direction(direction) for key, direction in reversed(list(zip(keys, directions, strict=True)))}
    sort = [(key, order[key]) for key in dict.fromkeys(keys)]
    sort.extend((key, tie) for key in ("created_at", "id") if key not in order)
    return tuple(sort[: [key for key, _ in sort].index("id") + 1])


def _sort_as_given(reader: _Reader) -> tuple[list[str], list[str], Direction]:
    keys, directions = list(reader.all("sort_key")), list(reader.all("sort_dir"))
    combined = reader.last.get("sort")
    if combined is not None:
        if keys or directions:
            raise InvalidQuery("'sort' cannot be used together with 'sort_key' or 'sort_dir'.")
        for item in combined.split(","):
            key, _, direction = item.strip().partition(":")
            keys.append(key)
            directions.append(direction or Direction.DESC)
        return keys, directions, _tie(directions)
    keys = keys or ["created_at"]
    if len(directions) == 1:
        return keys, directions * len(keys), _tie(directions)
    if directions and len(directions) != len(keys):
        raise InvalidQuery("Give one 'sort_dir' for all keys, or one for each 'sort_key'.")
    return keys, directions or [Direction.DESC] * len(keys), Direction.DESC


def _tie(directions: list[str]) -> Direction:
    """How equal images are ordered: as the rest when one direction was given, newest first otherwise."""
    return Direction.ASC if directions == ["asc"] else Direction.DESC


def read_facets_query(call: Call) -> tuple[ImageQuery, tuple[Facet, ...]]:
    """What to count and in which list. Raises `InvalidQuery`, `InvalidSearch`, `InvalidFacet`."""
    pairs = _pairs(call)
    paging = sorted({name for name, _ in pairs} & _PAGING - {"limit"})
    if paging:
        raise InvalidQuery(f"Counts have no order and no pages: leave out {', '.join(paging)}.")
    query = read_query(call, but={"facet"})
    if not query.limit:
        raise InvalidQuery("'limit' is the number of values of each facet: at least 1.")
    return query, read_facets([value for name, value in pairs if name == "facet"])


def links(call: Call, query: ImageQuery, page: Sequence[Image]) -> dict[str, str]:
    """`first`, and `next` when the page is full, each with every parameter that was given."""
    pairs = [(name, value) for name, value in _pairs(call) if name != "marker"]
    found = {"first": _link(pairs)}
    if page and len(page) == query.limit:
        found["next"] = _link([*pairs, ("marker", page[-1].id)])
    return found


def _link(pairs: Pairs) -> str:
    return f"/v2/images?{urlencode(pairs)}" if pairs else "/v2/images"
