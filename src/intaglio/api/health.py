"""Says whether this process can do its work now: the database and every store are really asked."""

from starlette.responses import PlainTextResponse, Response

from intaglio.api.call import Call
from intaglio.api.responses import json_response
from intaglio.services import health


async def healthcheck(call: Call) -> Response:
    reasons = await health.problems(call.parts)
    status = 503 if reasons else 200
    if "application/json" in call.request.headers.get("accept", ""):
        return json_response({"detailed": False, "reasons": reasons or ["OK"]}, status)
    return PlainTextResponse("\n".join(reasons) if reasons else "OK", status)
