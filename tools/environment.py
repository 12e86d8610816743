"""Makes `.venv` hold exactly what a level of work needs, and does nothing when it does already.

Standard library only, and quick when there is nothing to do: `make run` passes through here at each start. What is
installed comes from the lock files in `requirements/`, every archive checked against its hash. A level is recorded
only after its last command succeeded; an installation that was interrupted is thrown away by the next call.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".venv"
MADE = HOME / ".made"  # which interpreter, and where; written when the empty environment is complete
UNFINISHED = HOME / ".unfinished"  # exists while packages are being installed
BASE_PYTHON: str = getattr(sys, "_base_executable", sys.executable)  # the one outside any environment

# each level holds what stands in the ones it is satisfied by; `lock` is a tool, Intaglio is not installed for it
SATISFIED_BY = {"base": ("base", "all", "dev"), "all": ("all", "dev"), "dev": ("dev",), "lock": ("lock",)}


def main() -> None:
    if sys.argv[1:] not in [[level] for level in SATISFIED_BY]:
        fail(f"usage: tools/environment {'|'.join(SATISFIED_BY)}")
    level = sys.argv[1]
    if ready(level):
        return
    started = time.monotonic()
    with (ROOT / ".venv.lock").open("w") as lock:  # two makes at once: the second finds the work done
        fcntl.flock(lock, fcntl.LOCK_EX)
        if ready(level):
            return
        if UNFINISHED.exists() or not made():
            make()
        install(level)
    say(f"The environment is ready ({time.monotonic() - started:.0f} s).")


def ready(level: str) -> bool:
    """Whether a finished installation that contains `level` is there, for these very lock files."""
    return made() and not UNFINISHED.exists() and any(read(stamp(other)) == key(other) for other in SATISFIED_BY[level])


def made() -> bool:
    return read(MADE) == identity() and (HOME / "bin" / "python").exists()


def identity() -> str:
    """An environment works only where it was made, and with the interpreter it was made for."""
    return f"{ROOT}\n{os.path.realpath(BASE_PYTHON)}\n{sys.version}\n"


def key(level: str) -> str:
    """Changes with anything that decides what gets installed."""
    digest = hashlib.sha256()
    for path in (*requirements(level), ROOT / "pyproject.toml"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def requirements(level: str) -> list[Path]:
    names = [level] if level == "lock" else [level, "build"]
    return [ROOT / "requirements" / f"{name}.txt" for name in names]


def stamp(level: str) -> Path:
    return HOME / f".ready-{level}"


def read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None


def make() -> None:
    """An empty environment, in place of whatever was there."""
    if subprocess.run([BASE_PYTHON, "-Ic", "import ensurepip, venv"], capture_output=True, check=False).returncode:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        fail(
            f"{BASE_PYTHON} (Python {version}) cannot make a virtual environment: its module venv or ensurepip is"
            f" missing.\nDebian and Ubuntu keep them in a package of their own: sudo apt install python{version}-venv"
        )
    say(f"Making a Python environment in .venv (Python {sys.version.split()[0]}) ...")
    shutil.rmtree(HOME, ignore_errors=True)
    run([BASE_PYTHON, "-I", "-m", "venv", str(HOME)], "making the environment")
    MADE.write_text(identity())


def install(level: str) -> None:
    files = requirements(level)
    count = sum(line[:1].isalnum() for file in files for line in file.read_text().splitlines())
    names = " and ".join(str(file.relative_to(ROOT)) for file in files)
    say(f"Installing up to {count} packages, each checked against its hash in {names} ...")
    UNFINISHED.touch()
    pip("installing the packages", "--require-hashes", *(word for file in files for word in ("-r", str(file))))
    if level != "lock":
        # no isolation: what builds it came from requirements/build.txt with the rest, checked
        itself = ("--no-deps", "--no-build-isolation", "--no-index", "--editable", str(ROOT))
        pip("installing Intaglio itself", *itself)
        # pip compiles what it copies, and an editable package is not copied; -I ignores PYTHONDONTWRITEBYTECODE
        run([str(HOME / "bin" / "python"), "-Im", "compileall", "-q", str(ROOT / "src")], "compiling Intaglio")
    stamp(level).write_text(key(level))
    UNFINISHED.unlink()


def pip(what: str, *arguments: str) -> None:
    quiet = ("-qq", "--disable-pip-version-check", "--no-input")  # errors are shown, advice about pip is not
    run([str(HOME / "bin" / "python"), "-Im", "pip", "install", *quiet, *arguments], what)


def run(command: list[str], what: str) -> None:
    try:
        code = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, cwd=ROOT).returncode
    except KeyboardInterrupt:
        fail(f"Stopped while {what}. Nothing was recorded: the next call starts afresh.")
    if code:
        fail(f"Failed while {what}; the reason stands above. Nothing was recorded: the next call starts afresh.")


def say(text: str) -> None:
    print(text, flush=True)


def fail(text: str) -> NoReturn:
    sys.exit(text)


if __name__ == "__main__":
    main()
