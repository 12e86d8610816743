"""Behind Keystone both servers ask who calls, and list the same to the same caller."""

import shutil
from pathlib import Path

import httpx
import pytest
from bench.asking import LIST
from bench.images import page
from bench.seed import empty_database, fill, image_id, public
from bench.servers import Login, Place, glance_server, intaglio_server
from tests.starters.keystone import Keystone

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]

IMAGES = 60


def test_both_list_what_a_member_may_see(identity: Keystone, tmp_path: Path) -> None:
    database = tmp_path / "seeded.sqlite"
    shutil.copyfile(empty_database(tmp_path / "empty"), database)
    fill(database, IMAGES)
    login = Login(identity.section(), identity.token("mia", project="alpha"))
    wanted = [image_id(number) for number in range(IMAGES - 1, -1, -1) if public(number)][:25]
    for start in (intaglio_server, glance_server):
        with start(Place(tmp_path / start.__name__, tmp_path / "store", database, login=login)) as server:
            assert page(server, LIST) == wanted
            assert httpx.get(f"{server.url}/v2/images", timeout=60).status_code == httpx.codes.UNAUTHORIZED
