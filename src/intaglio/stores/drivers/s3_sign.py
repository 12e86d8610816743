"""AWS Signature Version 4: proves who asks, without sending the secret. Checked against AWS's published examples.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime
from urllib.parse import quote

from intaglio.stores.drivers.s3_options import Keys

UNSIGNED = "UNSIGNED-PAYLOAD"
EMPTY = hashlib.sha256(b"").hexdigest()
LONGEST = 7 * 24 * 3600  # seconds; a signed URL may not live longer

_ALGORITHM = "AWS4-HMAC-SHA256"
_SAFE = "-_.~"


def encoded(query: Iterable[tuple[str, str]]) -> str:
    """A query string in the one form that is signed: sorted and escaped."""
    return "&".join(f"{quote(name, safe=_SAFE)}={quote(value, safe=_SAFE)}" for name, value in sorted(query))


def sign(
    keys: Keys,
    region: str,
    moment: datetime,
    method: str,
    host: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    payload: str,
) -> dict[str, str]:
    """The headers of a signed request: those given, the time, the payload's hash, and the proof.

    `query` is `encoded`; `headers` have lower-case names and are all signed; `payload` is the SHA-256 of the body in
    hex or `UNSIGNED`; `moment` is UTC.
    """
    signed = {**headers, "host": host, "x-amz-date": _time(moment), "x-amz-content-sha256": payload}
    names = ";".join(sorted(signed))
    signature = _signature(keys, region, moment, _canonical(method, path, query, signed, payload))
    scope = f"{keys.access}/{_scope(moment, region)}"
    signed["authorization"] = f"{_ALGORITHM} Credential={scope}, SignedHeaders={names}, Signature={signature}"
    return signed


def signed_query(
    keys: Keys, region: str, moment: datetime, host: str, path: str, seconds: int, query: Iterable[tuple[str, str]] = ()
) -> str:
    """The query of a URL that lets whoever has it GET the path, for `seconds` (at most a week)."""
    parts = encoded(
        [
            *query,
            ("X-Amz-Algorithm", _ALGORITHM),
            ("X-Amz-Credential", f"{keys.access}/{_scope(moment, region)}"),
            ("X-Amz-Date", _time(moment)),
            ("X-Amz-Expires", str(min(seconds, LONGEST))),
            ("X-Amz-SignedHeaders", "host"),
        ]
    )
    canonical = _canonical("GET", path, parts, {"host": host}, UNSIGNED)
    return f"{parts}&X-Amz-Signature={_signature(keys, region, moment, canonical)}"


def _canonical(method: str, path: str, query: str, headers: Mapping[str, str], payload: str) -> str:
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    return "\n".join((method, quote(path, safe=f"/{_SAFE}"), query, lines, ";".join(sorted(headers)), payload))


def _signature(keys: Keys, region: str, moment: datetime, canonical: str) -> str:
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join((_ALGORITHM, _time(moment), _scope(moment, region), digest))
    key = f"AWS4{keys.secret}".encode()
    for word in (f"{moment:%Y%m%d}", region, "s3", "aws4_request"):
        key = hmac.digest(key, word.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def _scope(moment: datetime, region: str) -> str:
    return f"{moment:%Y%m%d}/{region}/s3/aws4_request"


def _time(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%SZ}"
