"""Decides: may this caller do this to that? Every decision of the service is made here, by the rules in force.

A refusal is logged with what refused, and told to callers who may know. The operator's files are looked at again every
few seconds, never within a decision.
"""

import logging
import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from intaglio.authz.caller import Caller
from intaglio.authz.explain import Explanation, explain, outlook, scope_refusal
from intaglio.authz.files import Fingerprint, PolicyFiles
from intaglio.authz.rules import RULES
from intaglio.authz.rules.base import Rule
from intaglio.authz.ruleset import RuleSet, Written
from intaglio.authz.targets import ImageTarget
from intaglio.base.errors import Forbidden
from intaglio.domain.principal import Principal

__all__ = ["RULES", "Caller", "ImageTarget", "PolicyEngine", "PolicyRefused"]

_log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0  # between two looks at the policy files
EXPLAIN = "intaglio:explain"
_NOTHING: Mapping[str, Any] = {}
_REMEMBERED = 1024  # outlooks


class PolicyRefused(Forbidden):
    """The policy does not allow the caller to do this."""

    code = "policy-refused"


class PolicyEngine:
    """Every decision of the service. `overrides` replace defaults by rule name; `files` do, and are watched.

    Raises `PolicyInvalid` when the rules to begin with have errors. Later, such files change nothing.
    """

    def __init__(
        self,
        rules: Iterable[Rule] = RULES,
        overrides: Mapping[str, str] | None = None,
        *,
        files: PolicyFiles | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._files = files
        self._clock = clock
        self._next_look = clock() + LOOK_SECONDS
        self._fingerprint: Fingerprint = ()
        self._outlooks: dict[Hashable, bool | None] = {}
        if files is not None:
            self._fingerprint = files.fingerprint()
            self.rules = files.rules()
        else:
            written = {name: Written(check, "overrides", 1) for name, check in (overrides or {}).items()}
            self.rules = RuleSet(rules, written)
        self.rules.require_sound()

    def caller(self, principal: Principal) -> Caller:
        """The caller of a request. In a project, the rule `context_is_admin` says whether it is an administrator."""
        if self._files is not None and self._clock() >= self._next_look:
            self._look()
        caller = Caller(principal)
        is_admin = caller.scope == "project" and self.rules.decision("context_is_admin")(_NOTHING, caller)
        return caller if is_admin == principal.is_admin else Caller(replace(principal, is_admin=is_admin))

    def allows(self, rule: str, caller: Caller, target: Mapping[str, Any]) -> bool:
        """Whether `rule` lets the caller act on `target`. An unknown rule is a programming error."""
        passed = self.rules.decision(rule)(target, caller)
        if passed and caller.scope != "project":
            passed = not scope_refusal(self.rules, rule, caller)
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("rule %s: %s", rule, "passed" if passed else "refused")
        return passed

    def require(self, rule: str, caller: Caller, target: Mapping[str, Any]) -> None:
        """Raise `PolicyRefused` unless `allows`."""
        if not self.allows(rule, caller, target):
            told = self.refused(rule, caller, target)
            raise PolicyRefused(f"The policy '{rule}' does not allow this.{told}")

    def refused(self, rule: str, caller: Caller, target: Mapping[str, Any]) -> str:
        """Log why `rule` refused, and the words for the answer: empty unless the caller has the right to know.

        For those who answer a refusal with something else than `PolicyRefused`.
        """
        found = self.explain(rule, caller, target)
        about = ", ".join(f"{name}={value}" for name, value in found.target.items())
        subject = f" {target['id']}" if isinstance(target, ImageTarget) else ""
        _log.info("rule '%s' refused %s on%s [%s]: %s", rule, _who(caller), subject, about, found.refusal)
        told = self.rules.decision(EXPLAIN)(target, caller) and not scope_refusal(self.rules, EXPLAIN, caller)
        return f" Its check is {found.check}; {found.refusal}." if told else ""

    def hidden(self, caller: Caller, what: str) -> None:
        """Log that something is not the caller's to see, whatever the rules say."""
        _log.info("%s is hidden from %s", what, _who(caller))

    def outlook(self, rule: str, caller: Caller, kinds: Iterable[Mapping[str, Any]] = (_NOTHING,)) -> bool | None:
        """What `rule` says to the caller about everything of these kinds; None when it depends on more than they say.

        Each kind is what is known of a target. Answers are remembered as long as the rules are in force.
        """
        kinds = tuple(kinds)
        key = rule, caller.principal, tuple(tuple(kind.items()) for kind in kinds)
        if key not in self._outlooks:
            if len(self._outlooks) >= _REMEMBERED:
                self._outlooks.clear()
            self._outlooks[key] = outlook(self.rules, rule, caller, kinds)
        found = self._outlooks[key]
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("rule %s: %s", rule, {True: "passed", False: "refused", None: "depends"}[found])
        return found

    def explain(self, rule: str, caller: Caller, target: Mapping[str, Any], *, partial: bool = False) -> Explanation:
        """Why `rule` lets the caller act on `target` or not. With `partial` the target may have more than is given."""
        return explain(self.rules, rule, caller, target, partial=partial)

    def _look(self) -> None:
        self._next_look = self._clock() + LOOK_SECONDS
        if self._files is None or (found := self._files.fingerprint()) == self._fingerprint:
            return
        self._fingerprint = found  # also of broken files: what is wrong is said once for each change
        rules = self._files.rules()
        for mistake in rules.mistakes:
            _log.log(logging.ERROR if mistake in rules.errors else logging.WARNING, "policy: %s", mistake)
        if rules.errors:
            _log.error("policy: the changed files are not used; the rules known so far stay in force")
            return
        self.rules = rules
        self._outlooks.clear()
        _log.info("policy: %d rules from files are in force", len(rules.written))


def _who(caller: Caller) -> str:
    principal = caller.principal
    roles = ", ".join(sorted(caller.roles)) or "none"
    return f"user {principal.user_id} of project {principal.project_id} (roles: {roles})"
