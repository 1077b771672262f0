"""`hpsearch.search` and `hpsearch.open`: studies that show themselves in a notebook."""

from typing import Any

from hpsearch.controller import search as search
from hpsearch.storage import read_snapshot as open
from hpsearch.storage import register_html

__all__ = ["open", "search"]


def _html(study: Any) -> str:
    from hpsearch.ui.notebook import shown  # figures and templates, for notebooks only

    return shown(study)


register_html(_html)
