"""`config check` and `config show` as data: what the options in the files are, and what they have come to."""

from collections.abc import Iterator, Sequence

import msgspec

from intaglio.authz.property_report import ProtectionReport
from intaglio.authz.settings import there
from intaglio.bootstrap import policy, protection
from intaglio.bootstrap.judge import Checked, Verdict, checked, warnings
from intaglio.bootstrap.load import Configuration, assemble, configure
from intaglio.bootstrap.options.catalogue import DRIVERS
from intaglio.bootstrap.options.model import Option, State
from intaglio.bootstrap.problems import ConfigInvalid, Level, Problem
from intaglio.bootstrap.reading import Reading, Source
from intaglio.bootstrap.settings import Settings
from intaglio.bootstrap.sources import Sources
from intaglio.bootstrap.store_settings import DEFAULTS_GROUP, SINGLE_GROUP
from intaglio.bootstrap.values import shown

_FAILING = {"bad-value", "unknown-option", "unknown-variable", *policy.FAILING, *protection.FAILING}
_SUMMARIES = {"not-yet-options", "obsolete-options"}  # here each stands in a row of its own


class CheckReport(msgspec.Struct, frozen=True, kw_only=True):
    """`fine` is False when a start would fail, when an option or a value is not known, or a rule is never used."""

    files: tuple[str, ...]
    options: tuple[Checked, ...]
    problems: tuple[Problem, ...]
    fine: bool
    property_protection: ProtectionReport | None = None

    def count(self, verdict: Verdict) -> int:
        """How many options got this verdict."""
        return sum(row.verdict is verdict for row in self.options)


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One used option: its effective value, masked where it is secret, and where that came from."""

    group: str
    option: str
    value: str
    source: str
    file: str | None = None
    line: int | None = None


def check(sources: Sources, properties: Sequence[str] = ()) -> CheckReport:
    """Judge every option of the operator's files. Raises nothing: what a start would raise is among the problems.

    `properties`: names of custom properties to find out about, if there are protections.
    """
    try:
        reading = Reading(sources)
    except ConfigInvalid as invalid:
        return CheckReport(files=(), options=(), problems=invalid.problems, fine=False)
    settings = assemble(reading)
    protected = protection.report(settings.policy, properties)
    found = (
        *reading.problems,
        *warnings(reading),
        *policy.problems(settings.policy),
        *protection.problems(protected),
    )
    problems = tuple(problem for problem in found if problem.code not in _SUMMARIES)
    return CheckReport(
        files=tuple(str(file) for file in reading.files),
        options=checked(reading),
        problems=problems,
        fine=not any(problem.level is Level.ERROR or problem.code in _FAILING for problem in problems),
        property_protection=protected,
    )


def show(sources: Sources) -> tuple[Shown, ...]:
    """Every option this release uses, with its effective value and source. Raises `ConfigInvalid`."""
    configuration = configure(sources)
    return (*_fixed(configuration), *_stores(configuration))


def _fixed(configuration: Configuration) -> Iterator[Shown]:
    reading, settings = configuration.reading, configuration.settings
    derived = _derived(settings)
    drivers = {option.name for options in DRIVERS.values() for option in options}
    of_stores = {DEFAULTS_GROUP, *(store for store, _kind in reading.get("DEFAULT", "enabled_backends") or ())}
    for group, option in reading.catalogue:
        if option.state is not State.USED or (group in of_stores or (group == SINGLE_GROUP and option.name in drivers)):
            continue
        found = reading.look(group, option.name)
        yield _row(group, option, derived.get((group, option.name), found.value), found.source)


def _derived(settings: Settings) -> dict[tuple[str, str], object]:
    """What options that are not set follow from others."""
    return {
        ("intaglio", "data_dir"): settings.serve.data_dir,
        ("intaglio", "auth"): settings.identity.mode,
        ("intaglio", "users_file"): settings.identity.users_file,
        ("database", "connection"): settings.database.connection,
        ("intaglio", "journal"): settings.flows.journal,
        **_of_staging(settings),
        ("DEFAULT", "property_protection_file"): settings.policy.property_protection_file,
        ("oslo_policy", "policy_file"): there(settings.policy.policy_file),
        ("oslo_policy", "policy_dirs"): tuple(
            str(path) for path in map(there, settings.policy.policy_dirs) if path is not None
        ),
        **_of_keystone(settings),
        ("image_signature_verification", "certificates"): settings.signatures.certificates,
        ("image_signature_verification", "certificate_dir"): settings.signatures.certificate_dir,
        ("image_signature_verification", "trust_dir"): settings.signatures.trust_dir,
    }


def _of_staging(settings: Settings) -> dict[tuple[str, str], object]:
    directory = settings.staging.options.get("filesystem_store_datadir", "")
    return {
        (settings.staging.id, "filesystem_store_datadir"): directory,
        ("DEFAULT", "node_staging_uri"): f"file://{directory}" if directory else "",
    }


def _of_keystone(settings: Settings) -> dict[tuple[str, str], object]:
    keystone = settings.identity.keystone
    if keystone is None:
        return {}
    return {
        ("keystone_authtoken", "www_authenticate_uri"): keystone.www_authenticate_uri,
        ("keystone_authtoken", "http_connect_timeout"): keystone.http_connect_timeout,
        ("keystone_authtoken", "service_type"): keystone.service_type,
    }


def _stores(configuration: Configuration) -> Iterator[Shown]:
    reading, stores = configuration.reading, configuration.settings.stores
    for store in stores.stores:
        groups = (store.id, DEFAULTS_GROUP) if stores.multi else (SINGLE_GROUP,)
        if stores.multi:
            for name, value in (("store_description", store.description), ("weight", store.weight)):
                yield _row(store.id, reading.option(store.id, name), value, reading.source(store.id, name))
        for option in DRIVERS[store.type]:
            if option.state is State.USED:
                effective = store.options.get(option.name, option.default)
                yield _row(groups[0], option, effective, _source(reading, groups, option.name))


def _source(reading: Reading, groups: tuple[str, ...], name: str) -> Source:
    group = next((group for group in groups if reading.is_set(group, name)), groups[0])
    return reading.source(group, name)


def _row(group: str, option: Option, value: object, source: Source) -> Shown:
    return Shown(
        group=group,
        option=option.name,
        value=shown(option, value),
        source=str(source),
        file=source.file,
        line=source.line,
    )
