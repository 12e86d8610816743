"""What the API shows and accepts, as the operator configured it (Glance's names)."""

from collections.abc import Mapping
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import msgspec

Network = IPv4Network | IPv6Network

IMPORT_METHODS = ("glance-direct", "web-download", "copy-image")


CORS_SENT = (
    "Authorization",
    "Content-MD5",
    "X-Image-Meta-Checksum",
    "X-Image-Meta-Store",
    "X-Storage-Token",
    "Accept-Encoding",
    "Range",
    "X-Auth-Token",
    "X-Identity-Status",
    "X-Roles",
    "X-Service-Catalog",
    "X-User-Id",
    "X-Tenant-Id",
    "X-OpenStack-Image-Size",
    "X-OpenStack-Request-ID",
)
CORS_READ = (
    "Accept-Ranges",
    "Content-MD5",
    "Content-Range",
    "OpenStack-image-import-methods",
    "OpenStack-image-store-ids",
    "X-Image-Meta-Checksum",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "X-Auth-Token",
    "X-Intaglio-Error",
    "X-Subject-Token",
    "X-Service-Token",
    "X-OpenStack-Request-ID",
)


class CorsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Which pages of other sites may call from a browser, with what ([cors], oslo.middleware's names)."""

    allowed_origin: tuple[str, ...] = ()
    allow_credentials: bool = True
    expose_headers: tuple[str, ...] = CORS_READ
    max_age: int = 3600  # seconds
    allow_methods: tuple[str, ...] = ("GET", "PUT", "POST", "DELETE", "PATCH")
    allow_headers: tuple[str, ...] = CORS_SENT


class ApiSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Options of the HTTP side. `image_cache_dir` only decides so far which versions the version documents name."""

    public_endpoint: str | None = None  # base URL of links; None: the URL of the request
    limit_param_default: int = 25
    api_limit_max: int = 1000
    max_request_id_length: int = 64  # characters
    show_image_direct_url: bool = False
    show_multiple_locations: bool = False
    allow_anonymous_access: bool = False
    enabled_import_methods: tuple[str, ...] = IMPORT_METHODS
    image_cache_dir: Path | None = None
    disable_by_file_path: Path | None = None  # [healthcheck]: while it is there, /healthcheck says 503
    metrics_from: tuple[Network, ...] = ()  # [intaglio]: from where /metrics is read without credentials
    enable_proxy_headers_parsing: bool = False  # [oslo_middleware]: believe Forwarded and X-Forwarded-*


class RateClass(StrEnum):
    """The classes of calls that are limited apart from each other; every row of the routes table names its own."""

    LIST = "list"  # pages of many
    WRITE = "write"  # changes of records
    UPLOAD = "upload"  # data sent by a client
    IMPORT = "import"  # data that this service fetches or converts
    OTHER = "other"  # everything else, downloads among them
    FREE = "free"  # never limited: what watches the service asks it


class Rule(msgspec.Struct, frozen=True):
    """`calls` in `seconds` are allowed to each user, project or address: `kind` says which of them."""

    kind: str
    calls: int
    seconds: int


class RateSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How often callers may call. `storage` is the URL of a Redis; None: `file`, shared by this machine's processes."""

    rules: Mapping[RateClass, tuple[Rule, ...]]
    file: Path
    storage: str | None = None
    forwarded: bool = False  # the address of a caller is what the proxy in front says
