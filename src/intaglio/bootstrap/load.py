"""From sources to settings: what every room is given, checked as a whole."""

import hashlib
import ipaddress
import logging
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from intaglio.api.settings import ApiSettings, CorsSettings
from intaglio.authz.settings import PolicySettings, there
from intaglio.bootstrap import protection
from intaglio.bootstrap.catalog_settings import catalog_schedule
from intaglio.bootstrap.custom_schema import FILE_NAME, custom_schema
from intaglio.bootstrap.flow_settings import flow_settings
from intaglio.bootstrap.identity_settings import keystone_settings, networks, trusted_proxies
from intaglio.bootstrap.judge import warnings
from intaglio.bootstrap.limit_settings import unified_limits_settings
from intaglio.bootstrap.options.model import State
from intaglio.bootstrap.outbound_settings import outbound_settings
from intaglio.bootstrap.plugin_settings import OVF_FILE_NAME, plugin_settings
from intaglio.bootstrap.problems import ConfigInvalid, Level, Problem
from intaglio.bootstrap.rate_settings import rate_settings
from intaglio.bootstrap.reading import Reading
from intaglio.bootstrap.settings import ServeSettings, Settings
from intaglio.bootstrap.signature_settings import signature_settings
from intaglio.bootstrap.sources import Sources, default_data_dir
from intaglio.bootstrap.store_settings import know_groups, staging_store, store_settings
from intaglio.db.settings import DatabaseSettings
from intaglio.formats.settings import FormatSettings
from intaglio.identity.settings import AuthMode, IdentitySettings
from intaglio.ingest.settings import IngestSettings
from intaglio.services.settings import (
    DeletionSettings,
    Enforce,
    EventSettings,
    ImageLimits,
    MetadefSettings,
    TaskSettings,
    UpkeepSettings,
)

log = logging.getLogger(__name__)

S = TypeVar("S", bound=msgspec.Struct)

_KEY_LENGTHS = (16, 24, 32)
_NO_PIPELINE = {"", "caching", "cachemanagement"}


class Configuration(msgspec.Struct, frozen=True):
    """The result of reading: settings, where each came from, and everything that is wrong but does not stop a start."""

    settings: Settings
    reading: Reading
    warnings: tuple[Problem, ...]


def load(sources: Sources = Sources()) -> Settings:  # noqa: B008 - a frozen value
    """The settings of a start; warnings go to the log. Raises `ConfigInvalid`, naming every mistake."""
    configuration = configure(sources)
    for warning in configuration.warnings:
        log.warning("%s", warning)
    return configuration.settings


def configure(sources: Sources = Sources()) -> Configuration:  # noqa: B008 - a frozen value
    """The settings with what there is to say about them. Raises `ConfigInvalid`, naming every mistake."""
    reading = Reading(sources)
    settings = assemble(reading)
    found = (*reading.problems, *warnings(reading))
    errors = [problem for problem in found if problem.level is Level.ERROR]
    if errors:
        raise ConfigInvalid(errors)
    return Configuration(settings, reading, found)


def assemble(reading: Reading) -> Settings:
    """All sections. What is wrong is added to `reading.problems`, and stands as its default in the result."""
    know_groups(reading)
    data_dir = _path(reading.get("intaglio", "data_dir")) or default_data_dir()
    debug, metrics = reading.get("DEFAULT", "debug"), data_dir / "metrics"
    serve = _section(ServeSettings, reading, "intaglio", data_dir=data_dir, metrics=metrics, debug=debug)
    cache_dir = _path(reading.get("DEFAULT", "image_cache_dir"))
    proxied = reading.get("oslo_middleware", "enable_proxy_headers_parsing")
    api = _section(
        ApiSettings,
        reading,
        "DEFAULT",
        image_cache_dir=cache_dir,
        enable_proxy_headers_parsing=proxied,
        disable_by_file_path=_disabled_file(reading),
        metrics_from=networks(reading, "metrics_from"),
    )
    connection = _connection(reading, data_dir)
    outbound = outbound_settings(reading)
    identity = _identity(reading, data_dir)
    settings = Settings(
        serve=serve,
        api=api,
        limits=_section(ImageLimits, reading, "DEFAULT"),
        ingest=_section(IngestSettings, reading, "DEFAULT"),
        formats=_section(FormatSettings, reading, "image_format"),
        stores=store_settings(reading, data_dir, outbound),
        staging=staging_store(reading, data_dir),
        tasks=TaskSettings(
            task_time_to_live=reading.get("task", "task_time_to_live"),
            staged_hours=reading.get("intaglio", "staged_hours"),
        ),
        deletion=_section(
            DeletionSettings,
            reading,
            "DEFAULT",
            removal_give_up_hours=reading.get("intaglio", "removal_give_up_hours"),
        ),
        flows=flow_settings(reading, connection, data_dir),
        database=_section(
            DatabaseSettings, reading, "database", connection=connection, metadata_encryption_key=_location_key(reading)
        ),
        identity=identity,
        policy=protection.added(reading, _policy(reading, data_dir), lambda name: there(_beside(reading, name))),
        events=_section(EventSettings, reading, "intaglio"),
        upkeep=_section(UpkeepSettings, reading, "intaglio"),
        catalog=catalog_schedule(reading),
        rates=rate_settings(reading, data_dir),
        outbound=outbound,
        plugins=plugin_settings(reading, data_dir, there(_beside(reading, OVF_FILE_NAME))),
        copied_properties=reading.get("glance_download_properties", "extra_properties"),
        signatures=signature_settings(reading, data_dir, identity.mode),
        unified_limits=unified_limits_settings(reading),
        cors=_section(CorsSettings, reading, "cors"),
        custom_schema=custom_schema(reading, there(_beside(reading, FILE_NAME))),
        metadefs=_metadefs(reading),
    )
    _check_hash(reading, settings.ingest.hashing_algorithm)
    _check_open_access(reading, settings)
    _check_scrubbing(reading, settings.deletion)
    _check_unused(reading)
    return settings


def _section(kind: type[S], reading: Reading, group: str, **given: Any) -> S:
    """A room's settings: every field is the option of that name in `group`, but for the values given."""
    names = (name for name in kind.__struct_fields__ if name not in given)
    return kind(**given, **{name: reading.get(group, name) for name in names})


def _path(text: str | None) -> Path | None:
    return Path(text).expanduser().absolute() if text else None


def _disabled_file(reading: Reading) -> Path | None:
    named = _path(reading.get("healthcheck", "disable_by_file_path"))
    beside = reading.files[-1].parent.absolute() if reading.files else None
    return named or (beside and beside / "healthcheck_disable")


def _connection(reading: Reading, data_dir: Path) -> str:
    url: str = reading.get("database", "connection") or f"sqlite:///{data_dir / 'intaglio.sqlite'}"
    parameters: str = reading.get("database", "connection_parameters")
    if not parameters:
        return url
    return f"{url}{'&' if '?' in url else '?'}{parameters}"


def _location_key(reading: Reading) -> str | None:
    key: str | None = reading.get("DEFAULT", "metadata_encryption_key")
    if key and len(key.encode()) not in _KEY_LENGTHS:
        said = f"It must have 16, 24 or 32 bytes, for AES; it has {len(key.encode())}."
        reading.complain("DEFAULT", "metadata_encryption_key", said)
        return None
    return key or None


def _identity(reading: Reading, data_dir: Path) -> IdentitySettings:
    users_file = _path(reading.get("intaglio", "users_file")) or data_dir / "users"
    mode = _mode(reading)
    return IdentitySettings(
        mode=mode,
        users_file=users_file,
        keystone=keystone_settings(reading) if mode is AuthMode.KEYSTONE else None,
        trusted_proxies=trusted_proxies(reading, needed=mode is AuthMode.TRUSTED_PROXY),
        www_authenticate_uri=reading.get("keystone_authtoken", "www_authenticate_uri"),
    )


def _mode(reading: Reading) -> AuthMode:
    """`[intaglio] auth` decides, then Glance's pipeline; where none is named the mode is the safe one."""
    auth = reading.get("intaglio", "auth")
    flavor = reading.get("paste_deploy", "flavor")
    if auth is not None:
        return AuthMode(auth)
    if flavor is None:
        return AuthMode.HTTP_BASIC
    if flavor in _NO_PIPELINE:
        return AuthMode.NONE
    if "keystone" in flavor.split("+"):
        return AuthMode.KEYSTONE
    message = f"The pipeline {flavor!r} is not known here; choose [intaglio] auth (or --auth)."
    reading.complain("paste_deploy", "flavor", message)
    return AuthMode.HTTP_BASIC


def _policy(reading: Reading, data_dir: Path) -> PolicySettings:
    named = reading.get("oslo_policy", "policy_file")
    directories = reading.get("oslo_policy", "policy_dirs")
    settings = PolicySettings(
        policy_file=(*_beside(reading, named), data_dir / named) if named else (),
        policy_dirs=tuple((*_beside(reading, name), data_dir / name) for name in directories if name),
        enforce_new_defaults=reading.get("oslo_policy", "enforce_new_defaults"),
    )
    if there(settings.policy_file) is None and reading.is_set("oslo_policy", "policy_file"):
        message = f"There is no file {named!r}; the default rules apply."
        reading.complain("oslo_policy", "policy_file", message, code="policy-missing", level=Level.WARNING)
    return settings


def _metadefs(reading: Reading) -> MetadefSettings:
    """Files named, or where Glance looks for them, or those that come with the service."""
    source = _path(reading.get("DEFAULT", "metadata_source_path"))
    named = reading.is_set("DEFAULT", "metadata_source_path")
    return MetadefSettings(
        enforce=Enforce(reading.get("metadefs", "enforce")),
        osinfo_path=tuple(Path(path).expanduser() for path in reading.get("metadefs", "osinfo_path")),
        source_path=source if source is not None and (named or source.is_dir()) else None,
    )


def _beside(reading: Reading, name: str) -> tuple[Path, ...]:
    """Where a file may be: beside the files read, the last first. An absolute name is one place."""
    folders = (*reading.sources.directories, *(file.parent for file in reversed(reading.files)))
    return tuple(dict.fromkeys(folder.absolute() / name for folder in folders)) if name else ()


def _check_hash(reading: Reading, algorithm: str) -> None:
    try:
        usable = hashlib.new(algorithm).digest_size > 0  # 0: of variable length, its digest needs a size
    except ValueError:
        usable = False
    if not usable:
        fixed = sorted(name for name in hashlib.algorithms_guaranteed if not name.startswith("shake"))
        message = f"The algorithm {algorithm!r} cannot be used; use one of {', '.join(fixed)}."
        reading.complain("DEFAULT", "hashing_algorithm", message)


def _check_open_access(reading: Reading, settings: Settings) -> None:
    host = settings.serve.bind.rpartition(":")[0].strip("[]")
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if settings.identity.mode is AuthMode.NONE and not local and not settings.serve.auth_none_anywhere:
        message = (
            f"Without authentication the API must not listen on {settings.serve.bind}: everybody who reaches it would "
            "be an administrator. Listen on 127.0.0.1, choose auth = http_basic, or insist with --force (in a file: "
            "auth_none_anywhere = true)."
        )
        reading.complain("intaglio", "bind", message, code="open-access")


def _check_scrubbing(reading: Reading, deletion: DeletionSettings) -> None:
    if deletion.delayed_delete and not reading.is_set("DEFAULT", "scrub_time"):
        message = (
            f"scrub_time is not set: the data of deleted images are kept for {deletion.wakeup_time} seconds at most. A "
            "Glance may have had it in glance-scrubber.conf, which is not read here unless it is named."
        )
        reading.complain("DEFAULT", "delayed_delete", message, code="scrub-time-missing", level=Level.WARNING)


def _check_unused(reading: Reading) -> None:
    """Options without effect yet: a wrong value shall not first be met at an upgrade."""
    for group, option in reading.catalogue:
        if option.state is State.NOT_YET and reading.is_set(group, option.name):
            reading.get(group, option.name)
