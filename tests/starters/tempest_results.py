"""Run by Tempest's Python: read the stream of results in the file named, and print every test's as JSON."""

import json
import re
import sys
from pathlib import Path
from typing import Any

from subunit import ByteStreamToStreamResult
from testtools import StreamToDict

OUTCOMES = {"success": "passed", "uxsuccess": "failed", "skip": "skipped", "xfail": "skipped"}


def said(test: dict[str, Any]) -> str:
    """The reason of a skip, or the tracebacks; logs are left out."""
    parts = [text for name, text in test["details"].items() if name == "reason" or name.startswith("traceback")]
    return "\n".join(part.as_text().strip() for part in parts)


def main(path: Path) -> None:
    found: dict[str, dict[str, Any]] = {}
    announced: set[str] = set()

    def keep(test: dict[str, Any]) -> None:
        name = re.sub(r"\[[^]]*\]", "", test["id"])  # ids and attributes of the test, which may change
        if test["status"] == "exists":
            announced.add(name)
            return
        begin, end = test["timestamps"]
        seconds = round((end - begin).total_seconds(), 3) if begin and end else 0.0
        outcome = OUTCOMES.get(test["status"], "failed")
        if name not in found or found[name]["outcome"] == "passed":  # of several reports the worst counts
            found[name] = {"test": name, "outcome": outcome, "seconds": seconds, "said": said(test)}

    stream = StreamToDict(keep)
    stream.startTestRun()
    with path.open("rb") as source:
        ByteStreamToStreamResult(source, non_subunit_name="output").run(stream)
    stream.stopTestRun()
    for name in announced - set(found):
        found[name] = {"test": name, "outcome": "failed", "seconds": 0.0, "said": "It never reported a result."}
        for whole in (f"setUpClass ({name.rpartition('.')[0]})", f"tearDownClass ({name.rpartition('.')[0]})"):
            if whole in found:  # a class that was skipped or broken reports itself, not its tests
                found[name] |= {key: found[whole][key] for key in ("outcome", "said")}
    found = {name: each for name, each in found.items() if each["outcome"] == "failed" or "Class (" not in name}
    json.dump(list(found.values()), sys.stdout)


main(Path(sys.argv[1]))
