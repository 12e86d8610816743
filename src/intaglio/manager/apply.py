"""Applying a plan. An action that fails ends its definition's turn, and nothing is deleted in a run with a failure."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from threading import Event
from typing import Any, Literal

import msgspec

from intaglio.base.errors import Conflict, IntaglioError, Invalid
from intaglio.client.cloud import CallConflicts, ImageService, NoSuchImage
from intaglio.manager.actions import Action, Delete, Import, Keep, Plan, Update
from intaglio.manager.cache import Cache, Content
from intaglio.manager.progress import Progress
from intaglio.manager.sending import NotHandedOver, Options, Sender
from intaglio.manager.state import Cloud, Image
from intaglio.manager.upstream.web import FetchFailed

_PROPERTY = "property:"


class PlanStale(Conflict):
    """The cloud is not any more what a saved plan was made for."""

    code = "plan-stale"


class TooManyDeletions(Invalid):
    """A plan deletes more images than one run may."""

    code = "too-many-deletions"


class Outcome(msgspec.Struct, frozen=True):
    """What became of an action."""

    kind: Literal["import", "update", "delete"]
    definition: str
    name: str
    image_id: str | None
    result: Literal["done", "failed", "skipped"]
    message: str


def check(plan: Plan, cloud: Cloud) -> None:
    """Whether the plan may be applied to the cloud as it is. Raises `PlanStale`, `TooManyDeletions`."""
    if plan.fingerprint != cloud.fingerprint() or plan.cloud != cloud.name:
        raise PlanStale(f"'{cloud.name}' is not what the plan was made for; make a new one. Nothing was changed.")
    limit = plan.policy.delete_limit
    if len(plan.deletions) > limit:
        names = ", ".join(each.name for each in plan.deletions[:5])
        raise TooManyDeletions(
            f"{len(plan.deletions)} images would be deleted ({names}, …), and one run may delete {limit}: look at the "
            "plan, then allow more with --delete-limit. Nothing was changed."
        )


class Applier:
    """Applies plans to one cloud."""

    def __init__(self, service: ImageService, cache: Cache, progress: Progress, options: Options) -> None:
        self._service = service
        self._cache = cache
        self._progress = progress
        self._options = options
        self._stopping = Event()
        self._unverified = False

    def apply(self, plan: Plan) -> list[Outcome]:
        """Do all of it, deletions last and only if nothing failed; what became of each action."""
        sender = Sender(self._service, plan.policy.tag, plan.project, self._options)
        outcomes: list[Outcome] = []
        imports = [action for action in plan.actions if isinstance(action, Import)]
        self._unverified = plan.policy.allow_unverified
        with ThreadPoolExecutor(max(1, self._options.jobs)) as pool:
            fetched = {id(each): pool.submit(self._fetch, each) for each in imports if not sender.can_hand_over(each)}
            try:
                for group in _groups(plan):
                    outcomes += self._group(group, fetched, sender)
            except BaseException:
                self._stopping.set()  # what has arrived stays, and is continued by the next run
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        outcomes += self._deletions(plan, failed=plan.failed or any(each.result == "failed" for each in outcomes))
        return outcomes

    def _fetch(self, action: Import) -> Content:
        with self._progress.transfer(f"{action.name}: fetch") as meter:

            def arrived(count: int, total: int | None) -> None:
                if self._stopping.is_set():
                    raise FetchFailed("the run was interrupted")
                meter(count, total)

            return self._cache.obtain(
                action.sources, action.digest, arrived, unverified=self._unverified, size=action.size
            )

    def _group(
        self, actions: Sequence[Action], fetched: Mapping[int, Future[Content]], sender: Sender
    ) -> Iterator[Outcome]:
        """One definition: leftovers go, builds arrive in private, then names and visibility change hands."""
        ready: dict[int, Image] = {}
        told: set[int] = set()
        broken = False
        for step, action in _steps(actions):
            if id(action) in told:
                continue
            if broken:
                told.add(id(action))
                yield _outcome(action, "skipped", "something before it failed")
                continue
            try:
                message = self._step(step, action, ready, fetched, sender)
            except IntaglioError as error:
                broken = True
                told.add(id(action))
                self._progress.say(f"{action.name}: {error}")
                yield _outcome(action, "failed", str(error))
            else:
                if step != "bring":  # an import counts once, when it is published
                    self._progress.say(f"{action.name}: {message}")
                    image = ready.get(id(action))
                    yield _outcome(action, "done", message, image.id if image else None)

    def _step(
        self,
        step: str,
        action: Action,
        ready: dict[int, Image],
        fetched: Mapping[int, Future[Content]],
        sender: Sender,
    ) -> str:
        if isinstance(action, Import) and step == "bring":
            ready[id(action)] = self._bring(action, fetched.get(id(action)), sender)
            return "sent"
        if isinstance(action, Import):
            return self._publish(action, ready[id(action)])
        if isinstance(action, Update):
            return self._update(action)
        if isinstance(action, Delete):
            return self._delete(action)
        return "kept"

    def _bring(self, action: Import, fetched: Future[Content] | None, sender: Sender) -> Image:
        """Have the cloud fetch the build, or send it what was fetched."""
        image_id = None
        if fetched is None:
            try:
                with self._progress.transfer(f"{action.name}: fetched by the cloud") as meter:
                    return sender.hand_over(action, meter)
            except NotHandedOver as error:
                image_id = error.image_id
                self._progress.say(f"{action.name}: the cloud does not fetch it ({error}), so it is sent")
        try:
            content = self._fetch(action) if fetched is None else fetched.result()
        except IntaglioError:
            if image_id is not None:
                sender.give_up(image_id)
            raise
        if not content.verified:
            self._progress.say(f"{action.name}: nobody publishes a digest of it; its own is {content.digest}")
        with self._progress.transfer(f"{action.name}: send") as meter:
            return sender.send(action, content, meter, image_id)

    def _publish(self, action: Import, image: Image) -> str:
        wanted: dict[str, Any] = {"name": action.name, "visibility": action.visibility, "os_hidden": action.hidden}
        now = {"name": image.name, "visibility": image.visibility, "os_hidden": image.hidden}
        changed = {field: value for field, value in wanted.items() if now[field] != value}
        if changed:
            self._service.patch(image.id, changed)
        if action.status == "deactivated" and image.status == "active":
            self._service.turn(image.id, on=False)
        return f"imported {action.version}"

    def _update(self, action: Update) -> str:
        values: dict[str, Any] = {}
        gone: list[str] = []
        status = None
        for change in action.changes:
            if change.field == "status":
                status = change.new
            elif change.field.startswith(_PROPERTY) and change.new is None:
                gone.append(change.field.removeprefix(_PROPERTY))
            else:
                values[change.field.removeprefix(_PROPERTY)] = (
                    list(change.new) if isinstance(change.new, tuple) else change.new
                )
        if values or gone:
            self._service.patch(action.image_id, values, gone)
        if status is not None:
            self._service.turn(action.image_id, on=status == "active")
        return "changed " + ", ".join(change.field.removeprefix(_PROPERTY) for change in action.changes)

    def _delete(self, action: Delete) -> str:
        try:
            self._service.delete(action.image_id)
        except NoSuchImage:
            return "was deleted already"
        return f"deleted, because {action.reason}"

    def _deletions(self, plan: Plan, *, failed: bool) -> Iterator[Outcome]:
        for action in plan.deletions:
            if failed:
                yield _outcome(action, "skipped", "nothing is deleted in a run with a failure")
                continue
            try:
                message = self._delete(action)
            except CallConflicts as error:
                yield _outcome(action, "skipped", f"it is in use, a later run tries again: {error}")
            except IntaglioError as error:
                self._progress.say(f"{action.name}: {error}")
                yield _outcome(action, "failed", str(error))
            else:
                self._progress.say(f"{action.name}: {message}")
                yield _outcome(action, "done", message)


def _groups(plan: Plan) -> Iterator[list[Action]]:
    """What is to be done, by definition, without the final deletions."""
    doing = [each for each in plan.changes if not isinstance(each, Delete) or each.unfinished]
    for _, group in groupby(doing, key=lambda action: action.definition):
        yield list(group)


def _steps(actions: Sequence[Action]) -> list[tuple[str, Action]]:
    """The order within a definition: a new image takes a name right after the old one gave it up."""
    imports = [action for action in actions if isinstance(action, Import)]
    steps: list[tuple[str, Action]] = [("discard", each) for each in actions if isinstance(each, Delete)]
    steps += [("bring", each) for each in imports]
    for update in (each for each in actions if isinstance(each, Update)):
        steps.append(("update", update))
        steps += [("publish", each) for each in imports if each.name == update.name]
    published = [each for step, each in steps if step == "publish"]
    return steps + [("publish", each) for each in imports if each not in published]


def _outcome(
    action: Action, result: Literal["done", "failed", "skipped"], message: str, image_id: str | None = None
) -> Outcome:
    kind: Literal["import", "update", "delete"]
    kind = "import" if isinstance(action, Import) else "update" if isinstance(action, Update | Keep) else "delete"
    return Outcome(kind, action.definition, action.name, image_id or action.image_id, result, message)
