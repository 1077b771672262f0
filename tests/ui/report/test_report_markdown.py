"""Markdown, read back by a reader of Markdown."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from hpsearch.storage import view
from hpsearch.ui.report.content import Code, Document, Listing, Section, Strong, say, table
from hpsearch.ui.report.markdown import markdown
from hpsearch.ui.report.study import report

MARKS = st.text(alphabet="ab1 \\`*_{}[]()<>#+-.!|~&;$=:/\"'é", max_size=24)


def written(*blocks) -> str:
    return markdown(Document("t", "s", (), (Section("x", "x", blocks),)), {})


def shown(text: str) -> list[str]:
    """The words of each inline part, as a reader shows them."""
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    found = []
    for token in tokens:
        if token.type == "inline":
            assert {c.type for c in token.children} <= {
                "text", "text_special", "code_inline", "strong_open", "strong_close", "softbreak",
            }, token.children  # fmt: skip
            found.append("".join(child.content for child in token.children))
        elif token.type == "fence":
            found.append(token.content)
        else:
            assert token.type.split("_")[0] in (
                "heading", "paragraph", "table", "thead", "tbody", "tr", "th", "td", "html",
            ), token  # fmt: skip
    return found[3:]  # past the title, the subtitle and the section's


def squeezed(text: str) -> str:
    return " ".join(text.split())


@given(MARKS)
def test_any_text_means_nothing_but_itself(text: str) -> None:
    expected = [squeezed(text)] if text.strip() else []
    assert [squeezed(t) for t in shown(written(say(text)))] == expected


@given(MARKS, MARKS)
def test_any_name_is_code_and_any_emphasis_is_strong(name: str, text: str) -> None:
    found = shown(written(say("a ", Code(name), " b ", Strong(text), " c")))
    [said] = found
    assert squeezed(said) == squeezed(f"a {name} b {text} c")


@given(MARKS, MARKS)
def test_any_cell_stays_in_its_cell(plain: str, code: str) -> None:
    found = shown(written(table("caption", ("one", "two"), [(plain, Code(code))])))
    assert [squeezed(t) for t in found] == [
        "caption", "one", "two", squeezed(plain), squeezed(code),
    ]  # fmt: skip


@given(st.text(alphabet="`~ab\n#", max_size=40))
def test_any_listing_ends_where_it_ends(text: str) -> None:
    [listing] = shown(written(Listing(text)))
    assert listing == f"{text}\n"


def test_a_whole_report_has_its_sections_and_figures(told: Path) -> None:
    document = report(view.read_snapshot(told))
    pictures = {d.name: Path("figures of mine") / f"{d.name}.svg" for d in document.drawings}
    text = markdown(document, pictures)
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    headings = [t.tag for t in tokens if t.type == "heading_open"]
    assert headings == ["h1"] + ["h2"] * 8
    assert text.count("](figures%20of%20mine/") == 6
    kinds = [t.type for t in tokens] + [c.type for t in tokens for c in t.children or ()]
    assert kinds.count("html_block") == 1  # the mark of its author
    assert "html_inline" not in kinds and "link_open" not in kinds
