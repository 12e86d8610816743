"""What one caller may do with custom properties, and the rules it follows from, kept up to date with their file."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from msgspec.structs import replace

from intaglio.authz.engine import Caller, PolicyEngine
from intaglio.authz.property_rules import (
    EVERYBODY,
    NOBODY,
    Action,
    PropertyRules,
    PropertyRulesInvalid,
    RuleFormat,
    read_file,
)
from intaglio.authz.settings import PolicySettings
from intaglio.base.errors import Forbidden
from intaglio.domain.image import Image
from intaglio.domain.principal import Principal

_log = logging.getLogger(__name__)

CHECK_SECONDS = 2.0


class PropertyProtected(Forbidden):
    """The property is protected: the caller may not do this with it."""

    code = "property-protected"


class PropertyAccess:
    """What a caller may do with custom properties; without protections everything."""

    readable: Callable[[str], bool] | None = None
    """Whether the caller may read a property, by its name; None: all of them, and nobody need ask."""

    def may(self, action: Action, name: str) -> bool:  # noqa: ARG002 - there are no protections
        """Whether the caller may do this with a property of that name."""
        return True

    def require(self, action: Action, name: str) -> None:
        """Raise `PropertyProtected` unless `may`."""
        if not self.may(action, name):
            raise PropertyProtected(f"The property '{name}' is protected: you may not {action} it.")

    def shown(self, image: Image) -> Image:
        """The image with those of its custom properties that the caller may read."""
        return image

    def shown_all(self, images: Sequence[Image]) -> Sequence[Image]:
        """Each image as `shown`."""
        return images


EVERYTHING = PropertyAccess()


class ProtectedAccess(PropertyAccess):
    """What a caller may do under a set of rules; `granted` says whether one of the words of a section means them."""

    def __init__(self, rules: PropertyRules, granted: Callable[[tuple[str, ...]], bool]) -> None:
        self._rules = rules
        self._granted = granted
        self.readable = self._readable = lru_cache(maxsize=4096)(self._may_read)

    def may(self, action: Action, name: str) -> bool:
        section = self._rules.section(name)
        return section is not None and self._granted(section.words[action])

    def _may_read(self, name: str) -> bool:
        return self.may(Action.READ, name)

    def shown(self, image: Image) -> Image:
        readable = self._readable
        if all(map(readable, image.properties)):
            return image
        return replace(image, properties={name: value for name, value in image.properties.items() if readable(name)})

    def shown_all(self, images: Sequence[Image]) -> Sequence[Image]:
        return [self.shown(image) for image in images]


class PropertyProtection:
    """The protections of one process.

    The rules' file is looked at again when it is used and was not looked at for `CHECK_SECONDS`. One that cannot be
    used any more is reported, and the rules stay as they were.
    """

    def __init__(
        self,
        settings: PolicySettings,
        policy: PolicyEngine,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the file, if there is one. Raises `PropertyRulesInvalid` naming file, section and reason."""
        self._file = file = settings.property_protection_file
        self._format = settings.property_protection_rule_format
        self._policy = policy
        self._clock = clock
        self._stamp: tuple[int, ...] | None = None
        self._next_look = 0.0
        if file is not None:
            self._stamp = _stamp(file)
            self._use(read_file(file, self._format, is_policy=self._is_policy))
            self._next_look = clock() + CHECK_SECONDS

    def access(self, caller: Caller) -> PropertyAccess:
        """What `caller` may do with custom properties at this moment."""
        if self._file is None:
            return EVERYTHING
        self._refresh(self._file)
        if self._format is RuleFormat.POLICIES:
            return ProtectedAccess(self._rules, granted_by_policies(self._policy, caller))
        return self._access_of_roles(_roles(caller.principal))

    def _use(self, rules: PropertyRules) -> None:
        self._rules = rules
        self._access_of_roles = lru_cache(maxsize=1024)(
            lambda roles: ProtectedAccess(rules, lambda words: granted_to(roles, words))
        )

    def _refresh(self, file: Path) -> None:
        now = self._clock()
        if now < self._next_look:
            return
        self._next_look = now + CHECK_SECONDS
        stamp = _stamp(file)
        if stamp == self._stamp:
            return
        self._stamp = stamp  # a broken file is reported once, and again when it has changed
        try:
            self._use(read_file(file, self._format, is_policy=self._is_policy))
        except PropertyRulesInvalid as invalid:
            _log.error("%s; the rules read before stay in force", invalid)
        else:
            _log.warning("property protection: %s has changed and is in force", file)

    def _is_policy(self, name: str) -> bool:
        return name in self._policy.rules


def _stamp(file: Path) -> tuple[int, ...] | None:
    """Changes whenever the file does; None when it is not there."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def _roles(principal: Principal) -> frozenset[str]:
    """The caller's roles and, here only, those of the service that asks for it."""
    return principal.roles if principal.service is None else principal.roles | principal.service.roles


def granted_to(roles: Iterable[str], words: tuple[str, ...]) -> bool:
    """Whether a section's words of the format `roles` mean a caller with these roles."""
    if NOBODY in words:
        return False
    return EVERYBODY in words or not set(words).isdisjoint(roles)


def granted_by_policies(policy: PolicyEngine, caller: Caller) -> Callable[[tuple[str, ...]], bool]:
    """For the format `policies`: each rule is asked once, with the caller's roles and those of the service for it.

    A rule sees no target. One that is not there any more allows nothing.
    """
    if caller.principal.service is not None:
        caller = Caller(replace(caller.principal, roles=_roles(caller.principal)))
    answers: dict[str, bool] = {EVERYBODY: True, NOBODY: False}

    def granted(words: tuple[str, ...]) -> bool:
        for word in words:
            if word not in answers:
                answers[word] = _allows(policy, word, caller)
            return answers[word]
        return False

    return granted


def _allows(policy: PolicyEngine, rule: str, caller: Caller) -> bool:
    nothing: Mapping[str, object] = {}
    try:
        return policy.allows(rule, caller, nothing)
    except KeyError:
        return False
