"""What a client asks of the service before it does anything: import methods, stores, usage."""

from typing import Any

from starlette.responses import Response

from intaglio.api.call import Call
from intaglio.api.responses import json_response
from intaglio.imports import plans
from intaglio.imports.methods import METHODS
from intaglio.services import stores, usage
from intaglio.services.stores import StoreFacts


def import_methods_of(call: Call) -> tuple[str, ...]:
    """The methods that the operator enabled and this service can carry out."""
    offered = plans.offered(call.settings.enabled_import_methods)
    return offered if call.parts.seal is not None else tuple(name for name in offered if name != "glance-download")


async def import_methods(call: Call) -> Response:
    offered = import_methods_of(call)
    described = {"description": "Import methods available.", "type": "array", "value": offered}
    extras = {
        "description": "What may be said to a method beyond what it needs.",
        "type": "object",
        "value": {name: METHODS[name].extras for name in offered if METHODS[name].extras},
    }
    return json_response({"import-methods": described, "import-method-extras": extras})


async def list_stores(call: Call) -> Response:
    return json_response({"stores": [_brief(store) for store in stores.listed(call.parts)]})


async def list_stores_in_detail(call: Call) -> Response:
    found = stores.in_detail(call.parts, call.caller)
    return json_response(
        {
            "stores": [
                _brief(store) | {"type": store.type, "weight": store.weight, "properties": store.properties}
                for store in found
            ]
        }
    )


async def show_usage(call: Call) -> Response:
    return json_response({"usage": await usage.usage(call.parts, call.caller)})


def _brief(store: StoreFacts) -> dict[str, Any]:
    """Truth values are texts here, and what does not apply is left out."""
    view: dict[str, Any] = {"id": store.id}
    if store.description:
        view["description"] = store.description
    if store.default:
        view["default"] = "true"
    if store.read_only:
        view["read-only"] = "true"
    return view
