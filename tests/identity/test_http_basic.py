"""HTTP Basic: who is let in, how often bcrypt is paid for, and when a change of the file takes effect."""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from intaglio.identity import http_basic, passwords
from intaglio.identity.base import Asked, CredentialsRefused
from intaglio.identity.http_basic import HttpBasic, TooManyChecks
from intaglio.identity.none import NoAuthentication
from intaglio.identity.passwords import hash_password
from intaglio.identity.users import User, UsersFile, UsersFileInvalid, UsersFileUnreadable

pytestmark = pytest.mark.anyio


class Bcrypt:
    """The real check, counted."""

    def __init__(self) -> None:
        self.hashes: list[str] = []

    def __call__(self, password: str, hashed: str) -> bool:
        self.hashes.append(hashed)
        return passwords.matches(password, hashed)


def header(name: str, password: str, scheme: str = "Basic") -> dict[str, str]:
    return {"authorization": f"{scheme} " + base64.b64encode(f"{name}:{password}".encode()).decode()}


@pytest.fixture
def users(tmp_path: Path) -> UsersFile:
    file = UsersFile(tmp_path / "users")
    for name, role in (("ada", "admin"), ("müller", "reader")):
        secret = hash_password(f"{name}: sécret", 5)
        file.add(User(name=name, password_hash=secret, project="engines", roles=(role,)))
    return file


@pytest.fixture
def bcrypt() -> Bcrypt:
    return Bcrypt()


@pytest.fixture
async def basic(users: UsersFile, bcrypt: Bcrypt) -> AsyncIterator[HttpBasic]:
    made = HttpBasic(users, matches=bcrypt)
    yield made
    await made.close()


async def test_right_credentials(basic: HttpBasic) -> None:
    ada = await basic.authenticate(Asked(header("ada", "ada: sécret")))
    assert (ada.user_id, ada.project_id, ada.is_admin) == ("ada", "engines", True)
    assert ada.roles == {"admin", "member", "reader"}
    reader = await basic.authenticate(Asked(header("müller", "müller: sécret", "bAsIc")))
    assert (reader.user_id, reader.is_admin) == ("müller", False)
    assert reader.roles == {"reader"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Basic"},
        {"authorization": "Basic !!!"},
        {"authorization": "Basic " + base64.b64encode(b"ada").decode()},
        {"authorization": "Basic " + base64.b64encode(b"\xff:\xff").decode()},
        {"authorization": "Bearer abc"},
        header("ada", "wrong"),
        header("ada", ""),
        header("", ""),
        header("nobody", "ada: sécret"),
        header("ada", "x" * 100),
    ],
)
async def test_wrong_credentials_are_refused_without_saying_what_was_wrong(
    basic: HttpBasic, headers: dict[str, str]
) -> None:
    with pytest.raises(CredentialsRefused) as caught:
        await basic.authenticate(Asked(headers))
    assert "ada" not in str(caught.value)


async def test_challenge_names_the_encoding(basic: HttpBasic) -> None:
    assert basic.challenge == 'Basic realm="Intaglio", charset="UTF-8"'


async def test_bcrypt_is_paid_once_a_credential(basic: HttpBasic, bcrypt: Bcrypt) -> None:
    right = header("ada", "ada: sécret")
    await asyncio.gather(*(basic.authenticate(Asked(right)) for _ in range(50)))  # at once: one check, fifty answers
    for _ in range(50):
        await basic.authenticate(Asked(right))
    assert len(bcrypt.hashes) == 1


async def test_wrong_passwords_are_never_remembered(basic: HttpBasic, bcrypt: Bcrypt) -> None:
    for _ in range(3):
        with pytest.raises(CredentialsRefused):
            await basic.authenticate(Asked(header("ada", "wrong")))
    assert len(bcrypt.hashes) == 3


async def test_unknown_user_costs_as_much_as_a_known_one(basic: HttpBasic, bcrypt: Bcrypt, users: UsersFile) -> None:
    for name in ("ada", "nobody"):
        with pytest.raises(CredentialsRefused):
            await basic.authenticate(Asked(header(name, "wrong")))
    known, unknown = bcrypt.hashes
    assert known == users.read()["ada"].password_hash
    assert passwords.cost_of(unknown) == passwords.cost_of(known)


async def test_changes_of_the_file_take_effect(basic: HttpBasic, users: UsersFile, bcrypt: Bcrypt) -> None:
    right = header("ada", "ada: sécret")
    await basic.authenticate(Asked(right))
    users.update("ada", roles=("reader",))
    assert (await basic.authenticate(Asked(right))).roles == {"reader"}
    users.update("ada", password="new")
    with pytest.raises(CredentialsRefused):
        await basic.authenticate(Asked(right))
    assert (await basic.authenticate(Asked(header("ada", "new")))).user_id == "ada"
    users.remove("ada")
    with pytest.raises(CredentialsRefused):
        await basic.authenticate(Asked(header("ada", "new")))


async def test_change_that_cannot_be_read_is_told_once_and_locks_nobody_out(
    basic: HttpBasic, users: UsersFile, caplog: pytest.LogCaptureFixture
) -> None:
    right = header("ada", "ada: sécret")
    text = users.path.read_text()
    with caplog.at_level(logging.ERROR):
        users.path.write_text(text + "oops\n")
        for _ in range(3):
            assert (await basic.authenticate(Asked(right))).user_id == "ada"
    [record] = caplog.records
    assert f"{users.path} line 4" in record.getMessage()
    users.path.write_text(text.replace(":admin", ":member"))
    assert not (await basic.authenticate(Asked(right))).is_admin


async def test_file_must_be_readable_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(UsersFileUnreadable):
        HttpBasic(UsersFile(tmp_path / "absent"))
    (tmp_path / "bad").write_text("oops\n")
    with pytest.raises(UsersFileInvalid, match="line 1"):
        HttpBasic(UsersFile(tmp_path / "bad"))


async def test_memory_is_bounded(users: UsersFile, bcrypt: Bcrypt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_basic, "REMEMBERED", 2)
    for number in range(3):
        users.add(User(name=f"u{number}", password_hash=hash_password("x", 4), project="p", roles=("member",)))
    basic = HttpBasic(users, matches=bcrypt)
    for number in (0, 1, 0, 2):  # 1 was used least recently when 2 came
        await basic.authenticate(Asked(header(f"u{number}", "x")))
    assert len(bcrypt.hashes) == 3
    await basic.authenticate(Asked(header("u0", "x")))
    assert len(bcrypt.hashes) == 3
    await basic.authenticate(Asked(header("u1", "x")))
    assert len(bcrypt.hashes) == 4
    await basic.close()


async def test_flood_of_wrong_passwords_is_bounded(basic: HttpBasic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_basic, "WAITING", 4)
    attempts = [basic.authenticate(Asked(header("ada", str(number)))) for number in range(10)]
    results = await asyncio.gather(*attempts, return_exceptions=True)
    kinds = [type(result) for result in results]
    assert kinds.count(CredentialsRefused) == 4
    assert kinds.count(TooManyChecks) == 6


async def test_caller_who_leaves_does_not_take_the_answer_from_others(basic: HttpBasic, bcrypt: Bcrypt) -> None:
    right = header("ada", "ada: sécret")
    first = asyncio.create_task(basic.authenticate(Asked(right)))
    second = asyncio.create_task(basic.authenticate(Asked(right)))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).user_id == "ada"
    assert len(bcrypt.hashes) == 1


async def test_no_authentication_makes_everyone_an_admin() -> None:
    everyone = await NoAuthentication().authenticate(Asked({}))
    assert everyone.is_admin
    assert everyone.roles == {"admin", "member", "reader"}
    assert everyone.project_id == "admin"
