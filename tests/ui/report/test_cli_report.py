"""`hpsearch report`: what it writes, and what it never writes over."""

import subprocess
import sys
from pathlib import Path

import pytest
import synthetic
from PIL import Image
from reported import hpsearch

from hpsearch.ui import figures
from hpsearch.ui.report import output_paths, pictures
from hpsearch.ui.report.content import Drawing
from hpsearch.ui.report.output_paths import ReportError

NAMES = {"tightening", "progress", "curves", "seeds", "parallel", "importance"}


def test_a_page_goes_into_the_run_folder_and_replaces_its_former_self(told_copy: Path) -> None:
    done = hpsearch("report", "runs/told", cwd=told_copy)
    assert (done.returncode, done.stdout, done.stderr) == (0, "runs/told/report.html\n", "")
    page = told_copy / "runs/told/report.html"
    first = page.stat().st_ino
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert hpsearch("report", "runs/told", cwd=told_copy).returncode == 0
    assert page.stat().st_ino != first


def test_somebody_elses_file_stays_unless_forced(told_copy: Path) -> None:
    mine = told_copy / "mine.html"
    mine.write_text("<html>mine</html>")
    done = hpsearch("report", "runs/told", "--output", "mine.html", cwd=told_copy)
    assert done.returncode == 2
    assert done.stderr == (
        "hpsearch: mine.html: is there already and was not written by hpsearch; choose another "
        "name, or replace it with --force\n"
    )
    assert mine.read_text() == "<html>mine</html>"
    done = hpsearch("report", "runs/told", "-o", "mine.html", "--force", cwd=told_copy)
    assert done.returncode == 0
    assert "mine" not in mine.read_text()


def test_nothing_is_written_beside_markdown_that_is_somebody_elses(told_copy: Path) -> None:
    (told_copy / "mine.md").write_text("# mine")
    assert hpsearch("report", "runs/told", "-o", "mine.md", cwd=told_copy).returncode == 2
    assert (told_copy / "mine.md").read_text() == "# mine"
    assert not (told_copy / "mine-figures").exists()


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


def test_plots_for_a_paper_are_written_beside_the_report(told_copy: Path) -> None:
    command = ("report", "runs/told", "--plots", "paper/fig", "--plot-format", "png")
    done = hpsearch(*command, cwd=told_copy)
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == "runs/told/report.html"
    assert {Path(line).name for line in done.stdout.splitlines()[1:]} == {
        f"{name}.png" for name in NAMES
    }
    with Image.open(told_copy / "paper/fig/tightening.png") as image:
        assert image.width > 1000


@pytest.mark.parametrize("kind", ["svg", "png", "pdf"])
def test_a_plot_replaces_its_former_self_and_nothing_else(tmp_path: Path, kind: str) -> None:
    drawings = [Drawing("progress", "", figures.progress(synthetic.study(count=2)))]
    [path] = pictures.save(drawings, tmp_path / "new", kind, force=False)
    first = path.read_bytes()
    path.write_bytes(first + b"\n")
    pictures.save(drawings, tmp_path / "new", kind, force=False)
    assert path.read_bytes() == first
    path.write_bytes(b"mine")
    with pytest.raises(ReportError, match="was not written by hpsearch"):
        pictures.save(drawings, tmp_path / "new", kind, force=False)
    assert path.read_bytes() == b"mine"


def test_a_place_that_cannot_be_written_is_one_message(told_copy: Path) -> None:
    done = hpsearch("report", "runs/told", "-o", "no/such/report.html", cwd=told_copy)
    assert done.returncode == 2
    assert done.stderr == (
        "hpsearch: no/such/report.html: cannot be written: No such file or directory; choose "
        "another place with --output\n"
    )
    with pytest.raises(ReportError, match="is a folder; name a file in it"):
        output_paths.check_replaceable(told_copy, "mark", force=True)


@pytest.mark.parametrize("missing", ["jinja2", "matplotlib"])
def test_a_missing_package_is_one_message_that_names_the_extra(told: Path, missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None; sys.argv[1:] = ['report', {str(told)!r}]; "
        "from hpsearch.ui import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "hpsearch[dashboard]" in done.stderr
    assert not (told / "report.html").exists()
