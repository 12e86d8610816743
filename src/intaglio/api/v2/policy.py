"""Why calls are refused."""

from collections.abc import Callable, Iterable

from starlette.responses import Response

from intaglio.api.call import Call
from intaglio.api.match import match
from intaglio.api.responses import json_response
from intaglio.api.route import Handler, Route
from intaglio.base.errors import Invalid
from intaglio.domain.principal import Principal
from intaglio.services import explain as use_case
from intaglio.services.explain import Question


class InvalidQuestion(Invalid):
    """The question names no call, or holds what it may not hold."""

    code = "invalid-question"


def question(
    routes: Iterable[Route], method: str, path: str, caller: Principal, *, image_id: str | None, target: dict[str, str]
) -> Question:
    """What is asked about the call. Raises `NoSuchCall`, `InvalidQuestion`."""
    route, variables = match(routes, method, path)
    if image_id is not None and "{image_id}" not in route.path:
        raise InvalidQuestion(f"{route.method} {route.path} is about no single image; leave the image out.")
    return Question(
        method=route.method,
        path=path,
        route=route.path,
        rules=route.rules,
        caller=caller,
        image_id=variables.get("image_id", image_id),
        about_image="{image_id}" in route.path,
        target=target,
    )


def explainer(routes: Callable[[], Iterable[Route]]) -> Handler:
    """The handler: it answers about every route, itself included, so the table is handed in when it is complete."""

    async def explain(call: Call) -> Response:
        given = call.request.query_params
        wanted = question(
            routes(),
            _required(call, "method"),
            _required(call, "path"),
            _caller(call),
            image_id=given.get("image"),
            target=use_case.read_target(given.getlist("target")),
        )
        return json_response(await use_case.why(call.parts, call.caller, wanted))

    return explain


def _required(call: Call, name: str) -> str:
    value = call.request.query_params.get(name)
    if not value:
        raise InvalidQuestion(f"The parameter '{name}' is missing: ask with method=GET&path=/v2/images, for example.")
    return value


def _caller(call: Call) -> Principal:
    given = call.request.query_params
    return use_case.principal_of(
        roles=[role for text in given.getlist("roles") for role in text.split(",")],
        project_id=given.get("project") or None,
        user_id=given.get("user") or None,
        domain_id=given.get("domain") or None,
        system=given.get("system") == "all",
        exactly=given.get("exactly", "").lower() in {"1", "true", "yes"},
    )
