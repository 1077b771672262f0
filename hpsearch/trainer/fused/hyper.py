"""What the loss of a fused group sees of its trials' hyperparameters."""

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
    """As `HP`, but what differs between the trials of a group is a tensor.

    Args:
        plain: what all trials share.
        numbers: of one trial, tensors without dimensions (or what vmap makes of a stack of them).
        choices: possible values of the choices that may differ; the trial's own is numbers[name],
            its position among them.
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
        """As `HP.pick`; every possible choice is evaluated, and each trial takes its own."""
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
        """As `HP.among`, where all trials of the group agree on the answer."""
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
    """What differs between trials, as one tensor [members] a hyperparameter.

    A conditional number that is inactive in a trial and has no default there is 1: nothing that
    the trial is given may depend on it.
    """
    numbers = {}
    for name, choices in shape.varying.items():
        values = [hp.get(name) for hp in hps]
        if choices is not None:
            numbers[name] = torch.tensor([_position(choices, value) for value in values])
            continue
        kinds = {type(value) for value in values} - {type(None)}
        filled = [1 if value is None else value for value in values]
        whole = bool(kinds) and kinds <= {int, bool}
        numbers[name] = torch.tensor(filled, dtype=None if whole else dtype)
    return numbers


def _position(choices: Sequence[Scalar], value: Any) -> int:
    return choices.index(value) if value in choices else 0
