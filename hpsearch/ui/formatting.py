"""Numbers, durations and parts of a study in words, the same wherever a person reads them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hpsearch.space import Choice, Int, Logint, Loguniform, Parameter
from hpsearch.study import Command, FileTrainer, Study

# What terminals obey: CSI, OSC (ended by BEL or ST), and the two-character escapes.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def number(value: float | None) -> str:
    """Four significant digits; nothing for None."""
    return "" if value is None else f"{value:.4g}"


def counted(count: int, noun: str) -> str:
    """`1 trial`, `1,200 trials`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listed(words: Iterable[object]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *most, last = [str(word) for word in words] or [""]
    return f"{', '.join(most)} and {last}" if most else last


def duration(seconds: float) -> str:
    """`4.2 s`, `2 min 14 s`, `3 h 05 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours:,} h {minutes:02d} min"


def plain(text: str) -> str:
    """Text from a user's program without what a terminal would obey, overwrite or turn around."""
    lines = _ESCAPES.sub("", text).replace("\r\n", "\n").split("\n")
    # A progress bar draws over its line again and again; the last is what was to be seen.
    seen = [line.rstrip("\r").rpartition("\r")[2] for line in lines]
    return _UNSEEN.sub("", "\n".join(seen))


def params_text(params: Mapping[str, Any]) -> str:
    """`lr=0.0123 loss=wgan`."""
    return " ".join(f"{name}={value_text(value)}" for name, value in params.items())


def value_text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def trainer_text(study: Study) -> str:
    """The study's trainer as its author would name it, without folders."""
    if isinstance(study.trainer, Command):
        return " ".join(study.trainer.argv)
    if isinstance(study.trainer, FileTrainer):
        return f"{study.trainer.path.name}:{study.trainer.name}"
    return f"{study.trainer.module}:{study.trainer.name}"


def domain_text(parameter: Parameter) -> tuple[str, str]:
    """A parameter's scale and range."""
    domain = parameter.domain
    if isinstance(domain, Choice):
        return "choice", ", ".join(str(option) for option in domain.options)
    logarithmic = isinstance(domain, Loguniform | Logint)
    kind = "int" if isinstance(domain, Int | Logint) else "float"
    beyond = f", within {domain.ends[0]:g} .. {domain.ends[1]:g}" if domain.within else ""
    return f"{'log ' * logarithmic}{kind}", f"{domain.low:g} .. {domain.high:g}{beyond}"


def when_text(parameter: Parameter) -> str:
    """The conditions under which a parameter exists; empty for always."""
    return " and ".join(
        f"{condition.parent} = {' or '.join(str(value) for value in condition.values)}"
        for condition in parameter.when
    )


def numbers_text(numbers: Sequence[int], most: int = 12) -> str:
    """Trial numbers, cut to the first few with the count of the rest."""
    shown = " ".join(str(n) for n in numbers[:most])
    rest = len(numbers) - most
    return f"{shown} and {rest:,} more" if rest > 0 else shown
