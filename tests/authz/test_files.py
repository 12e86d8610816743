"""Policy files: which are read, which wins, what is wrong with them and where, and when they are read again."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from intaglio.authz.engine import LOOK_SECONDS, PolicyEngine
from intaglio.authz.files import PolicyFiles
from intaglio.authz.ruleset import PolicyInvalid
from intaglio.authz.settings import PolicySettings
from intaglio.domain.principal import Principal

Write = Callable[[str, str], Path]
ANYBODY = Principal(user_id="u", project_id="p", roles=frozenset({"reader"}))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def made(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return made


@pytest.fixture
def files(tmp_path: Path) -> PolicyFiles:
    return PolicyFiles(
        PolicySettings(
            policy_file=(tmp_path / "first" / "policy.yaml", tmp_path / "policy.yaml"),
            policy_dirs=((tmp_path / "policy.d",), (tmp_path / "more.d",)),
        )
    )


def test_later_files_win(files: PolicyFiles, write: Write) -> None:
    assert not files.rules().written
    file = write("policy.yaml", 'get_image: "role:a"\nadd_image: "role:a"\ndeactivate: role:a\nreactivate: role:a\n')
    write("policy.d/20.yaml", "add_image: role:c\n")
    write("policy.d/10.json", '{"add_image": "role:b", "deactivate": "role:b"}')
    write("policy.d/.hidden.yaml", "broken: [")
    write("more.d/a", "reactivate: role:d")
    (file.parent / "policy.d" / "below").mkdir()
    rules = files.rules()
    assert rules.mistakes == []
    assert {name: rules.effective(name).check for name in rules.written} == {
        "get_image": "role:a",
        "add_image": "role:c",
        "deactivate": "role:b",
        "reactivate": "role:d",
    }
    assert rules.effective("get_image").source == f"{file}:1"
    assert rules.effective("get_images").source == "default"
    write("first/policy.yaml", "get_image: role:e")
    assert files.rules().effective("get_image").check == "role:e", "of several places the first that is there counts"


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}", "---\n{}\n", "---\n"], ids=repr)
def test_a_file_may_say_nothing(files: PolicyFiles, write: Write, text: str) -> None:
    write("policy.yaml", text)
    assert (files.rules().written, files.rules().mistakes) == ({}, [])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [", ":1: The file is not YAML"),
        ("get_image: role:a\n  b: c\n", ":2: The file is not YAML"),
        ("\x00", "The file is not YAML"),
        ("- get_image\n", "A policy file holds lines such as"),
        ("? [a]\n: b\n", ":1: The name of a rule is a text."),
        ("get_image: {role: a}\n", ":1: A rule is a text such as"),
        ("x: y\nget_image: admin\n", ":2: rule 'get_image': 'admin' is no check"),
        (
            "get_image: rule:ownr\nowner: role:a\n",
            ":1: rule 'get_image': it refers to rule:ownr, which is not defined. Did you mean owner?",
        ),
        ("a: rule:b\nb: role:x or not rule:a\n", ":1: rule 'a': it refers to itself: a → b → a."),
        ("a: rule:a\n", ":1: rule 'a': it refers to itself: a → a."),
        ("context_is_admin: rule:get_image\n", ":1: rule 'context_is_admin': it refers to itself"),
        ("get_image: http://opa.example.org/\n", "asks another server"),
    ],
    ids=lambda value: value[:24],
)
def test_errors_name_file_and_line(files: PolicyFiles, write: Write, text: str, says: str) -> None:
    path = write("policy.yaml", text)
    with pytest.raises(PolicyInvalid) as caught:
        PolicyEngine(files=files)
    assert str(path) in str(caught.value)
    assert says in str(caught.value)


def test_files_that_cannot_be_read(files: PolicyFiles, write: Write) -> None:
    path = write("policy.yaml", "")
    path.write_bytes(b'get_image: "\xff"')
    write("policy.d", "")
    assert [str(mistake) for mistake in files.rules().errors] == [
        f"{path}: The file is not UTF-8 text (byte 12).",
        f"{path.parent / 'policy.d'}: The directory cannot be read: Not a directory.",
    ]
    assert files.fingerprint()


def test_warnings(files: PolicyFiles, write: Write) -> None:
    path = write(
        "policy.yaml", "get_imges: role:a\nmine: role:b\nget_image: rule:mine\nget_image: role:c or rule:mine\n"
    )
    rules = files.rules()
    assert rules.errors == []
    assert [str(mistake) for mistake in rules.mistakes] == [
        f"{path}:4: rule 'get_image': it stands in line 3 already; this one counts.",
        f"{path}:1: rule 'get_imges': nothing asks for it: it is no rule of this service. Did you mean get_images?",
    ]


def test_many_rules_that_refer_to_many_are_read_quickly(files: PolicyFiles, write: Write) -> None:
    """No walk over all ways through them: there are more than could be walked."""
    names = [f"r{number}" for number in range(60)]
    text = "".join(
        f"{one}: rule:{two} or rule:{three}\n" for one, two, three in zip(names, names[1:], names[2:], strict=False)
    )
    write("policy.yaml", f"{text}r58: '@'\nr59: '!'\nget_image: rule:r0\n")
    engine = PolicyEngine(files=files)
    assert engine.rules.mistakes == []


class Looks(PolicyFiles):
    """Counts how often the files are looked at, and read."""

    looked = read = 0

    def fingerprint(self) -> tuple[tuple[str, int, int, int], ...]:
        self.looked += 1
        return super().fingerprint()


def test_files_are_looked_at_once_in_a_while_and_never_in_a_decision(
    files: PolicyFiles, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "intaglio")
    watched, now = Looks(files.settings), [100.0]
    engine = PolicyEngine(files=watched, clock=lambda: now[0])
    caller = engine.caller(ANYBODY)
    target = {"project_id": "p"}
    write("policy.yaml", "get_images: '!'\n")
    for _ in range(50):
        engine.caller(ANYBODY)
        assert engine.allows("get_images", caller, target)
    assert watched.looked == 1, "at the start"
    now[0] += LOOK_SECONDS
    for _ in range(50):
        engine.caller(ANYBODY)
        assert not engine.allows("get_images", caller, target)
    assert watched.looked == 2
    assert "1 rules from files are in force" in caplog.text
    write("policy.yaml", "get_images: role:reader and\n")
    caplog.clear()
    for _ in range(3):
        now[0] += LOOK_SECONDS
        engine.caller(ANYBODY)
    assert not engine.allows("get_images", caller, target)
    assert caplog.text.count("does not fit together") == 1, "said once, not with each look"
    assert "stay in force" in caplog.text
    write("policy.yaml", "context_is_admin: role:reader\n")
    now[0] += LOOK_SECONDS
    assert engine.caller(ANYBODY).principal.is_admin
