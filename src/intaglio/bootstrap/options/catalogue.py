"""All tables together, and the look-up of one option by the names an operator may use for it."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from intaglio.bootstrap.options import (
    api,
    identity,
    images,
    messaging,
    own,
    removed,
    shared,
    signatures,
    stores,
    stores_openstack,
)
from intaglio.bootstrap.options.model import Group, Option

DRIVERS: Mapping[str, tuple[Option, ...]] = MappingProxyType(
    {
        "file": stores.FILE,
        "http": stores.HTTP,
        "rbd": stores.RBD,
        "s3": stores.S3,
        "swift": stores_openstack.SWIFT,
        "cinder": stores_openstack.CINDER,
        "vmware": stores.VMWARE,
    }
)
"""The driver options of each kind of store that `enabled_backends` can name."""

ALL_DRIVERS: tuple[Option, ...] = tuple(option for options in DRIVERS.values() for option in options)

GROUPS: tuple[Group, ...] = (
    *own.GROUPS,
    *api.GROUPS,
    *images.GROUPS,
    *stores.GROUPS,
    *shared.GROUPS,
    *signatures.GROUPS,
    *identity.GROUPS,
    *messaging.GROUPS,
    *removed.GROUPS,
    Group(name="glance_store", origin="Glance", title="The one store", options=ALL_DRIVERS),
    Group(name="backend_defaults", origin="Glance", title="Fallbacks for all stores", options=ALL_DRIVERS),
)
"""Every group but those of stores, whose names the operator chooses. A name may stand more than once."""


class Catalogue:
    """The options that can stand in one operator's files: the fixed groups and a group for each store."""

    def __init__(
        self,
        store_types: Mapping[str, str] = MappingProxyType({}),
        logins: Iterable[str] = (),
        token_login: str | None = None,
    ) -> None:
        """`store_types` gives the kind of each store id; `logins` are groups that an `auth_section` names.

        `token_login` is the one of them that `[keystone_authtoken]` names.
        """
        self._options: dict[str, dict[str, Option]] = {}
        for table in GROUPS:
            self._add(table.name, table.options)
        if token_login is not None:
            self._add(token_login, identity.token_login())
        for group_name in logins:
            self._add(group_name, identity.login("Ignored: what would log in by it comes later."))
        for store, kind in store_types.items():
            self._add(store, stores.COMMON + DRIVERS.get(kind, ()))
        self._spellings: dict[tuple[str, str], tuple[str, Option]] = {}
        for group, option in self:
            self._spellings[normal(group), option.name] = (group, option)
        for group, option in self:
            for where, name in option.aliases:
                self._spellings.setdefault((normal(where or group), name), (group, option))

    def _add(self, group: str, options: Iterable[Option]) -> None:
        known = self._options.setdefault(group, {})
        for option in options:
            known.setdefault(option.name, option)

    def __iter__(self) -> Iterator[tuple[str, Option]]:
        for group, options in self._options.items():
            for option in options.values():
                yield group, option

    def find(self, group: str, name: str) -> tuple[str, Option] | None:
        """The option (and its group) that is meant by a name in a file, or None."""
        return self._spellings.get((normal(group), name))

    def groups(self) -> tuple[str, ...]:
        """The names of all groups."""
        return tuple(self._options)

    def names(self, group: str) -> tuple[str, ...]:
        """The names of a group's options; none for a group that is not known."""
        return next((tuple(found) for name, found in self._options.items() if normal(name) == normal(group)), ())


def normal(group: str) -> str:
    """A group's name as oslo.config compares it: case matters in DEFAULT only."""
    return group if group == "DEFAULT" else group.lower()
