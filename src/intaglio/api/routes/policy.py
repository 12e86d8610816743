"""The policy itself: why calls are refused."""

from collections.abc import Callable, Iterable

from intaglio.api.route import Route
from intaglio.api.routes.answers import NO_BODY, query
from intaglio.api.v2.policy import explainer

_QUESTION = (
    query("method", "The call's method.") | {"required": True},
    query("path", "The call's path, such as /v2/images/ID/file, or as this document has it.") | {"required": True},
    query("roles", "The roles of the caller asked about, separated by commas; what they imply is added."),
    query("exactly", "true: only the roles named.", "boolean"),
    query("project", "The caller's project."),
    query("user", "The caller's user id."),
    query("domain", "The domain that the caller's token is for."),
    query("system", "all: the caller's token is for the system.", enum=["all"]),
    query("image", "The image, where the path does not name one."),
    query("target", "name=value: what else is known of what the call is about; may be repeated."),
)


def policy_routes(routes: Callable[[], Iterable[Route]]) -> tuple[Route, ...]:
    """The routes about the policy; `routes` gives the whole table."""
    return (
        Route(
            method="GET",
            path="/v2/policy/explain",
            handler=explainer(routes),
            summary="Why a call by any caller is allowed, refused or answered with 404",
            success={200: "The verdict, and each rule that the call asks: passed or not, and which part refused."},
            rules=("get_image", "intaglio:explain"),
            parameters=_QUESTION,
            response="Answer",
            errors=NO_BODY
            | {
                400: "A parameter is missing or wrong, or there is no such call.",
                401: "No valid credentials.",
                403: "The caller may not ask.",
                404: "No such image, or not one the asker may see.",
            },
        ),
    )
