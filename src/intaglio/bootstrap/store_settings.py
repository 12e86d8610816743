"""The stores an operator configured, in Glance's two ways: a group for each id, or one store in `[glance_store]`."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from intaglio.bootstrap.options.catalogue import DRIVERS, GROUPS, Catalogue
from intaglio.bootstrap.options.stores import NAMES, RESERVED_PREFIX, WORKING
from intaglio.bootstrap.problems import Level
from intaglio.bootstrap.reading import Reading
from intaglio.bootstrap.web_store import web_rules
from intaglio.outbound.settings import OutboundSettings
from intaglio.stores.settings import OUTBOUND, STAGING, StoreConfig, StoreSettings, single_file_store

SINGLE_GROUP = "glance_store"
DEFAULTS_GROUP = "backend_defaults"
ONE_DIRECTORY = "filesystem_store_datadir"
SEVERAL_DIRECTORIES = "filesystem_store_datadirs"
_AUTH_SECTIONS = ("keystone_authtoken", "oslo_limit", "barbican_service_user", "key_manager")


def know_groups(reading: Reading) -> None:
    """Make the groups known whose names the operator chose: those of stores, and those that an `auth_section` names."""
    logins = {reading.get(group, "auth_section") for group in _AUTH_SECTIONS} - {None, ""}
    token_login = reading.get("keystone_authtoken", "auth_section") or None
    reading.use(Catalogue(store_types(reading), logins, token_login))


def store_types(reading: Reading) -> Mapping[str, str]:
    """The kind of each store in `enabled_backends`, as far as both are right; what is wrong becomes a problem."""
    types: dict[str, str] = {}
    for store, kind in reading.get("DEFAULT", "enabled_backends") or ():
        wrong = None
        if store.startswith(RESERVED_PREFIX):
            wrong = f"The id {store!r} is reserved: ids of stores must not begin with {RESERVED_PREFIX}."
        elif kind not in DRIVERS:
            wrong = f"The store {store!r} is of the unknown type {kind!r}; types are {', '.join(DRIVERS)}."
        elif store in types:
            wrong = f"The store {store!r} is named twice."
        elif any(store.lower() == group.name.lower() for group in GROUPS):
            wrong = f"The id {store!r} is the name of a group with another meaning; choose another."
        if wrong is None:
            types[store] = kind
        elif not any(wrong == problem.message for problem in reading.problems):
            reading.complain("DEFAULT", "enabled_backends", wrong)
    return types


def store_settings(reading: Reading, data_dir: Path, outbound: OutboundSettings) -> StoreSettings:
    """All stores that this release has a driver for; others are told of. The embedded one when none is configured.

    `outbound`: the rules for what users have fetched, which hold for stores on the web, too.
    """
    if reading.is_set("DEFAULT", "enabled_backends"):
        return _several(reading, data_dir, outbound)
    options = reading.catalogue.names(SINGLE_GROUP)
    if any(reading.is_set(SINGLE_GROUP, name) for name in options if name != "default_backend"):
        return _one(reading, data_dir, outbound)
    return single_file_store(data_dir / "images")


def staging_store(reading: Reading, data_dir: Path) -> StoreConfig:
    """Where data wait to be imported: a store of its own, by default a directory.

    Glance's two options for that directory count where its two ways of configuring stores do.
    """
    kind = reading.get(STAGING, "store_type")
    if kind != "file":
        return StoreConfig(id=STAGING, type=kind, options=_driver_options(reading, kind, (STAGING, DEFAULTS_GROUP)))
    directory: str = str(data_dir / "staging")
    if reading.is_set(STAGING, ONE_DIRECTORY):
        directory = reading.get(STAGING, ONE_DIRECTORY)
    elif reading.is_set("DEFAULT", "node_staging_uri"):
        directory = _staging_directory(reading)
    return StoreConfig(id=STAGING, type="file", options={ONE_DIRECTORY: directory})


def _staging_directory(reading: Reading) -> str:
    uri: str = reading.get("DEFAULT", "node_staging_uri")
    parts = urlsplit(uri)
    if parts.scheme != "file" or parts.netloc or not parts.path.startswith("/"):
        reading.complain("DEFAULT", "node_staging_uri", "It must be a directory: file:// and an absolute path.")
    return unquote(parts.path)


def _several(reading: Reading, data_dir: Path, outbound: OutboundSettings) -> StoreSettings:
    types = store_types(reading)
    default = reading.get(SINGLE_GROUP, "default_backend")
    if default not in types:
        if default in {store for store, _kind in reading.get("DEFAULT", "enabled_backends") or ((default, ""),)}:
            return single_file_store(data_dir / "images")  # the problem is told already
        known = ", ".join(types) or "none"
        what = "is not set" if default is None else f"names {default!r}"
        reading.complain(
            SINGLE_GROUP, "default_backend", f"default_backend {what}; with enabled_backends it must be one of {known}."
        )
        return single_file_store(data_dir / "images")
    _tell_missing(reading, types, default, ("DEFAULT", "enabled_backends"))
    _refuse_read_only(reading, types, default, (SINGLE_GROUP, "default_backend"))
    stores = tuple(
        StoreConfig(
            id=store,
            type=kind,
            description=reading.get(store, "store_description"),
            weight=reading.get(store, "weight"),
            options=_options(reading, kind, (store, DEFAULTS_GROUP), outbound),
        )
        for store, kind in types.items()
        if kind in WORKING
    )
    return StoreSettings(stores=stores, default=default, multi=True)


def _one(reading: Reading, data_dir: Path, outbound: OutboundSettings) -> StoreSettings:
    kinds: dict[str, str] = {}
    for name in reading.get(SINGLE_GROUP, "stores"):
        short = name.removeprefix("glance.store.").removesuffix(".Store").lower()
        if short not in NAMES:
            reading.complain(
                SINGLE_GROUP,
                "stores",
                f"{name!r} is no kind of store; kinds are {', '.join(dict.fromkeys(NAMES.values()))}.",
            )
        else:
            kinds[NAMES[short]] = NAMES[short]
    default = NAMES[reading.get(SINGLE_GROUP, "default_store")]
    if default not in kinds:
        reading.complain(
            SINGLE_GROUP, "default_store", f"The default store {default!r} is not among the stores: {', '.join(kinds)}."
        )
        return single_file_store(data_dir / "images")
    _tell_missing(reading, kinds, default, (SINGLE_GROUP, "stores"))
    _refuse_read_only(reading, kinds, default, (SINGLE_GROUP, "default_store"))
    stores = tuple(
        StoreConfig(id=kind, type=kind, options=_options(reading, kind, (SINGLE_GROUP,), outbound))
        for kind in kinds
        if kind in WORKING
    )
    return StoreSettings(stores=stores, default=default)


def _tell_missing(reading: Reading, types: Mapping[str, str], default: str, where: tuple[str, str]) -> None:
    """A store whose driver comes later: an error for the default one, otherwise a warning when it was asked for."""
    for store, kind in types.items():
        if kind in WORKING:
            continue
        message = f"The store {store!r} is of type {kind!r}, which comes with a later release."
        if store == default:
            reading.complain(*where, f"{message} It cannot be the default store yet.", code="store-not-yet")
        elif reading.is_set(*where):
            note = f"{message} Images whose only copy is there cannot be read."
            reading.complain(*where, note, code="store-not-yet", level=Level.WARNING)


def _refuse_read_only(reading: Reading, types: Mapping[str, str], default: str, where: tuple[str, str]) -> None:
    if types[default] == "http":
        reading.complain(*where, f"The store {default!r} is of type 'http', which is read-only; choose another.")


def _options(reading: Reading, kind: str, groups: tuple[str, ...], outbound: OutboundSettings) -> Mapping[str, object]:
    options = _driver_options(reading, kind, groups)
    return {OUTBOUND: web_rules(reading, groups[0], options, outbound)} if kind == "http" else options


def _driver_options(reading: Reading, kind: str, groups: tuple[str, ...]) -> Mapping[str, object]:
    """What the operator set of the driver's options, in the first group that sets it; defaults are the driver's own."""
    places = {
        option.name: next((group for group in groups if reading.is_set(group, option.name)), None)
        for option in DRIVERS[kind]
    }
    one, several = places.get(ONE_DIRECTORY), places.get(SEVERAL_DIRECTORIES)
    if one is not None and one == several:
        reading.complain(one, SEVERAL_DIRECTORIES, f"Set this or {ONE_DIRECTORY}, not both.")
    elif one is not None and several is not None:  # the store's own choice replaces the common one
        del places[SEVERAL_DIRECTORIES if one == groups[0] else ONE_DIRECTORY]
    found = {name: reading.get(group, name) for name, group in places.items() if group is not None}
    return found if kind != "cinder" else {**found, **_of_brick(reading, groups)}


def _of_brick(reading: Reading, groups: tuple[str, ...]) -> Mapping[str, object]:
    """What the Cinder store's libraries are told, which stands in groups of their own; and whether stores have ids."""
    told = {
        "lock_path": reading.get("os_brick", "lock_path") or reading.get("oslo_concurrency", "lock_path"),
        "helper_command": reading.get("privsep_osbrick", "helper_command"),
        "single": groups == (SINGLE_GROUP,) or None,
    }
    return {name: value for name, value in told.items() if value is not None}
