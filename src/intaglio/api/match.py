"""Finds the route that a method and a path lead to, for questions about calls."""

import re
from collections.abc import Iterable
from urllib.parse import unquote

from starlette.routing import compile_path

from intaglio.api.route import Route
from intaglio.base.errors import Invalid

_VERSION = re.compile(r"^/v2\.\d+(?=/)")


class NoSuchCall(Invalid):
    """The question is about a call that this service does not have."""

    code = "no-such-call"


def match(routes: Iterable[Route], method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route, and the variables of the path; none for what still stands in braces. Raises `NoSuchCall`."""
    plain = _VERSION.sub("/v2", unquote(path.partition("?")[0]))
    methods = []
    for route in routes:
        found = compile_path(route.path)[0].match(plain)
        if found is None:
            continue
        if route.method == method.upper():
            values = {name: value for name, value in found.groupdict().items() if value != "{" + name + "}"}
            return route, values
        methods.append(route.method)
    if methods:
        raise NoSuchCall(f"{method[:20]} is not allowed on {plain[:200]}; these are: {', '.join(methods)}.")
    raise NoSuchCall(f"There is nothing at {plain[:200]}; write a path such as /v2/images/{{image_id}}.")
