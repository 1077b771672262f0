"""What a package calls a trial, found again by the trial's parameters."""

from collections import defaultdict
from typing import Generic, TypeVar

from . import Params

T = TypeVar("T")


class Pending(Generic[T]):
    """Trials that were asked for and not told. Of equal ones the oldest is told first."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[T]] = defaultdict(list)

    def put(self, params: Params, handle: T) -> None:
        self._waiting[_key(params)].append(handle)

    def take(self, params: Params) -> T:
        return self._waiting[_key(params)].pop(0)


def _key(params: Params) -> str:
    return repr(sorted(params.items()))
