"""The operator's policy files at a start and for `config check`: what is wrong is said before they are in force."""

import logging
from collections.abc import Iterator

from intaglio.authz.files import PolicyFiles
from intaglio.authz.ruleset import RuleSet, Severity
from intaglio.authz.settings import PolicySettings
from intaglio.bootstrap.problems import Level, Problem

_log = logging.getLogger(__name__)

FAILING = frozenset({"unknown-rule"})  # a start only warns of it; a check is not passed with it


def rules_in_force(settings: PolicySettings) -> RuleSet:
    """The rules that a start now would have; warnings go to the log. Raises `PolicyInvalid`, naming every mistake."""
    rules = PolicyFiles(settings).rules()
    rules.require_sound()
    for mistake in rules.mistakes:
        _log.warning("policy: %s", mistake)
    return rules


def problems(settings: PolicySettings) -> Iterator[Problem]:
    """What is wrong with the files, errors and warnings."""
    for mistake in PolicyFiles(settings).rules().mistakes:
        level = Level.ERROR if mistake.severity is Severity.ERROR else Level.WARNING
        rule = f"rule '{mistake.rule}': " if mistake.rule is not None else ""
        yield Problem(
            level=level, code=mistake.code, message=rule + mistake.message, file=mistake.file, line=mistake.line
        )
