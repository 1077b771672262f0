"""Make the README's pictures of the dashboard, from a real search of studies/digits_gan.yaml.

    python docs/screenshots.py [RUN_FOLDER]

Runs the study in a temporary folder, or takes a run folder that is there, serves it, and takes the
study's and the best trial's pages in Chromium, light and dark.
"""

import io
import shutil
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, Literal

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from hpsearch.controller.start import search
from hpsearch.storage import view
from hpsearch.ui.dashboard.serve import Server
from hpsearch.ui.terminal.progress import PlainLines

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 1280
HEIGHTS = {"study": 1560, "trial": 2240}
Scheme = Literal["light", "dark"]


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        if len(sys.argv) > 1:
            runs = Path(sys.argv[1]).resolve().parent
            name = Path(sys.argv[1]).resolve().name
        else:
            runs, name = Path(temporary) / "runs", "digits-gan"
            search(ROOT / "studies" / "digits_gan.yaml", runs=runs, watch=PlainLines())
        server = Server(runs, port=0)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            take(server.url, runs / name)
        finally:
            server.close()
            thread.join()


def take(url: str, run: Path) -> None:
    winner = view.read_snapshot(run).result.best
    assert winner is not None
    pages = {"study": f"study/{run.name}", "trial": f"study/{run.name}/trial/{winner.number}"}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for page, path in pages.items():
            for scheme in ("light", "dark"):
                picture = shot(browser, url + path, HEIGHTS[page], scheme)
                keep(picture, ROOT / "docs" / f"{page}-{scheme}.png")
        browser.close()


def shot(browser: Browser, url: str, height: int, scheme: Scheme) -> bytes:
    context = browser.new_context(
        viewport={"width": WIDTH, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector(".main-svg", state="attached")
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)  # the last figure is drawn, nothing tells of it
    picture: Any = page.screenshot()
    context.close()
    return bytes(picture)


def keep(picture: bytes, path: Path) -> None:
    """With a palette: a third of the size, and nobody sees the difference."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    print(path, path.stat().st_size // 1000, "kB")


if __name__ == "__main__":
    main()
