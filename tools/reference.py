"""Writes the pages of docs/reference/ that follow from the code; `make docs` runs it."""

from pathlib import Path

from intaglio.api.reference import errors_page, policies_page, routes_page
from intaglio.bootstrap.reference import reference
from intaglio.bootstrap.store_faults import page as store_faults_page
from intaglio.bootstrap.store_reference import stores_page
from intaglio.manager.reference import page as definitions_page

DIRECTORY = Path(__file__).resolve().parent.parent / "docs" / "reference"
PAGES = {
    "api.md": routes_page,
    "configuration.md": reference,
    "definitions.md": definitions_page,
    "errors.md": errors_page,
    "policies.md": policies_page,
    "store-faults.md": store_faults_page,
    "stores.md": stores_page,
}


def main() -> None:
    for name, page in PAGES.items():
        path, text = DIRECTORY / name, page()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"docs/reference/{name} was stale and is written anew: commit it.")


if __name__ == "__main__":
    main()
