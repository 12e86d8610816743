"""The life of images under the manager, on a real service: made, rotated, retired, deleted, and never twice."""

from tests.manager.conftest import Desk, changes, definition


def test_rotation_of_five_builds(desk: Desk) -> None:
    """Three visible, then community, then deletable; each run followed by one that has nothing to do."""
    names = "abcde"
    kept = {"retention": {"visible": 3, "kept": 4}}
    expected = [
        {"X": ("a", "public")},
        {"X": ("b", "public"), "X (a)": ("a", "public")},
        {"X": ("c", "public"), "X (a)": ("a", "public"), "X (b)": ("b", "public")},
        {"X": ("d", "public"), "X (a)": ("a", "community"), "X (b)": ("b", "public"), "X (c)": ("c", "public")},
        {"X": ("e", "public"), "X (b)": ("b", "community"), "X (c)": ("c", "public"), "X (d)": ("d", "public")},
    ]
    ids = {}
    for number, wanted in enumerate(expected, 1):
        desk.write(definition("X", [desk.build(version) for version in names[:number]], **kept))
        if number == 5:
            assert [action.reason for action in desk.plan().actions if action.name == "X (a)"][-1:] == [
                "it may be deleted: retention keeps 4; --delete does"
            ]
        desk.apply(delete=True)
        assert desk.seen() == wanted
        assert changes(desk.plan(delete=True)) == []
        ids |= {
            image.properties["internal_version"]: ids.get(image.properties["internal_version"], image.id)
            for image in desk.images()
        }
        assert all(ids[image.properties["internal_version"]] == image.id for image in desk.images())
