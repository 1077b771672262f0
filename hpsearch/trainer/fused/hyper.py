"""Hyperparameters of a fused group's trials, as its loss reads them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from hpsearch.errors import TrainerError
from hpsearch.method import Shape
from hpsearch.space import Scalar
from hpsearch.trainer.run import HP

T = TypeVar("T")


class GroupHP(HP):
    """Like `HP`, but numbers that differ between the trials of a group are tensors.

    Args:
        numbers: those of one trial that may differ, as tensors without dimensions (under vmap).
        choices: possible values of the choices that may differ; numbers[name] is the trial's
            position among them.
    """

    def __init__(
        self,
        plain: Mapping[str, Any],
        numbers: Mapping[str, Tensor],
        choices: Mapping[str, Sequence[Scalar]],
    ) -> None:
        super().__init__({**plain, **{k: v for k, v in numbers.items() if k not in choices}})
        self._positions = {name: numbers[name] for name in choices}
        self._choices = choices

    def __getattr__(self, name: str) -> Any:
        self._refuse(name)
        return super().__getattr__(name)

    def __getitem__(self, name: str) -> Any:
        self._refuse(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        return name in self._values or name in self._choices

    def pick(self, name: str, of: Mapping[str, Callable[[], T]]) -> T:
        """Like `HP.pick`; all possible choices are evaluated, and each trial takes its own."""
        if name not in self._choices:
            return super().pick(name, of)
        missing = [str(choice) for choice in self._choices[name] if choice not in of]
        if missing:
            raise TrainerError(
                f"hp.pick({name!r}): no entry for {', '.join(missing)} (has: {', '.join(of)})"
            )
        result, *others = [cast(Any, of[str(choice)]()) for choice in self._choices[name]]
        for i, other in enumerate(others, 1):
            result = torch.where(self._positions[name] == i, other, result)
        return cast(T, result)

    def among(self, name: str, *choices: str) -> bool:
        """Like `HP.among`; all possible choices must give the same answer."""
        if name not in self._choices:
            return super().among(name, *choices)
        answers = {choice in choices for choice in self._choices[name]}
        if len(answers) == 1:
            return answers.pop()
        raise TrainerError(
            f"hp.among({name!r}, ...): the trials of a group may differ in it "
            f"({', '.join(map(str, self._choices[name]))}); use hp.pick, or name {name} in "
            "structure"
        )

    def _refuse(self, name: str) -> None:
        if name in self.__dict__.get("_choices", ()):
            raise TrainerError(
                f"hp.{name} differs between the trials of a fused group; use hp.pick({name!r}, "
                f"{{choice: function, ...}}), or name {name} in structure"
            )


def stacked_numbers(hps: Sequence[HP], shape: Shape, dtype: torch.dtype) -> dict[str, Tensor]:
    """Hyperparameters that differ between trials, as one tensor [members] each.

    A conditional number that is inactive in a trial and has no default is 1, and must not affect
    the trial.
    """
    numbers = {}
    for name, choices in shape.varying.items():
        values = [hp.get(name) for hp in hps]
        if choices is not None:
            numbers[name] = torch.tensor([_position(choices, value) for value in values])
            continue
        types = {type(value) for value in values} - {type(None)}
        filled = [1 if value is None else value for value in values]
        is_integer = bool(types) and types <= {int, bool}
        numbers[name] = torch.tensor(filled, dtype=None if is_integer else dtype)
    return numbers


def _position(choices: Sequence[Scalar], value: Any) -> int:
    return choices.index(value) if value in choices else 0
