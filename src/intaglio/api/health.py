"""Says whether this process can do its work now: the database and every store are really asked.

An operator takes it out of service by a file, without stopping what runs.
"""

from starlette.responses import PlainTextResponse, Response

from intaglio.api.call import Call
from intaglio.api.responses import json_response
from intaglio.services import health


def _disabled(call: Call) -> bool:
    """Whether an operator wants no more work sent here: a balancer's view of this process, not its health."""
    file = call.settings.disable_by_file_path
    return file is not None and file.exists()


async def healthcheck(call: Call) -> Response:
    reasons = ["DISABLED BY FILE"] if _disabled(call) else await health.problems(call.parts)
    status = 503 if reasons else 200
    if "application/json" in call.request.headers.get("accept", ""):
        return json_response({"detailed": False, "reasons": reasons or ["OK"]}, status)
    return PlainTextResponse("\n".join(reasons) if reasons else "OK", status)
