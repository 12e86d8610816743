"""What the API shows and accepts, as the operator configured it (Glance's names)."""

from pathlib import Path

import msgspec

IMPORT_METHODS = ("glance-direct", "web-download", "copy-image")


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
    enable_proxy_headers_parsing: bool = False  # [oslo_middleware]: believe Forwarded and X-Forwarded-*
