"""A plan as data: what is to be done to which image, and why. It can be saved, shown, and applied later."""

from typing import Literal

import msgspec

from intaglio.base.errors import Invalid
from intaglio.manager.definitions import Visibility
from intaglio.manager.policy import Policy

Value = str | int | bool | tuple[str, ...] | None


class PlanInvalid(Invalid):
    """A file is not a saved plan of this release."""

    code = "plan-invalid"


class Change(msgspec.Struct, frozen=True):
    """A field of an image, or a property (`property:NAME`), and its values; None is one that is not there."""

    field: str
    old: Value
    new: Value


class Import(msgspec.Struct, frozen=True, kw_only=True, tag="import"):
    """Bring a build into the cloud: fetched, verified, private until all of it is right."""

    definition: str
    version: str
    name: str
    """The name it ends with; until then it is named as a superseded one, so that nobody takes it for the current."""
    first_name: str
    sources: tuple[str, ...]
    """Where it is fetched from, in this order."""
    digest: str | None
    """`algorithm:hex` of the published file; None is looked up beside it."""
    size: int | None = None
    """Bytes of the published file, where a lock file says it."""
    format: str
    visibility: Visibility
    hidden: bool
    status: Literal["active", "deactivated"]
    min_disk: int
    min_ram: int
    tags: tuple[str, ...]
    properties: dict[str, str]
    image_id: str | None = None
    """An unfinished image of this build, which is filled."""
    fixed_id: str | None = None
    reason: str


class Update(msgspec.Struct, frozen=True, kw_only=True, tag="update"):
    """Change an image that is there; its data are never changed."""

    definition: str
    image_id: str
    name: str
    """The name before."""
    changes: tuple[Change, ...]
    reason: str


class Delete(msgspec.Struct, frozen=True, kw_only=True, tag="delete"):
    """Delete an image."""

    definition: str
    image_id: str
    name: str
    reason: str
    unfinished: bool = False
    """It never had its data: a leftover of a run that was interrupted."""


class Keep(msgspec.Struct, frozen=True, kw_only=True, tag="keep"):
    """Do nothing to an image, or to a version that is not in the cloud, for a reason worth telling."""

    definition: str
    name: str
    reason: str
    image_id: str | None = None


Action = Import | Update | Delete | Keep


class Note(msgspec.Struct, frozen=True):
    """Something to tell that is no action. An error keeps everything from being deleted."""

    severity: Literal["error", "warning"]
    definition: str
    message: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """All that a run would do, in the order in which it does it."""

    version: int = 1
    cloud: str
    project: str | None
    made: str
    """The day, YYYY-MM-DD, for which it holds."""
    fingerprint: str
    """Of the managed images that it was made for."""
    policy: Policy
    actions: tuple[Action, ...]
    notes: tuple[Note, ...] = ()

    @property
    def changes(self) -> tuple[Action, ...]:
        """The actions that do something."""
        return tuple(action for action in self.actions if not isinstance(action, Keep))

    @property
    def deletions(self) -> tuple[Delete, ...]:
        """The finished images that it deletes."""
        return tuple(each for each in self.actions if isinstance(each, Delete) and not each.unfinished)

    @property
    def failed(self) -> bool:
        """Whether a definition could not be planned."""
        return any(note.severity == "error" for note in self.notes)


def encoded(plan: Plan) -> bytes:
    """A plan as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(plan), indent=2) + b"\n"


def decoded(data: bytes) -> Plan:
    """A saved plan. Raises `PlanInvalid`."""
    try:
        plan = msgspec.json.decode(data, type=Plan)
    except msgspec.DecodeError as error:
        raise PlanInvalid(
            f"This is no saved plan: {error}. Make one with `intaglio catalog plan --out FILE`."
        ) from None
    if plan.version != 1:
        raise PlanInvalid(f"The plan has the form {plan.version}, and this release reads 1. Make it anew.")
    return plan
