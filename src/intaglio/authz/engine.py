"""Decides: may this caller do this to that? Evaluates oslo.policy checks over Glance's rule names.

The checks are called directly rather than through `oslo_policy.policy.Enforcer.enforce`, which looks for changed files
and copies its arguments on every call: a list asks once an image.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from oslo_policy import policy

from intaglio.authz.rules.base import BASE_RULES, Rule
from intaglio.authz.rules.discovery import DISCOVERY_RULES
from intaglio.authz.rules.images import IMAGE_RULES
from intaglio.authz.rules.locations import LOCATION_RULES
from intaglio.authz.rules.members import MEMBER_RULES
from intaglio.base.errors import Forbidden
from intaglio.domain.image import Image
from intaglio.domain.principal import Principal, Service

RULES: tuple[Rule, ...] = BASE_RULES + IMAGE_RULES + LOCATION_RULES + MEMBER_RULES + DISCOVERY_RULES


class PolicyRefused(Forbidden):
    """The policy does not allow the caller to do this."""

    code = "policy-refused"


class ImageTarget(Mapping[str, Any]):
    """An image as rules see it: its fields, its custom properties, `project_id` and `member_id`.

    What is null is absent, so that a caller without a project never matches an image without an owner.
    """

    def __init__(self, image: Image, *, member_id: str | None = None) -> None:
        self._image = image
        self._member_id = member_id

    def __getitem__(self, key: str) -> Any:
        value = self._value(key)
        if value is None:
            raise KeyError(key)
        return value

    def _value(self, key: str) -> Any:
        if key == "member_id":
            return self._member_id
        if key == "project_id":
            return self._image.owner
        if key in Image.__struct_fields__:
            return getattr(self._image, key)
        return self._image.properties.get(key)

    def __iter__(self) -> Iterator[str]:
        names = (*Image.__struct_fields__, *self._image.properties, "project_id", "member_id")
        return (name for name in dict.fromkeys(names) if self._value(name) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Caller:
    """A principal with its credentials in the form checks read, made once a request."""

    __slots__ = ("credentials", "principal")

    def __init__(self, principal: Principal) -> None:
        self.principal = principal
        credentials: dict[str, Any] = {"roles": list(principal.roles)}
        if principal.project_id is not None:
            credentials["project_id"] = credentials["tenant"] = principal.project_id
        if principal.user_id is not None:
            credentials["user_id"] = credentials["user"] = principal.user_id
        for name in ("user_domain_id", "project_domain_id", "domain_id", "system_scope"):
            if (value := getattr(principal, name)) is not None:
                credentials[name] = value
        credentials["is_admin_project"] = principal.is_admin_project
        if principal.service is not None:
            credentials |= _credentials_of(principal.service)
        self.credentials = credentials


def _credentials_of(service: Service) -> dict[str, Any]:
    """What rules see of the service that asks for somebody. No default rule looks at it."""
    found = {f"service_{name}": getattr(service, name) for name in service.__struct_fields__ if name != "roles"}
    return {name: value for name, value in found.items() if value is not None} | {"service_roles": list(service.roles)}


class PolicyEngine:
    """Every decision of the service. `overrides` replace defaults by rule name."""

    def __init__(self, rules: Iterable[Rule] = RULES, overrides: Mapping[str, str] | None = None) -> None:
        checks = {rule.name: rule.check for rule in rules}
        self.rules = policy.Rules.from_dict({**checks, **(overrides or {})})

    def allows(self, rule: str, caller: Caller, target: Mapping[str, Any]) -> bool:
        """Whether `rule` lets the caller act on `target`. An unknown rule is a programming error.

        No rule lets anybody act who comes with the scope of a domain or of the system: all of them are for projects.
        """
        if caller.principal.beyond_projects:
            return False
        # of its `enforcer` a check reads `rules` and nothing else
        return bool(self.rules[rule](target, caller.credentials, cast("policy.Enforcer", self), rule))

    def require(self, rule: str, caller: Caller, target: Mapping[str, Any]) -> None:
        """Raise `PolicyRefused` unless `allows`."""
        if not self.allows(rule, caller, target):
            raise PolicyRefused(f"The policy '{rule}' does not allow this.")
