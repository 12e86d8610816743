"""Which files belong to the project, as git sees it: tracked ones, and new ones it does not ignore."""

import functools
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@functools.cache
def files(suffix: str = "") -> tuple[Path, ...]:
    """Paths of the project's files whose names end in `suffix`."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git working tree: which files are the project's is not known")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", f"*{suffix}"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return tuple(path for name in names if name and (path := ROOT / name).is_file())


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))
