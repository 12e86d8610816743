"""What a client can get wrong, as strategies; and the settings with which all of it is tried the same way each time."""

import json
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

EXAMPLES = settings(
    max_examples=40, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)

ODD_TEXT = (
    "", "\x00", "a\x00b", "\ud800", "\udfff\ud800", "\U0001f4a9", "\U0010ffff", "\uffff", "\ufeff", "\u202e", "e\u0301",
    "A" * 256, "é" * 128, "x" * 70_000, "%", "%00", "%zz", "'", '"', "\\", "`; DROP TABLE images; --", "${jndi:x}",
    "null", "true", "-1", "1e309", "NaN", " ", "\t", "\r\n", "in:", 'in:"', 'in:a,"b', "eq:", "gt:", "gte:gte:",
    "9" * 400, "٣", "2026-02-30T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999-23:59",
)  # fmt: skip
ODD_NUMBERS = (-1, 0, 2**31 - 1, 2**31, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**400, 1.5, -0.0, 1e308, 5e-324)

text = st.one_of(st.sampled_from(ODD_TEXT), st.text(max_size=30), st.text(st.characters(), max_size=10))
numbers = st.one_of(st.sampled_from(ODD_NUMBERS), st.integers(), st.floats(allow_nan=False, allow_infinity=False))
values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, text),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(text, inner, max_size=4)),
    max_leaves=8,
)
FIELDS = (
    "id", "name", "status", "visibility", "protected", "os_hidden", "owner", "min_ram", "min_disk", "container_format",
    "disk_format", "tags", "checksum", "os_hash_algo", "os_hash_value", "size", "virtual_size", "created_at",
    "updated_at", "self", "file", "schema", "direct_url", "locations", "stores", "deleted", "deleted_at", "location",
    "os_glance_x", "properties", "members", "extra_properties", "base", "image_id", "context", "member", "revision",
)  # fmt: skip
names = st.one_of(st.sampled_from(FIELDS), text)

NOT_JSON = (
    b"", b"{", b"nul", b"\xff\xfe", b"\x00", b'{"a":}', b"'a'", b"[1,]", b"NaN", b"[Infinity]", b"\xef\xbb\xbf{}",
    b'{"name": "\xed\xa0\x80"}', b'{"name": "\\ud800"}', b'{"name": "\\u0000"}', b'{"a":"1","a":"2"}', b"1e999999999",
    b"[" * 100_000, b'{"a":' * 50_000, b"[" * 500 + b"]" * 500, b"9" * 100_000, b'{"name": "' + b"x" * 5_000_000,
    b'[{"op": "add", "path": "/\\ud800", "value": "x"}]', b'[{"op": "add", "path": "/a", "value": "\\udc00"}]',
)  # fmt: skip


def as_json(document: object) -> bytes:
    """Also with what JSON can only say in escapes: a lone surrogate."""
    return json.dumps(document).encode()


bodies = st.one_of(
    st.sampled_from(NOT_JSON),
    values.map(as_json),
    st.dictionaries(names, values, max_size=6).map(as_json),
    st.binary(max_size=60),
)
