"""The operator's file of property protections at a start and for `config check`."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from intaglio.authz.engine import PolicyEngine
from intaglio.authz.files import PolicyFiles
from intaglio.authz.property_report import ProtectionReport, protection_report
from intaglio.authz.property_rules import PropertyRules, PropertyRulesInvalid, RuleFormat, read_file
from intaglio.authz.settings import PolicySettings
from intaglio.bootstrap.problems import Level, Problem
from intaglio.bootstrap.reading import Reading

FAILING = frozenset({"section-never-used"})  # a start does not look for them; a check is not passed with one
_FILE = "property_protection_file"


def added(reading: Reading, settings: PolicySettings, find: Callable[[str], Path | None]) -> PolicySettings:
    """`settings` with the file of protections, which is looked into now: one that cannot be used is a problem."""
    named = reading.get("DEFAULT", _FILE)
    rule_format = RuleFormat(reading.get("DEFAULT", "property_protection_rule_format"))
    if not named:
        return settings
    file = find(named)
    if file is None:
        reading.complain("DEFAULT", _FILE, f"There is no file {named!r}.", code="protection-missing")
        return settings
    protected = replace(settings, property_protection_file=file, property_protection_rule_format=rule_format)
    try:
        _rules(protected, file)
    except PropertyRulesInvalid as invalid:
        reading.complain("DEFAULT", _FILE, f"{invalid}.", code="protection-invalid")
        return settings
    return protected


def _rules(settings: PolicySettings, file: Path) -> PropertyRules:
    rules = PolicyFiles(settings).rules()
    return read_file(file, settings.property_protection_rule_format, is_policy=rules.__contains__)


def report(settings: PolicySettings, properties: Sequence[str]) -> ProtectionReport | None:
    """What the protections come to, and who may do what with these properties; None where nothing is protected.

    None, too, when the policy files themselves cannot be used: that is a problem of its own.
    """
    files = PolicyFiles(settings)
    if settings.property_protection_file is None or files.rules().errors:
        return None
    file = settings.property_protection_file
    return protection_report(str(file), _rules(settings, file), PolicyEngine(files=files), properties)


def problems(found: ProtectionReport | None) -> Iterator[Problem]:
    """The sections that are never used."""
    if found is None:
        return
    for verdict in found.sections:
        if verdict.never_used is not None:
            message = f"Section [{verdict.section}] is never used: {verdict.never_used}."
            yield Problem(level=Level.WARNING, code="section-never-used", message=message, file=found.file)
