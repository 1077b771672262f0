"""Screenshots of the dashboard for README and docs, from a search of studies/digits_gan.yaml.

    python docs/screenshots.py [RUN_FOLDER]

Runs the study in a temporary folder unless a run folder is given, and photographs the pages of the
study and of its winner in Chromium, light and dark.
"""

import io
import shutil
import sys
import tempfile
import threading
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from hpsearch.controller import search
from hpsearch.storage import read_snapshot
from hpsearch.ui.dashboard.serve import Server

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 1280
HEIGHTS = {"study": 1560, "trial": 2240}
Scheme = Literal["light", "dark"]


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        if len(sys.argv) > 1:
            run = Path(sys.argv[1]).resolve()
        else:
            run = Path(temporary) / "runs" / "digits-gan"
            search(ROOT / "studies" / "digits_gan.yaml", runs=run.parent, watch=print)
        server = Server(run.parent, port=0)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            photograph(server.url, run)
        finally:
            server.close()
            thread.join()


def photograph(url: str, run: Path) -> None:
    winner = read_snapshot(run).result.best
    assert winner is not None
    pages = {"study": f"study/{run.name}", "trial": f"study/{run.name}/trial/{winner.number}"}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for page, path in pages.items():
            for scheme in ("light", "dark"):
                picture = screenshot(browser, url + path, HEIGHTS[page], scheme)
                save(picture, ROOT / "docs" / f"{page}-{scheme}.png")
        browser.close()


def screenshot(browser: Browser, url: str, height: int, scheme: Scheme) -> bytes:
    context = browser.new_context(
        viewport={"width": WIDTH, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector(".main-svg", state="attached")
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)  # no event says that the last figure has been drawn
    picture: bytes = page.screenshot()
    context.close()
    return picture


def save(picture: bytes, path: Path) -> None:
    """Save with 256 colours, which takes a third of the size without visible loss."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    print(path, path.stat().st_size // 1000, "kB")


if __name__ == "__main__":
    main()
