"""`intaglio policy`: the rules in force, and why they let somebody do something or not."""

import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from intaglio.cli.options import FormatOption
from intaglio.cli.output import print_json, print_table
from intaglio.cli.sources import ConfigOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from intaglio.authz.explain import Explanation, Part
    from intaglio.domain.principal import Principal
    from intaglio.services.explain import Answer

app = App(name="policy", help="Show and check the policy: who may do what, and why not.")
_NOWHERE = ConfigOptions()

As = Annotated[
    list[str] | None,
    Parameter(
        name="--as",
        help="The caller: role:NAME, project:ID, user:ID, domain:ID or system:all; several with commas between.",
        negative="",
    ),
]
Exactly = Annotated[bool, Parameter(help="Take only the roles named, without those they imply.", negative="")]
TargetOption = Annotated[
    list[str] | None,
    Parameter(name="--target", help="What is known of the thing: name=value; may be repeated.", negative=""),
]
ImageOption = Annotated[str | None, Parameter(name="--image", help="The id of the image, where PATH has none.")]
_WORDS = {True: "passes", False: "refuses", None: "depends"}


@app.command
def show(*rules: str, options: ConfigOptions = _NOWHERE, format: FormatOption = "table") -> None:  # noqa: A002 - the option's name
    """Print the rules in force, and where each comes from: the default, or file and line.

    For example:

        intaglio policy show get_image publicize_image --config-file /etc/glance/glance-api.conf

    Parameters
    ----------
    rules
        Names of rules; all when none is given.
    """
    from intaglio.bootstrap.load import load
    from intaglio.bootstrap.policy import rules_in_force
    from intaglio.bootstrap.policy_report import shown

    rows = shown(rules_in_force(load(options.sources()).policy), rules)
    if format == "json":
        print_json(rows)
    else:
        print_table(("Rule", "Check", "Source"), ((row.rule, row.check or "@", row.source) for row in rows))


@app.command
def sample(*, format: FormatOption = "table") -> None:  # noqa: A002 - the option's name
    """Print a policy.yaml with every rule as a comment: its default, what it guards and which calls ask it.

    For example:

        intaglio policy sample > policy.yaml
    """
    from intaglio.authz.rules import RULES
    from intaglio.bootstrap.policy_report import lines_of_sample

    if format == "json":
        print_json({rule.name: rule.check for rule in RULES})
    else:
        sys.stdout.write("\n".join(lines_of_sample()) + "\n")


@app.command
def check(
    *rules: str,
    as_: As = None,
    exactly: Exactly = False,
    target: TargetOption = None,
    options: ConfigOptions = _NOWHERE,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> int:
    """Find mistakes in the policy files; or, with --as, say which rules a caller passes.

    A rule whose answer follows from the thing it is asked about `depends`, until --target says enough of it. Without
    --as the exit code is 1 when there is a mistake; with it, when a rule named refuses.

    For example:

        intaglio policy check --config-file /etc/glance/glance-api.conf

        intaglio policy check --as role:member,project:alpha

        intaglio policy check get_image --as role:reader,project:b --target project_id=a --target visibility=private

    Parameters
    ----------
    rules
        Names of rules; all when none is given.
    """
    from intaglio.bootstrap.load import load
    from intaglio.bootstrap.policy_report import checked
    from intaglio.services.explain import read_target

    settings = load(options.sources()).policy
    if as_ is None:
        return _check_files(options, format)
    found = checked(settings, _caller(as_, exactly=exactly), read_target(target or ()), rules)
    if format == "json":
        print_json(found)
    else:
        print_table(("Rule", "Answer", "Because"), ((each.rule, _WORDS[each.passed], _why(each)) for each in found))
    return int(bool(rules) and any(each.passed is False for each in found))


def _check_files(options: ConfigOptions, form: str) -> int:
    from intaglio.bootstrap.load import load
    from intaglio.bootstrap.policy import FAILING, problems
    from intaglio.bootstrap.policy_report import idle
    from intaglio.bootstrap.problems import Level

    settings = load(options.sources()).policy
    found = (*problems(settings), *idle(settings))
    fine = not any(problem.level is Level.ERROR or problem.code in FAILING for problem in found)
    if form == "json":
        print_json({"fine": fine, "problems": found})
    else:
        sys.stdout.writelines(f"{problem.level}: {problem}\n" for problem in found)
        sys.stdout.write("Nothing is wrong.\n" if fine else "Not fine: see above.\n")
    return int(not fine)


@app.command
def explain(
    method: str,
    path: str,
    /,
    *,
    as_: As = None,
    exactly: Exactly = False,
    image: ImageOption = None,
    target: TargetOption = None,
    options: ConfigOptions = _NOWHERE,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> None:
    """Say why a call by somebody is allowed, refused, or answered as if the image did not exist.

    For example:

        intaglio policy explain DELETE /v2/images/IMAGE --as role:member,project:alpha

        intaglio policy explain PATCH "/v2/images/{image_id}" --image IMAGE --as role:reader,project:beta --format json

    Parameters
    ----------
    method
        The call's method, such as GET.
    path
        Its path, such as /v2/images/IMAGE/file, or as the reference of the API has it.
    """
    import asyncio

    from intaglio.bootstrap.load import load
    from intaglio.bootstrap.policy_report import why
    from intaglio.services.explain import read_target

    caller = _caller(as_ or (), exactly=exactly)
    settings = load(options.sources())
    answer = asyncio.run(why(settings, method, path, caller, image_id=image, target=read_target(target or ())))
    if format == "json":
        print_json(answer)
    else:
        sys.stdout.writelines(f"{line}\n" for line in _lines(answer))


def _caller(words: "list[str] | tuple[()]", *, exactly: bool) -> "Principal":
    from intaglio.services.explain import read_caller

    return read_caller([item for word in words for item in word.split(",")], exactly=exactly)


def _why(found: "Explanation") -> str:
    if found.passed is False:
        return found.refusal
    return f"depends on {', '.join(_unknown(found.part))}" if found.passed is None else found.check


def _unknown(part: "Part") -> "list[str]":
    below = [name for inner in part.parts for name in _unknown(inner)]
    own = [part.why.removeprefix("depends on ")] if part.passed is None and not part.parts else []
    return list(dict.fromkeys([*below, *own]))


def _lines(answer: "Answer") -> "Iterator[str]":
    seen = answer.caller
    roles = ", ".join(seen.roles) or "none"
    yield f"{answer.method} {answer.path} by user {seen.user_id}, project {seen.project_id}, roles {roles}"
    yield f"{answer.verdict}: {answer.because}"
    for asked in answer.rules:
        found = asked.explanation
        when = f", asked when {asked.when}" if asked.when else ""
        yield ""
        yield f"{found.rule} {_WORDS[found.passed]} ({found.source}{when}): {asked.guards}"
        if found.target:
            yield "  target: " + ", ".join(f"{name}={value}" for name, value in found.target.items())
        if found.scope:
            yield f"  {found.scope}"
        yield from _tree(found.part, "  ")


def _tree(part: "Part", indent: str) -> "Iterator[str]":
    """The parts of a check, a line each; what passes as a whole is not taken apart."""
    mark = {True: "+", False: "-", None: "?"}[part.passed]
    yield f"{indent}{mark} {part.check}" + (f"  [{part.why}]" if part.why else "")
    for inner in () if part.passed else part.parts:
        yield from _tree(inner, indent + "  ")
