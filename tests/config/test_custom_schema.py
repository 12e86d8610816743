"""The operator's schema-image.json: found beside the configuration, in both forms, and refused where it is wrong."""

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from intaglio.bootstrap.custom_schema import custom_properties
from intaglio.bootstrap.load import load
from intaglio.bootstrap.problems import ConfigInvalid
from intaglio.bootstrap.sources import Sources
from intaglio.services.settings import CustomSchema
from tests.config.conftest import Write

Make = Callable[..., Sources]
DISTRO = {"os_distro": {"type": "string", "enum": ["debian"]}}


@pytest.mark.parametrize(
    ("document", "required"),
    [
        (DISTRO, ()),
        ({"properties": DISTRO}, ()),
        ({"properties": DISTRO, "required": ["name", "os_distro"]}, ("name", "os_distro")),
    ],
    ids=["flat", "nested", "required"],
)
def test_both_forms(write: Write, sources: Make, document: object, required: tuple[str, ...]) -> None:
    write(json.dumps(document), "schema-image.json")
    schema = load(sources(write("[DEFAULT]\n"))).custom_schema
    assert schema == CustomSchema(properties=DISTRO, required=required)
    custom = custom_properties(schema)
    assert custom.complaint("os_distro", "debian") is None
    assert '["debian"]' in str(custom.complaint("os_distro", "plan9"))


def test_without_a_file_there_is_none(write: Write, sources: Make) -> None:
    assert load(sources(write("[DEFAULT]\n"))).custom_schema == CustomSchema()
    assert not custom_properties(CustomSchema()).schemas


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cannot be read"),
        ("[]", "no map from property names"),
        ('{"p": 5}', "no map from property names"),
        ('{"name": {"type": "string"}}', "'name' is a field of every image"),
        ('{"stores": {}}', "'stores' is a field"),
        ('{"p": {"type": "array"}}', "cannot be of type array"),
        ('{"p": {"type": ["null", "object"]}}', "cannot be of type object"),
        ('{"p": {"type": "text"}}', "cannot be of type text"),
        ('{"p": {"type": "string", "maxLength": "5"}}', "schema of the property 'p'"),
        ('{"p": {"type": "string", "pattern": "("}}', "schema of the property 'p'"),
        ('{"properties": {}, "required": "p"}', "no map"),
    ],
)
def test_refused(write: Write, sources: Make, text: str, words: str) -> None:
    file = write(text, "schema-image.json")
    with pytest.raises(ConfigInvalid) as refusal:
        load(sources(write("[DEFAULT]\n")))
    assert words in str(refusal.value)
    assert str(refusal.value).startswith(f"{file}: ")


def test_the_validator_is_loaded_only_when_it_is_needed() -> None:
    """It takes longer to import than the rest of a start may take."""
    script = "import sys, intaglio.bootstrap.wiring; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "intaglio.bootstrap.custom_schema" in done.stdout.split()
    assert "jsonschema" not in done.stdout.split()
