"""A shrinking box: what somebody writes in five minutes who has heard of tightening."""

from collections.abc import Sequence

import numpy as np

from . import Optimizer, Params, Setting

ROUND = 25  # trials between two halvings


class Box:
    """Uniform in a box of the unit cube around the best, whose sides halve every 25 trials."""

    def __init__(self, setting: Setting) -> None:
        self._space = setting.space
        self._random = np.random.default_rng(setting.seed)
        self._asked = 0
        self._best: tuple[float, np.ndarray] | None = None
        self._points: list[tuple[Params, np.ndarray]] = []  # pending

    def ask(self, count: int) -> list[Params]:
        return [self._ask() for _ in range(count)]

    def _ask(self) -> Params:
        half = 0.5 ** (1 + self._asked // ROUND)
        self._asked += 1
        low, high = np.zeros(len(self._space)), np.ones(len(self._space))
        if self._best is not None:
            low = np.maximum(low, self._best[1] - half)
            high = np.minimum(high, self._best[1] + half)
        point = self._random.uniform(low, high)
        params = self._space.decode(point.tolist())
        self._points.append((params, point))
        return params

    def tell(self, params: Sequence[Params], values: Sequence[float]) -> None:
        for told, value in zip(params, values, strict=True):
            i = next(i for i, (asked, _) in enumerate(self._points) if asked == told)
            _, point = self._points.pop(i)
            if self._best is None or value < self._best[0]:
                self._best = (value, point)


def make(kind: str, setting: Setting) -> Optimizer:
    return {"box": Box}[kind](setting)
