"""Help tests to a browser: the system's Chromium, driven by Playwright."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
ABSENT = (
    "NO BROWSER: the tests of pages in a browser were skipped, because SOJOURN_CHROMIUM is not set and none of "
    f"{', '.join(NAMES)} is on the PATH"
)


def find_chromium() -> str | None:
    """Return the path of Chromium: the one that the environment names, or the one on the PATH."""
    return os.environ.get("SOJOURN_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def launched() -> Iterator[Browser]:
    """Run Chromium for the length of a block, without a sandbox, because root has none."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def note_complaints(page: Page) -> list[str]:
    """Return a list that gets everything that the page complains about: errors, and violations of its policy."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return complaints
