"""Why a call was refused, or would be: for any caller and any image, by the rules in force."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from intaglio.authz.engine import EXPLAIN, Caller, ImageTarget, PolicyEngine
from intaglio.authz.explain import Explanation
from intaglio.base.errors import Invalid
from intaglio.db.base import Connection
from intaglio.db.repos import images
from intaglio.domain.image import Image
from intaglio.domain.principal import Principal
from intaglio.domain.properties import InvalidValue, image_id
from intaglio.identity.roles import with_implied
from intaglio.services.access import membership, shown_to, visible_image
from intaglio.services.parts import Parts

Verdict = Literal["allowed", "refused", "hidden", "depends"]


class InvalidSubject(Invalid):
    """The caller or the target that a question is about is not written as it must be."""

    code = "invalid-subject"


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A call by somebody: `rules` are those its route asks. `target` is what is known of what it is about."""

    method: str
    path: str
    route: str
    rules: tuple[str, ...]
    caller: Principal
    image_id: str | None = None  # None: the route is not about one image, or about one that is not named
    about_image: bool = False
    target: Mapping[str, str] = {}


class Subject(msgspec.Struct, frozen=True):
    """The image that a question is about, as the caller in it meets it."""

    image: Image | None
    member_id: str | None = None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of the call. `when` says in which requests it is asked; empty: in each."""

    guards: str
    when: str
    explanation: Explanation


class CallerSeen(msgspec.Struct, frozen=True, kw_only=True):
    """The caller in the question, as rules see it."""

    user_id: str | None
    project_id: str | None
    roles: tuple[str, ...]
    scope: str
    is_admin: bool


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the policy says; the state of the image and quotas come after it. hidden is a 404, refused a 403."""

    method: str
    path: str
    route: str
    caller: CallerSeen
    image_id: str | None
    verdict: Verdict
    because: str
    rules: tuple[Asked, ...]


def principal_of(
    *,
    roles: Iterable[str],
    project_id: str | None = None,
    user_id: str | None = None,
    domain_id: str | None = None,
    system: bool = False,
    exactly: bool = False,
) -> Principal:
    """Somebody to ask about. `exactly`: without the roles that others imply, as Keystone adds them to tokens."""
    named = frozenset(role.strip().lower() for role in roles if role.strip())
    return Principal(
        user_id=user_id,
        project_id=project_id,
        domain_id=domain_id,
        system_scope="all" if system else None,
        roles=named if exactly else with_implied(named),
    )


def read_caller(items: Sequence[str], *, exactly: bool = False) -> Principal:
    """Somebody, from words such as `role:member`, `project:ID`, `user:ID`. Raises `InvalidSubject`."""
    found: dict[str, list[str]] = {"role": [], "project": [], "user": [], "domain": [], "system": []}
    for item in items:
        kind, colon, value = item.strip().partition(":")
        if not colon or not value or kind not in found:
            raise InvalidSubject(f"'{item[:80]}' is not one of role:NAME, project:ID, user:ID, domain:ID, system:all.")
        found[kind].append(value)
    for kind in ("project", "user", "domain"):
        if len(found[kind]) > 1:
            raise InvalidSubject(f"A caller has one {kind}, not {len(found[kind])}.")
    return principal_of(
        roles=found["role"],
        project_id=next(iter(found["project"]), None),
        user_id=next(iter(found["user"]), None),
        domain_id=next(iter(found["domain"]), None),
        system=bool(found["system"]),
        exactly=exactly,
    )


def read_target(items: Sequence[str]) -> dict[str, str]:
    """What is known of a target, from words such as `visibility=private`. Raises `InvalidSubject`."""
    found = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not equals or not name.strip():
            raise InvalidSubject(f"'{item[:80]}' is not of the form name=value, such as visibility=private.")
        found[name.strip()] = value.strip()
    return found


async def why(parts: Parts, asker: Caller, question: Question) -> Answer:
    """The answer for an asker over the network. Raises `PolicyRefused`, `ImageNotFound`."""
    own = {"project_id": asker.principal.project_id or ""}
    if question.image_id is None:
        parts.policy.require(EXPLAIN, asker, own)
        return _told(asker, answer(parts.policy, question, Subject(None)))
    subject = await find(parts, question)
    if subject.image is None and asker.principal.is_admin:
        parts.policy.require(EXPLAIN, asker, own)
    elif subject.image is None or not parts.policy.allows(EXPLAIN, asker, ImageTarget(subject.image)):
        await _refuse(parts, asker, question.image_id)
    return _told(asker, answer(parts.policy, question, subject))


def _told(asker: Caller, found: Answer) -> Answer:
    """The answer; where the operator keeps files is for administrators."""
    if asker.principal.is_admin:
        return found
    plain = (
        replace(each, explanation=replace(each.explanation, source=_kind(each.explanation))) for each in found.rules
    )
    return replace(found, rules=tuple(plain))


def _kind(found: Explanation) -> str:
    return "default" if found.source == "default" else "policy file"


async def _refuse(parts: Parts, asker: Caller, wanted: str) -> None:
    """Raise what tells the asker no more about the image than any other call would."""

    async def work(conn: Connection) -> ImageTarget:
        return (await visible_image(conn, parts.policy, asker, wanted))[1]

    parts.policy.require(EXPLAIN, asker, await parts.database.read(work))


async def find(parts: Parts, question: Question) -> Subject:
    """The image of the question, with the membership of the caller in it."""

    async def work(conn: Connection) -> Subject:
        try:
            image_id(question.image_id)
            image = await images.get(conn, question.image_id or "")
        except InvalidValue:
            image = None
        if image is None:
            return Subject(None)
        return Subject(image, await membership(conn, parts.policy.caller(question.caller), image))

    return await parts.database.read(work)


def answer(policy: PolicyEngine, question: Question, subject: Subject) -> Answer:
    """What the policy says to the call: whoever gets this answer has the right to know."""
    caller = policy.caller(question.caller)
    asked = tuple(_asked(policy, question, caller, subject, rule) for rule in question.rules)
    verdict, because = _verdict(question, caller, subject, asked)
    principal = caller.principal
    return Answer(
        method=question.method,
        path=question.path,
        route=question.route,
        caller=CallerSeen(
            user_id=principal.user_id,
            project_id=principal.project_id,
            roles=tuple(sorted(caller.roles)),
            scope=caller.scope,
            is_admin=principal.is_admin,
        ),
        image_id=question.image_id,
        verdict=verdict,
        because=because,
        rules=asked,
    )


def _asked(policy: PolicyEngine, question: Question, caller: Caller, subject: Subject, name: str) -> Asked:
    rule = policy.rules.defaults[name]
    target, partial = _target(policy, question, caller, subject, rule.about)
    elsewhere = rule.about == "image" and not question.about_image and not rule.when
    return Asked(
        guards=rule.guards,
        when="the call meets an image" if elsewhere else rule.when,
        explanation=policy.explain(name, caller, target, partial=partial),
    )


def _target(
    policy: PolicyEngine, question: Question, caller: Caller, subject: Subject, about: str
) -> tuple[Mapping[str, Any], bool]:
    """What a rule is asked about, and whether more of it would be known in a request."""
    project = {"project_id": caller.principal.project_id or ""}
    if about in {"project", "nothing"}:
        return project if about == "project" else {}, False
    if subject.image is not None and about != "namespace":
        return ImageTarget(subject.image, member_id=subject.member_id), False
    creates = any(policy.rules.defaults[rule].about == "new image" for rule in question.rules)
    new = {**project, "owner": project["project_id"], "visibility": "shared"} if creates else {}
    return {**new, **question.target}, True


def _verdict(question: Question, caller: Caller, subject: Subject, asked: Sequence[Asked]) -> tuple[Verdict, str]:
    if question.image_id is not None and "get_image" in question.rules:
        if subject.image is None:
            return "hidden", "No image has this id."
        if not shown_to(caller, subject.image, subject.member_id):
            image = subject.image
            return "hidden", f"The image is {image.visibility} and of project {image.owner}: others do not know of it."
    always = [each for each in asked if not each.when]
    for each in always:
        found = each.explanation
        if found.passed is False:
            verdict: Verdict = "hidden" if found.rule == "get_image" else "refused"
            return verdict, f"The rule '{found.rule}' refuses: {found.refusal}."
    unsure = [each.explanation.rule for each in always if each.explanation.passed is None]
    if unsure:
        return "depends", f"It depends on what the call is about: see {', '.join(unsure)}."
    sometimes = [each for each in asked if each.when and each.explanation.passed is False]
    if sometimes:
        cases = (f"when {each.when} ({each.explanation.rule})" for each in sometimes)
        return "allowed", f"But not {'; nor '.join(cases)}."
    return "allowed", "Every rule that is asked passes." if asked else "No rule guards this call."
