"""Every row of the routes table is counted in a class that fits it, and the defaults are those that the page names."""

from pathlib import Path

from intaglio.api.route import Route
from intaglio.api.routes import ROUTES
from intaglio.api.settings import RateClass, Rule
from intaglio.bootstrap.load import load
from intaglio.bootstrap.sources import Sources
from tests.starters.base import ROOT


def test_what_changes_something_is_no_other_call() -> None:
    careless = [
        f"{route.method} {route.path}"
        for route in ROUTES
        if route.method not in {"GET", "HEAD"} and route.rate in {RateClass.OTHER, RateClass.LIST, RateClass.FREE}
    ]
    assert careless == []


def test_data_and_lists_have_their_classes() -> None:
    assert rate("PUT", "/v2/images/{image_id}/file") is RateClass.UPLOAD
    assert rate("GET", "/v2/images") is RateClass.LIST
    assert {route.path for route in ROUTES if route.rate is RateClass.FREE} == {"/healthcheck", "/metrics"}
    imports = [route for route in ROUTES if route.path.endswith("/import") and route.method == "POST"]
    assert all(route.rate is RateClass.IMPORT for route in imports)


def rate(method: str, path: str) -> RateClass:
    def named(route: Route) -> bool:
        return (route.method, route.path) == (method, path)

    return next(route.rate for route in ROUTES if named(route))


def test_imports_are_limited_by_default(tmp_path: Path) -> None:
    rates = load(Sources(overrides={"data_dir": str(tmp_path)})).rates
    assert {name: rules for name, rules in rates.rules.items() if rules} == {
        RateClass.IMPORT: (Rule("project", 600, 3600),)
    }
    assert "`project:600/hour`" in (ROOT / "docs" / "reference" / "configuration.md").read_text()
    assert "rate_limit_import = project:600/hour" in (ROOT / "docs" / "howto" / "limits.md").read_text()


def test_times(tmp_path: Path) -> None:
    (tmp_path / "conf").write_text(
        "[intaglio]\nrate_limit_list = user:5/second,address:7/30 seconds\nrate_limit_import =\n"
    )
    rates = load(Sources(files=(tmp_path / "conf",), overrides={"data_dir": str(tmp_path)})).rates
    assert rates.rules[RateClass.LIST] == (Rule("user", 5, 1), Rule("address", 7, 30))
    assert rates.rules[RateClass.IMPORT] == ()
