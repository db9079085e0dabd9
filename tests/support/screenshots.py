"""Take the screenshots of docs/page.md: `python -m tests.support.screenshots`, with SOJOURN_DSN or the embedded server.

They show the demo's workflows, at the width of a desk and of a telephone.
"""

import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page

from application.transition_service import TransitionService
from tests.support.browsers import launched
from tests.support.serving import serving

FOLDER = Path(__file__).parents[2] / "docs" / "page"
WIDTHS = (1400, 390)
HEIGHT = 1000


def main() -> None:
    """Run the demo if the log is empty, and write a picture of each page at each width."""
    with TransitionService.connect() as service:
        if not service.list_workflows(limit=1):
            subprocess.run([sys.executable, "-m", "sojourn", "demo", "--json"], check=True, stdout=subprocess.DEVNULL)
        pages = _choose_pages(service)
    FOLDER.mkdir(exist_ok=True)
    with serving(None) as server, launched() as browser:
        for width in WIDTHS:
            page = browser.new_page(base_url=server.url, viewport={"width": width, "height": HEIGHT})
            for name, path in pages.items():
                _take(page, path, FOLDER / f"{name}-{width}.png")


def _choose_pages(service: TransitionService) -> dict[str, str]:
    last, *others = [row["workflow_id"] for row in service.list_workflows(limit=10) if "demo" in row["workflow_id"]]
    workflow = others[0] if others else last
    attempt = service.failures(workflow)[0]["example"].partition(":")[2]
    return {
        "home": "/",
        "workflow": f"/workflow/{workflow}",
        "lanes": f"/workflow/{workflow}?part=lanes&path=yes",
        "attempt": f"/ti/{attempt}",
        "orphans": "/orphans?handled=yes",
        "compare": f"/compare?a={workflow}&b={last}",
        "lifecycles": "/lifecycles?name=jobmon",
    }


def _take(page: Page, path: str, file: Path) -> None:
    page.goto(path)
    page.wait_for_selector('.live[data-state="live"]')
    if "part=lanes" in path:
        page.wait_for_selector(".lanes-view:visible")
    page.screenshot(path=file)


if __name__ == "__main__":
    main()
