"""Every call of the OpenAPI document, with values that fit it and values that do not: the answers are those described.

New routes take part by themselves, as they are in the document.
"""

import zlib
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS

from intaglio.api import openapi
from intaglio.api.routes import ROUTES
from intaglio.domain.properties import Formats
from intaglio.formats.settings import FormatSettings
from tests.fuzz.service import MIA, ROOT, Fuzzed

_FORMATS = FormatSettings()
DOCUMENT = openapi.document(
    ROUTES, Formats(disk=_FORMATS.disk_formats, container=_FORMATS.container_formats), "http://127.0.0.1:9292"
)
schema = schemathesis.openapi.from_dict(DOCUMENT)
_TRUE = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
        "response_headers_conformance",
        "unsupported_method",
        "allow_header_conformance",
    ]
)
schemathesis.serializer.alias(
    ["application/openstack-images-v2.1-json-patch", "application/openstack-images-v2.0-json-patch"], "application/json"
)
_STATES = ("queued", "active", "deactivated")


def test_it_is_the_document_that_is_served(fuzz: Fuzzed) -> None:
    served = httpx.get(f"{fuzz.service.url}/openapi.json").json()
    assert served | {"servers": DOCUMENT["servers"]} == DOCUMENT


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@schema.parametrize()
@settings(max_examples=15, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
def test_call(case: schemathesis.Case[Any], fuzz: Fuzzed) -> None:
    """In most of the calls what the path names is there: the image in one of its states, and the caller's."""
    choice = zlib.crc32(repr((case.method, case.path_parameters, case.query, case.body)).encode())
    if case.path_parameters and choice % 4:
        there = {"image_id": fuzz.image(_STATES[choice // 4 % 3]), "tag": "t"}
        case.path_parameters |= {name: value for name, value in there.items() if name in case.path_parameters}
    user = MIA if choice // 12 % 4 else ROOT
    case.call_and_validate(base_url=fuzz.service.url, auth=(user.name, user.password), checks=_TRUE)  # type: ignore[arg-type]  # its own list
