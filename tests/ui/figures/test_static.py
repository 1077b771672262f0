"""Static rendering of the figures."""

import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import synthetic
from PIL import Image

from hpsearch.storage.snapshot import Snapshot
from hpsearch.ui import figures
from hpsearch.ui.figures import static


@pytest.fixture(scope="module")
def s() -> Snapshot:
    return synthetic.study(growth=2, metric="loss <1>")


def test_a_static_figure_keeps_its_words_as_text(s: Snapshot) -> None:
    drawn = ElementTree.fromstring(static.svg(figures.progress(s)))
    words = " ".join(drawn.itertext())
    assert drawn.attrib["aria-label"] == "Progress"
    assert "loss <1> (lower is better)" in words
    assert "confirmed, mean ± sd" in words


def test_the_same_figure_gives_the_same_bytes(s: Snapshot, tmp_path: Path) -> None:
    for kind in ("svg", "pdf", "png"):
        static.save(figures.seeds(s), tmp_path / f"a.{kind}")
        static.save(figures.seeds(s), tmp_path / f"b.{kind}")
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_figures_in_one_page_share_only_ids_of_equal_shapes(s: Snapshot) -> None:
    def names(figure: figures.Figure) -> dict[str, str]:
        named = [e for e in ElementTree.fromstring(static.svg(figure)).iter() if "id" in e.attrib]
        return {e.attrib["id"]: ElementTree.tostring(e).decode().strip() for e in named}

    one, other = names(figures.seeds(s)), names(figures.tightening(s))
    assert all(one[name] == other[name] for name in one.keys() & other.keys())


def test_a_static_figure_has_the_size_asked_for(s: Snapshot, tmp_path: Path) -> None:
    static.save(figures.progress(s), tmp_path / "p.png", 4, 3)
    with Image.open(tmp_path / "p.png") as image:
        assert image.size == (800, 600)


def test_another_file_type_is_refused(s: Snapshot, tmp_path: Path) -> None:
    with pytest.raises(static.RenderError, match=r"\.svg, \.pdf or \.png, got \.gif"):
        static.save(figures.progress(s), tmp_path / "p.gif")


@pytest.mark.parametrize(
    ("package", "call"),
    [
        ("matplotlib", "static.svg(figures.compare([]))"),
        ("plotly", "plots.compare([])"),
    ],
)
def test_a_missing_package_is_named_with_its_cure(package: str, call: str) -> None:
    script = f"""
import sys
sys.modules[{package!r}] = None
from hpsearch import errors
from hpsearch.ui import figures, plots
from hpsearch.ui.figures import static
try:
    {call}
except errors.HpsearchError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert f"{package} is not installed" in done.stdout.lower()
    assert 'pip install "hpsearch[dashboard]"' in done.stdout
