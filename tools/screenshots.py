"""Takes the pictures of a report that the documentation shows: light, dark, on a phone and as printed.

Usage: screenshots.py .roo/runs/ID/report.html docs/images

It needs chromium and the extra "browser".
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["main"]

_DRAWN_MS = 1500
_LAPTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 1100}}
_VIEWS: dict[str, dict[str, Any]] = {  # name -> window; "print" is a page of A4 paper
    "light": {**_LAPTOP, "color_scheme": "light"},
    "dark": {**_LAPTOP, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 1.5, "color_scheme": "light"},
    "print": {"viewport": {"width": 794, "height": 1123}, "color_scheme": "light"},
}


def main() -> int:
    """Take them all."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - the rest of the tools do without

    report, folder = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, window in _VIEWS.items():
            _take(browser, report, folder / f"report-{name}.png", window)
        browser.close()
    return 0


def _take(browser: Browser, report: Path, image: Path, window: dict[str, Any]) -> None:
    context = browser.new_context(**window)
    page = context.new_page()
    page.goto(report.as_uri())
    if image.stem.endswith("print"):
        page.emulate_media(media="print")
    page.wait_for_timeout(_DRAWN_MS)
    page.screenshot(path=image)
    context.close()
    print(image)


if __name__ == "__main__":
    sys.exit(main())
