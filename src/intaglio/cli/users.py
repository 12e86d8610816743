"""`intaglio user`: the local users."""

import getpass
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from intaglio.cli.options import FormatOption
from intaglio.cli.sources import ConfigOptions

if TYPE_CHECKING:
    from intaglio.identity.users import User, UsersFile

app = App(name="user", help="Manage the local users, who log in with HTTP Basic. Changes take effect at once.")


Name = Annotated[str, Parameter(help="The user's name.")]
Project = Annotated[str | None, Parameter(help="The project that owns what the user makes. [default: the user's name]")]
Roles = Annotated[
    list[Literal["admin", "member", "reader"]] | None,
    Parameter(
        name="--role", help="admin, member or reader; may be given several times. [default: member]", negative=""
    ),
]
PasswordStdin = Annotated[
    bool, Parameter(help="Read the password from standard input, one line, instead of asking.", negative="")
]
Generate = Annotated[bool, Parameter(help="Make a random password and print it.", negative="")]
_NOWHERE = ConfigOptions()


@app.command
def add(
    name: Name,
    /,
    *,
    project: Project = None,
    role: Roles = None,
    password_stdin: PasswordStdin = False,
    generate: Generate = False,
    options: ConfigOptions = _NOWHERE,
) -> None:
    """Add a user. The password is asked for, unless it is generated or read from standard input.

    For example:

        intaglio user add ada --project engines --role member

        intaglio user add robot --role reader --generate
    """
    from intaglio.identity import passwords
    from intaglio.identity.users import User, UserExists

    users = _file(options)
    if users.path.exists() and name in users.read():
        raise UserExists(f"The user {name!r} exists already; `intaglio user passwd {name}` sets a new password.")
    password = _password(stdin=password_stdin, generate=generate)
    roles = tuple(role or ["member"])
    hashed = passwords.hash_password(password)
    users.add(User(name=name, password_hash=hashed, project=project or name, roles=roles))
    _done(f"Added {name}: project {project or name}, roles {', '.join(roles)}.", password if generate else None)


@app.command(name="list")
def show(*, options: ConfigOptions = _NOWHERE, format: FormatOption = "table") -> None:  # noqa: A002 - the option's name
    """List the users: name, project and roles. Passwords are not known.

    For example:

        intaglio user list --format json
    """
    users = list(_file(options).read().values())
    if format == "json":
        sys.stdout.write(json.dumps([_plain(user) for user in users], ensure_ascii=False, indent=2) + "\n")
        return
    rows = [("NAME", "PROJECT", "ROLES"), *((user.name, user.project, ",".join(user.roles)) for user in users)]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    for name, project, roles in rows:
        sys.stdout.write(f"{name:{widths[0]}}  {project:{widths[1]}}  {roles}\n")


@app.command
def remove(name: Name, /, *, options: ConfigOptions = _NOWHERE) -> None:
    """Remove a user. Images stay: they belong to the project.

    For example:

        intaglio user remove robot
    """
    _file(options).remove(name)
    _done(f"Removed {name}.")


@app.command(name="set")
def change(name: Name, /, *, project: Project = None, role: Roles = None, options: ConfigOptions = _NOWHERE) -> None:
    """Change a user's project or roles; what is not given stays.

    For example:

        intaglio user set ada --role admin
    """
    roles = tuple(role) if role else None
    user = _file(options).update(name, project=project, roles=roles)
    _done(f"{name} has now the project {user.project} and the roles {', '.join(user.roles)}.")


@app.command
def passwd(
    name: Name,
    /,
    *,
    password_stdin: PasswordStdin = False,
    generate: Generate = False,
    options: ConfigOptions = _NOWHERE,
) -> None:
    """Set a user's password. When clouds.yaml in the data directory logs in as this user, it gets the new one too.

    For example:

        intaglio user passwd admin

        intaglio user passwd admin --generate --data-dir data
    """
    from intaglio.bootstrap.clouds import CloudsFile, Login
    from intaglio.bootstrap.load import load
    from intaglio.identity.users import UserNotFound

    settings = load(options.sources())
    users = _file(options)
    if name not in users.read():
        raise UserNotFound(f"There is no user {name!r} in {users.path}.")
    password = _password(stdin=password_stdin, generate=generate)
    users.update(name, password=password)
    clouds = CloudsFile(Path(settings.serve.data_dir) / "clouds.yaml")
    kept = clouds.change_password(Login(name, password))
    _done(
        f"The password of {name} is changed{f', also in {clouds.path}' if kept else ''}.",
        password if generate else None,
    )


def _file(options: ConfigOptions) -> "UsersFile":
    from intaglio.bootstrap.load import load
    from intaglio.identity.users import UsersFile

    return UsersFile(load(options.sources()).identity.users_file)


def _plain(user: "User") -> dict[str, object]:
    return {"name": user.name, "project": user.project, "roles": list(user.roles)}


def _password(*, stdin: bool, generate: bool) -> str:
    from intaglio.base.errors import Invalid
    from intaglio.identity import passwords

    if generate:
        return passwords.generate()
    if stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise Invalid("There is no terminal to ask for a password on. Use --password-stdin, or --generate.")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise Invalid("The two passwords differ; nothing was changed.")
    return password


def _done(text: str, password: str | None = None) -> None:
    sys.stdout.write(text + "\n")
    if password is not None:
        sys.stdout.write(f"Password: {password}\n")
