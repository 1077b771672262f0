"""The seeds of draws and of trainings, each independent of all others."""

import numpy as np

_TRAINING = 1  # third word of spawn keys (round, slot, word) that seed no draw
_CONFIRM_ROUND = 2**31  # above the number of rounds of any search
_RERUN_ROUND = _CONFIRM_ROUND + 1


def draw_generator(seed: int, round: int, index: int) -> np.random.Generator:
    """The generator of a slot's draws, in a round from 1 on."""
    # The same generator as `default_rng`'s, without its checks.
    sequence = np.random.SeedSequence(seed, spawn_key=(round, index))
    return np.random.Generator(np.random.PCG64(sequence))


def training_seed(seed: int, round: int, index: int) -> int:
    """The seed of a draw's training, independent of those of its proposal."""
    return _seed(seed, (round, index, _TRAINING))


def confirm_seed(seed: int, repeat: int) -> int:
    """The seed of a confirmation; all candidates share it, which pairs the comparison."""
    return _seed(seed, (_CONFIRM_ROUND, repeat, _TRAINING))


def rerun_seed(seed: int, parent: int, repeat: int) -> int:
    """The seed of rerun number `repeat`, from 0, of a trial."""
    return _seed(seed, (_RERUN_ROUND, parent, repeat))


def _seed(seed: int, key: tuple[int, ...]) -> int:
    return int(np.random.SeedSequence(seed, spawn_key=key).generate_state(1, np.uint32)[0])
