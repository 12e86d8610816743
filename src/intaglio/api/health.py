"""Says whether this process can do its work now: the database and every store are really asked.

An operator takes it out of service by a file, without stopping what runs.
"""

from starlette.responses import PlainTextResponse, Response

from intaglio.api.call import Call
from intaglio.api.responses import json_response
from intaglio.services import health
from intaglio.services.health import Health

_DISABLED = "DISABLED BY FILE"


def _disabled(call: Call) -> bool:
    """Whether an operator wants no more work sent here: a balancer's view of this process, not its health."""
    file = call.settings.disable_by_file_path
    return file is not None and file.exists()


async def healthcheck(call: Call) -> Response:
    detailed = call.request.query_params.get("detailed", "false").lower() not in {"false", "0", "no", "off"}
    if _disabled(call) and not detailed:
        return _answer(call, [_DISABLED])
    found = await health.look(call.parts)
    if detailed:
        return _in_detail(found, disabled=_disabled(call))
    return _answer(call, [] if found.serves else found.problems())


def _answer(call: Call, reasons: list[str]) -> Response:
    status = 503 if reasons else 200
    if "application/json" in call.request.headers.get("accept", ""):
        return json_response({"detailed": False, "reasons": reasons or ["OK"]}, status)
    return PlainTextResponse("\n".join(reasons) if reasons else "OK", status)


def _in_detail(found: Health, *, disabled: bool) -> Response:
    """Every part by itself, also those without which the process still serves."""
    reasons = [_DISABLED] * disabled + found.problems()
    body = {
        "detailed": True,
        "reasons": reasons or ["OK"],
        "database": _part(found.database),
        "stores": {store_id: _part(why) for store_id, why in found.stores.items()},
    }
    return json_response(body, 200 if found.serves and not disabled else 503)


def _part(why: str | None) -> dict[str, object]:
    return {"healthy": why is None, "reason": why or "OK"}
