"""How a study shows itself as HTML in a notebook; the room `ui` registers the formatter."""

from collections.abc import Callable
from typing import Any

_formatters: list[Callable[[Any], str]] = []


def register_html(formatter: Callable[[Any], str]) -> None:
    """Show every `Result` and `Snapshot` with this formatter from now on."""
    _formatters[:] = [formatter]


def html_of(study: Any) -> str | None:
    """HTML of a `Result` or `Snapshot`; None, for a plain repr, while no formatter is there."""
    return _formatters[0](study) if _formatters else None
