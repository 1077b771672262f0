"""`hpsearch report`: what it writes, and what it never writes over."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from reported import hpsearch

NAMES = {"tightening", "progress", "curves", "seeds", "parallel", "importance"}


def test_a_page_goes_into_the_run_folder_and_replaces_its_former_self(told_copy: Path) -> None:
    done = hpsearch("report", "runs/told", cwd=told_copy)
    assert (done.returncode, done.stdout, done.stderr) == (0, "runs/told/report.html\n", "")
    page = told_copy / "runs/told/report.html"
    first = page.stat().st_ino
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert hpsearch("report", "runs/told", cwd=told_copy).returncode == 0
    assert page.stat().st_ino != first


@pytest.mark.parametrize("name", ["report.html", "report.md"])
def test_somebody_elses_file_stays_unless_forced(told_copy: Path, name: str) -> None:
    mine = told_copy / name
    mine.write_text("<html>mine</html>")
    done = hpsearch("report", "runs/told", "--output", name, cwd=told_copy)
    assert done.returncode == 2
    assert done.stderr == (
        f"hpsearch: {name}: is there already and was not written by hpsearch; choose another "
        "name, or replace it with --force\n"
    )
    assert mine.read_text() == "<html>mine</html>"
    assert hpsearch("report", "runs/told", "-o", name, "--force", cwd=told_copy).returncode == 0
    assert "mine" not in mine.read_text()


def test_markdown_has_its_figures_beside_it(told_copy: Path) -> None:
    done = hpsearch("report", "runs/told", "--format", "md", cwd=told_copy)
    assert (done.returncode, done.stdout) == (0, "runs/told/report.md\n")
    folder = told_copy / "runs/told"
    text = (folder / "report.md").read_text()
    assert {path.stem for path in (folder / "report-figures").glob("*.svg")} == NAMES
    assert all(f"](report-figures/{name}.svg)" in text for name in NAMES)
    assert (
        hpsearch("report", "runs/told", "-o", "runs/told/report.md", cwd=told_copy).returncode == 0
    )


@pytest.mark.parametrize(
    ("kind", "begins"), [("svg", b"<svg"), ("png", b"\x89PNG"), ("pdf", b"%PDF")]
)
def test_plots_for_a_paper_are_written_again_but_never_over_others(
    told_copy: Path, kind: str, begins: bytes
) -> None:
    command = ("report", "runs/told", "--plots", "paper/fig", "--plot-format", kind)
    for _ in range(2):
        assert hpsearch(*command, cwd=told_copy).returncode == 0
    found = sorted((told_copy / "paper/fig").iterdir())
    assert {path.name for path in found} == {f"{name}.{kind}" for name in NAMES}
    assert all(path.read_bytes().lstrip().startswith((begins, b"<?xml")) for path in found)
    if kind == "png":
        with Image.open(found[0]) as image:
            assert image.width > 1000
    found[0].write_bytes(b"mine")
    assert hpsearch(*command, cwd=told_copy).returncode == 2
    assert found[0].read_bytes() == b"mine"


def test_a_place_that_cannot_be_written_is_one_message(told_copy: Path) -> None:
    done = hpsearch("report", "runs/told", "-o", "no/such/report.html", cwd=told_copy)
    assert done.returncode == 2
    assert done.stderr == (
        "hpsearch: no/such/report.html: cannot be written: No such file or directory; choose "
        "another place with --output\n"
    )
    done = hpsearch("report", "runs/told", "-o", "runs", cwd=told_copy)
    assert done.stderr == "hpsearch: runs: is a folder; name a file in it\n"
    done = hpsearch("report", "runs/nothing", cwd=told_copy)
    assert "runs/nothing: no such run folder" in done.stderr


@pytest.mark.parametrize("missing", ["jinja2", "matplotlib"])
def test_a_missing_package_is_one_message_that_names_the_extra(told: Path, missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None; sys.argv[1:] = ['report', {str(told)!r}]; "
        "from hpsearch.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "hpsearch[dashboard]" in done.stderr
    assert not (told / "report.html").exists()
