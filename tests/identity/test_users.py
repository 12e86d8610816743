"""The file of users: what is a valid line, what a change leaves behind, and two writers at once."""

import multiprocessing
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.identity.passwords import PasswordUnusable, decoy, hash_password, is_hash, matches
from intaglio.identity.roles import with_implied
from intaglio.identity.users import (
    User,
    UserExists,
    UserInvalid,
    UserNotFound,
    UsersFile,
    UsersFileInvalid,
    UsersFileUnreadable,
)

HASH = "$2b$04$zf.fHTaspoxNLrLR3wZbL.f14giQOTSGF/9sRLhkSlytIVD6YOrTC"  # of "secret"


def user(name: str, *roles: str) -> User:
    return User(name=name, password_hash=HASH, project="engines", roles=roles or ("member",))


@pytest.fixture
def users(tmp_path: Path) -> UsersFile:
    return UsersFile(tmp_path / "users")


def test_roles_imply_others() -> None:
    assert with_implied(["admin"]) == {"admin", "member", "reader"}
    assert with_implied(["member"]) == {"member", "reader"}
    assert with_implied(["reader"]) == {"reader"}


def test_add_change_remove(users: UsersFile) -> None:
    users.add(user("ada", "admin"))
    users.add(user("bob", "reader"))
    assert list(users.read()) == ["ada", "bob"]
    assert users.path.stat().st_mode & 0o777 == 0o600
    changed = users.update("bob", roles=("member",), project="wheels")
    assert users.read()["bob"] == changed
    assert changed.password_hash == HASH
    users.remove("ada")
    assert list(users.read()) == ["bob"]
    with pytest.raises(UserExists):
        users.add(user("bob"))
    with pytest.raises(UserNotFound):
        users.remove("ada")
    with pytest.raises(UserNotFound):
        users.update("ada", project="wheels")


def test_comments_and_order_stay(users: UsersFile) -> None:
    lines = ["# ours", f"zoe:{HASH}:p:member", "", "# guests", f"ann:{HASH}:p:reader", f"max:{HASH}:p:reader"]
    users.path.write_text("\n".join(lines) + "\n")
    users.remove("max")
    users.update("zoe", roles=("admin",))
    users.add(user("new"))
    assert users.path.read_text().splitlines() == [
        "# ours", f"zoe:{HASH}:p:admin", "", "# guests", f"ann:{HASH}:p:reader", f"new:{HASH}:engines:member",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ada", "1 fields"),
        (f"ada:{HASH}:p", "3 fields"),
        (f"ada:{HASH}:p:member:x", "5 fields"),
        (f"ada:{HASH}:p:boss", "'boss'"),
        (f"ada:{HASH}:p:", "role"),
        (f":{HASH}:p:member", "user name"),
        (f"ada:{HASH}::member", "project"),
        ("ada:secret:p:member", "bcrypt"),
        ("ada:$2b$99$" + "a" * 53 + ":p:member", "bcrypt"),
        (f"bob:{HASH}:p:member", "twice"),
    ],
)
def test_bad_line_is_named(users: UsersFile, line: str, said: str) -> None:
    users.path.write_text(f"# users\nbob:{HASH}:p:reader\n{line}\n")
    with pytest.raises(UsersFileInvalid, match=rf"{users.path} line 3: .*{said}") as caught:
        users.read()
    assert "secret" not in str(caught.value)
    before = users.path.read_text()
    with pytest.raises(UsersFileInvalid):
        users.add(user("new"))
    assert users.path.read_text() == before


def test_absent_and_binary_files(users: UsersFile) -> None:
    with pytest.raises(UsersFileUnreadable, match="No such file"):
        users.read()
    users.path.write_bytes(b"\xff\xfe")
    with pytest.raises(UsersFileInvalid, match="UTF-8"):
        users.read()


@settings(deadline=None)  # each example waits for the disk
@given(st.text(max_size=12), st.text(max_size=12))
def test_what_is_accepted_is_read_back(name: str, project: str) -> None:

    with tempfile.TemporaryDirectory() as directory:
        users = UsersFile(Path(directory) / "users")
        one = User(name=name, password_hash=HASH, project=project, roles=("member",))
        try:
            users.add(one)
        except UserInvalid:
            assert not users.path.exists()
            return
        assert users.read() == {name: one}


def test_failed_write_leaves_the_old_file(users: UsersFile, monkeypatch: pytest.MonkeyPatch) -> None:
    users.add(user("ada"))
    before = users.path.read_text()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsersFileUnreadable, match="No space left"):
        users.add(user("bob"))
    assert users.path.read_text() == before
    assert sorted(path.name for path in users.path.parent.iterdir()) == [".users.lock", "users"]


def _add_many(path: str, prefix: str) -> None:
    for number in range(20):
        UsersFile(Path(path)).add(user(f"{prefix}{number}"))


def test_two_writers_lose_nothing(users: UsersFile) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_add_many, args=(str(users.path), prefix)) for prefix in ("a", "b")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
        writer.close()
    assert set(users.read()) == {f"{prefix}{number}" for prefix in "ab" for number in range(20)}


def test_passwords() -> None:
    assert matches("secret", HASH)
    assert not matches("Secret", HASH)
    assert not matches("", HASH)
    assert not matches("secret\0", HASH)
    assert is_hash(HASH)
    assert is_hash(HASH.replace("$2b$", "$2y$"))  # as `htpasswd -B` writes it
    assert is_hash(decoy(4))
    assert not matches("secret", decoy(4))
    assert not is_hash("$1$abc$def")


def test_password_is_the_same_however_it_is_typed() -> None:
    assert matches("cafe\u0301", hash_password("caf\u00e9", 4))


def test_length_limit_of_bcrypt_is_told_and_never_cuts() -> None:
    longest = "é" * 36
    hashed = hash_password(longest, 4)
    assert matches(longest, hashed)
    assert not matches(longest + "x", hashed)
    with pytest.raises(PasswordUnusable, match="73 bytes"):
        hash_password("x" * 73, 4)
    with pytest.raises(PasswordUnusable, match="empty"):
        hash_password("", 4)
    with pytest.raises(PasswordUnusable, match="null"):
        hash_password("a\0b", 4)
