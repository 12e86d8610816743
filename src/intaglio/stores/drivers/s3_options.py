"""The options of an S3 store under Glance's names, and what follows from them: addresses of requests, and locations."""

import ipaddress
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec

from intaglio.stores.base import KEY, Misconfigured, NotFound

SMALLEST_PART = 5  # MiB; S3 refuses smaller ones, but for the last
SCHEMES = ("s3", "s3+http", "s3+https")

_HOST = re.compile(r"[A-Za-z0-9._:\[\]-]+(?:/[A-Za-z0-9._~-]+)*")

Checksums = Literal["when_required", "when_supported"]


class S3Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Glance's options of the S3 store; sizes in MiB.

    `s3_store_host` without a scheme means http, as in Glance. An object longer than one part is always sent in parts,
    so that memory does not depend on its size; `s3_store_large_object_size` can only lower that threshold.
    Checksums are sent and verified only with `s3_store_enable_data_integrity_protection` and `when_supported`.
    """

    s3_store_host: str | None = None
    s3_store_region_name: str = ""
    s3_store_access_key: str | None = None
    s3_store_secret_key: str | None = None
    s3_store_bucket: str | None = None
    s3_store_create_bucket_on_put: bool = False
    s3_store_bucket_url_format: str = "auto"
    s3_store_large_object_size: Annotated[int, msgspec.Meta(ge=0)] = 100
    s3_store_large_object_chunk_size: Annotated[int, msgspec.Meta(ge=SMALLEST_PART, le=5 * 1024)] = 10
    s3_store_thread_pools: Annotated[int, msgspec.Meta(ge=1)] = 10
    s3_store_cacert: str = ""
    s3_store_enable_data_integrity_protection: bool = False
    s3_store_request_checksum_calculation: Checksums = "when_required"
    s3_store_response_checksum_validation: Checksums = "when_required"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Without the keys: settings end up in logs and tracebacks."""
        return [("s3_store_host", self.s3_store_host), ("s3_store_bucket", self.s3_store_bucket)]

    def __repr__(self) -> str:
        return f"S3Options({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"

    @property
    def sends_checksums(self) -> bool:
        """Whether each part goes with a checksum that S3 compares and keeps."""
        return self.s3_store_enable_data_integrity_protection and (
            self.s3_store_request_checksum_calculation == "when_supported"
        )

    @property
    def verifies_checksums(self) -> bool:
        """Whether a checksum that S3 sends along is compared."""
        return self.s3_store_enable_data_integrity_protection and (
            self.s3_store_response_checksum_validation == "when_supported"
        )


class Keys(msgspec.Struct, frozen=True):
    """The credentials; they are formatted nowhere but into signatures."""

    access: str
    secret: str

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []

    def __repr__(self) -> str:
        return "Keys()"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where the bucket is. `base` is what stands before the bucket's or the object's name in the path of a request."""

    secure: bool
    authority: str  # host[:port] that requests go to
    base: str
    bucket: str
    region: str
    locations: str  # what Glance writes before the key: s3://host/bucket/

    def path(self, key: str | None) -> str:
        """The path of a request about an object, or about the bucket."""
        return self.base + ("" if key is None else key) or "/"

    def url(self, path: str, query: str) -> str:
        """The address of a request; both parts are escaped already."""
        return f"{'https' if self.secure else 'http'}://{self.authority}{path}{'?' if query else ''}{query}"


def options(store: str, given: Mapping[str, object]) -> S3Options:
    """The options, checked; raises `Misconfigured` naming the option."""
    try:
        chosen = msgspec.convert(dict(given), S3Options, strict=False)
    except msgspec.ValidationError as error:
        raise Misconfigured(f"store {store!r} (type s3): {error}") from error
    for name in ("s3_store_host", "s3_store_access_key", "s3_store_secret_key", "s3_store_bucket"):
        if not getattr(chosen, name):
            raise Misconfigured(f"store {store!r} (type s3): {name} must be set")
    return chosen


def keys(chosen: S3Options) -> Keys:
    """The credentials of checked options."""
    return Keys(chosen.s3_store_access_key or "", chosen.s3_store_secret_key or "")


def place(store: str, chosen: S3Options) -> Place:
    """Where requests go. Raises `Misconfigured`."""
    text, bucket = chosen.s3_store_host or "", chosen.s3_store_bucket or ""
    secure, host = _split_scheme(text)
    parts = urlsplit(f"//{host}")
    if not parts.hostname or not _HOST.fullmatch(host) or not _port_is_right(host):
        raise Misconfigured(
            f"store {store!r}: s3_store_host must be like https://s3.example.com or s3.example.com:8080, "
            "without credentials"
        )
    if re.fullmatch(r"[A-Za-z0-9._-]{1,255}", bucket) is None:
        raise Misconfigured(f"store {store!r}: s3_store_bucket {bucket!r:.80} is no name of a bucket")
    style = _style(store, chosen.s3_store_bucket_url_format, parts.hostname, bucket, secure=secure)
    prefix = parts.path.rstrip("/")
    return Place(
        secure=secure,
        authority=f"{bucket}.{parts.netloc}" if style == "virtual" else parts.netloc,
        base=f"{prefix}/" if style == "virtual" else f"{prefix}/{bucket}/",
        bucket=bucket,
        region=chosen.s3_store_region_name or region_of(parts.hostname),
        locations=f"{'s3+https' if secure else 's3'}://{host}/{bucket}/",
    )


def key_of(store: str, locations: str, uri: str) -> str:
    """The key in a location that Glance or this service wrote for the same host and bucket. Raises `NotFound`.

    Older releases of Glance wrote the credentials into it; they are skipped, the configured ones count.
    """
    scheme, separator, rest = uri.strip().partition("://")
    if separator and scheme in SCHEMES and "://" not in rest:
        _, _, rest = rest.rpartition("@")  # a secret may hold slashes
        before, _, key = rest.rpartition("/")
        _, _, wanted = locations.rstrip("/").partition("://")
        if _alike(before) == _alike(wanted) and KEY.fullmatch(key):
            return key
    raise NotFound(f"the location is not of store {store!r}")


def region_of(host: str) -> str:
    """The region that a host name of AWS names; us-east-1, which other servers take for any, otherwise."""
    found = re.fullmatch(r"(?:.*\.)?s3(?:\.dualstack)?[.-]([a-z]{2}(?:-[a-z]+)+-\d+)\.amazonaws\.com(?:\.cn)?", host)
    return found[1] if found else "us-east-1"


def _split_scheme(text: str) -> tuple[bool, str]:
    for scheme in ("https://", "http://"):
        if text.lower().startswith(scheme):
            return scheme == "https://", text[len(scheme) :].strip("/")
    return False, text.strip("/")


def _port_is_right(host: str) -> bool:
    try:
        return urlsplit(f"//{host}").port != 0 and "://" not in host
    except ValueError:
        return False


def _style(store: str, wanted: str, host: str, bucket: str, *, secure: bool) -> str:
    """`virtual` (bucket.host) or `path` (host/bucket). `auto` is what the AWS SDKs do: virtual at AWS only."""
    if wanted not in {"auto", "virtual", "path"}:
        raise Misconfigured(
            f"store {store!r}: s3_store_bucket_url_format must be auto, virtual or path, not {wanted!r:.80}"
        )
    fits = _is_host_label(bucket) and not _is_address(host)
    if wanted == "virtual" and not fits:
        raise Misconfigured(
            f"store {store!r}: s3_store_bucket_url_format = virtual needs a bucket and a host that make a host name"
        )
    aws = host.endswith((".amazonaws.com", ".amazonaws.com.cn"))
    if wanted == "auto":
        return "virtual" if aws and fits and not (secure and "." in bucket) else "path"
    return wanted


def _is_host_label(bucket: str) -> bool:
    return re.fullmatch(r"[a-z0-9]([a-z0-9.-]{1,61})[a-z0-9]", bucket) is not None and ".." not in bucket


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _alike(host_and_bucket: str) -> tuple[str, str]:
    """Host names are compared without case and without the port that the scheme implies; buckets as they are."""
    host, _, rest = host_and_bucket.partition("/")
    return re.sub(r":(80|443)$", "", host.lower()), rest
