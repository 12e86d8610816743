"""From a method to what is done: a method is offered when there is a step for each of its names."""

from collections.abc import Iterable, Mapping

from intaglio.imports.base import Step
from intaglio.imports.methods import METHODS, PUBLIC
from intaglio.imports.steps import describe, digest, fetch, finish, store, unstage

STEPS: Mapping[str, Step] = {
    "remember": describe.remember,
    "describe": describe.run,
    "fetch": fetch.from_source,
    "store": store.from_staging,
    "copy": store.from_copies,
    "digest": digest.run,
    "unstage": unstage.run,
    "finish": finish.run,
}
"""Every step there is. Each may be begun again after it was cut off, and is never done again once it has ended."""


def offered(enabled: Iterable[str]) -> tuple[str, ...]:
    """Those of the enabled methods that this release can carry out, in the operator's order."""
    return tuple(name for name in enabled if name in PUBLIC and all(step in STEPS for step in METHODS[name].steps))


def steps_of(method: str) -> tuple[tuple[str, Step], ...]:
    """The steps of an offered method in their order."""
    return tuple((name, STEPS[name]) for name in METHODS[method].steps)
