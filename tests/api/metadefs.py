"""What the tests of the metadata definitions share: names nobody else uses, and the shortest ways to definitions."""

from tests.api.wire import Caller, Json, json_of, unique

ROOT = "/v2/metadefs/namespaces"


def property_of(name: str, **fields: object) -> Json:
    """The body that defines a text property."""
    return {"name": name, "title": "A title", "type": "string", **fields}


def define(caller: Caller, **fields: object) -> str:
    """A new namespace of the caller's project; its path."""
    answer = caller.post(ROOT, json={"namespace": unique("ns"), **fields})
    assert answer.status_code == 201, answer.text
    return f"{ROOT}/{json_of(answer)['namespace']}"


def get(caller: Caller, path: str) -> Json:
    """The document at a path."""
    answer = caller.get(path)
    assert answer.status_code == 200, answer.text
    return json_of(answer)
