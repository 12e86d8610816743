"""Every call of the OpenAPI document, with values that fit it and values that do not: the answers are those described.

New routes take part by themselves, as they are in the document.
"""

import zlib
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from intaglio.api.routes import ROUTES
from tests.fuzz.service import MIA, ROOT, Fuzzed

_TRUE = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "allow_header_conformance",
)
schemathesis.serializer.alias(
    ["application/openstack-images-v2.1-json-patch", "application/openstack-images-v2.0-json-patch"], "application/json"
)
_STATES = ("queued", "active", "deactivated")
_ENDLESS = {"/v2/images/{image_id}/events": ("active", "deactivated", "active")}
"""Where an answer ends only for an image that has settled."""
_EXAMPLES = settings(
    max_examples=8, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
CALLS = [(route.method, route.path) for route in ROUTES]


@pytest.fixture(scope="module")
def document(fuzz: Fuzzed) -> schemathesis.BaseSchema:
    """The document as it is served."""
    return schemathesis.openapi.from_dict(httpx.get(f"{fuzz.service.url}/openapi.json").json())


@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.name.lower())
@pytest.mark.parametrize(("method", "path"), CALLS, ids=lambda word: word)
def test_call(document: schemathesis.BaseSchema, fuzz: Fuzzed, method: str, path: str, mode: GenerationMode) -> None:
    """In most of the calls what the path names is there, and an image in one of its states is the caller's."""
    operation = document[path][method]
    checks: list[Any] = CHECKS.get_by_names(_TRUE)
    if mode is GenerationMode.NEGATIVE and not operation.body and not list(operation.iter_parameters()):
        pytest.skip("there is nothing that could be wrong")

    @_EXAMPLES
    @given(operation.as_strategy(generation_mode=mode))
    def call(case: schemathesis.Case[Any]) -> None:
        choice = zlib.crc32(repr((case.path_parameters, case.query, case.body)).encode())
        if case.path_parameters and choice % 4:
            case.path_parameters |= fuzz.things(case.path_parameters, _ENDLESS.get(path, _STATES)[choice // 4 % 3])
        user = MIA if choice // 12 % 2 else ROOT
        case.call_and_validate(base_url=fuzz.service.url, auth=(user.name, user.password), checks=checks)

    call()
    fuzz.require_alive()
