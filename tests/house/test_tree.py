"""Nothing in the tree belongs to one machine: no paths of a workplace, no registries' addresses."""

import re

from tests.house.tree import files, shown

# written in pieces, so that this file does not contain what it looks for
FORBIDDEN = {
    "a path of one machine": rf"(?<![\w.~/-])/(?:{'wo' + 'rk'}|{'ro' + 'ot'})/|(?<![\w./-])/{'tm' + 'p'}/\w",
    "a registry's address": "|".join(
        re.escape(host + end)
        for host, end in (("pypi", ".org"), ("pythonhosted", ".org"), ("npmjs", "."), ("deb.debian", ".org"))
    ),
    "a directory outside the repository": re.escape("../" + "shared"),
}


def faults_in(text: str) -> list[str]:
    return [
        f"{text.count(chr(10), 0, found.start()) + 1}: {what}: {found[0]}"
        for what, pattern in FORBIDDEN.items()
        for found in re.finditer(pattern, text)
    ]


def test_nothing_of_one_machine() -> None:
    faults = []
    for path in files():
        content = path.read_bytes()
        if b"\0" not in content:
            faults += [f"{shown(path)}:{fault}" for fault in faults_in(content.decode())]
    assert not faults, "\n".join(faults)


def test_it_would_be_seen() -> None:
    workplace = "/" + "work/main/x"
    assert faults_in(f"see {workplace}")
    assert faults_in(f"\n'{'/' + 'tmp/x'}'") == [f"2: a path of one machine: {'/' + 'tmp/x'}"]
    assert faults_in("https://py" + "pi.org/simple")
    assert not faults_in("frame/work/x and ./work/x, <tmp>/x")
