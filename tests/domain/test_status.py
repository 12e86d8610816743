"""The status machine, against the table of the Images API written out."""

import pytest

from intaglio.domain.status import Status, StatusConflict, require_transition

TABLE = """
queued          saving uploading importing active deleted
saving          queued active killed deleted
uploading       queued importing deleted
importing       queued uploading active deleted
active          deactivated pending_delete deleted
deactivated     active pending_delete deleted
killed          deleted
pending_delete  active deactivated deleted
deleted
"""


def test_every_pair() -> None:
    allowed = {(row.split()[0], to) for row in TABLE.strip().splitlines() for to in row.split()[1:]}
    for start in Status:
        for end in Status:
            if (start, end) in allowed:
                require_transition(start, end)
            else:
                with pytest.raises(StatusConflict):
                    require_transition(start, end)
