"""How a study shows itself in a notebook: a card without scripts, for Jupyter and VS Code alike."""

import html
from typing import Any

from hpsearch.errors import HpsearchError
from hpsearch.storage import Result, Snapshot, read_snapshot
from hpsearch.ui import figures
from hpsearch.ui.formatting import counted, listed, params_text
from hpsearch.ui.report.content import Block, Code, Document, Drawing, Section, say
from hpsearch.ui.report.html import card
from hpsearch.ui.report.rounds import rounds_table
from hpsearch.ui.report.study import summary

_PARAMETERS = 6  # in the picture; a notebook keeps all that it has shown


def shown(study: Any) -> str:
    """The card of a `Result` or `Snapshot`, or what keeps it from being drawn."""
    try:
        return card(
            _document(study if isinstance(study, Snapshot) else read_snapshot(study.folder))
        )
    except HpsearchError as error:
        result: Result = study.result if isinstance(study, Snapshot) else study
        name, why = html.escape(result.name), html.escape(str(error))
        return f"<p><strong>{name}</strong> cannot be shown: {why}</p>"


def _document(s: Snapshot) -> Document:
    blocks: list[Block] = []
    params = s.result.best.params if s.result.best else None
    if params is not None:
        blocks.append(say(Code(params_text(params))))
    if groups := s.failures():
        reasons = listed(f"{counted(len(t), 'trial')} as {reason}" for reason, t in groups.items())
        blocks.append(say(f"Failed: {reasons}."))
    if s.rounds:
        some = s.space.names[:_PARAMETERS]
        of = f" ({len(some)} of {len(s.space)} parameters)" if len(s.space) > len(some) else ""
        blocks += [
            rounds_table(s),
            Drawing(
                "tightening",
                f"What each round drew from{of}; hpsearch.plots.tightening shows it all.",
                figures.tightening(s, some),
            ),
        ]
    return Document(
        title=s.result.name,
        subtitle=str(s.result.folder),
        summary=tuple(summary(s)),
        sections=(Section("", "study", tuple(blocks)),),
    )
