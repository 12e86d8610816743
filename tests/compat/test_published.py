"""The page of compatibility says what its data say, and the data what the tests, the clients and the list know."""

import pytest

from tests.compat.expectations import failing, not_yet, skips
from tests.compat.page import PAGE, page
from tests.compat.results import DATA, load
from tests.compat.verbs import verbs

AGAIN = "run `python -m tests.compat.publish` again"


def test_the_page_is_what_its_data_say() -> None:
    assert PAGE.read_text() == page(load()), AGAIN


@pytest.mark.real
def test_every_verb_of_the_clients_is_there() -> None:
    """A new release of a client with a new verb is noticed here."""
    published = load().clients
    assert {client: set(known) for client, known in published.items()} == {
        client: set(known) for client, known in verbs().items()
    }, AGAIN


def test_what_does_not_work_is_what_the_list_says() -> None:
    published = {
        f"{client} {verb}": found.reason
        for client, known in load().clients.items()
        for verb, found in known.items()
        if not found.tests
    }
    assert published == dict(not_yet()), AGAIN


def test_tempest_is_as_the_list_says() -> None:
    groups = load().groups
    failed = {f"{name}.{test}": reason for name, group in groups.items() for test, reason in group.failed.items()}
    assert failed == dict(failing()), AGAIN
    assert {reason for group in groups.values() for reason in group.skipped} == set(skips()), AGAIN


def test_the_data_are_there() -> None:
    assert sum(group.passed for group in load(DATA).groups.values()) > 250
