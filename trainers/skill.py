"""Skill rating of a GAN study: every generator with a checkpoint meets every discriminator.

python trainers/skill.py runs/digits-gan

Olsson et al. 2018: in a match a discriminator scores the pictures of a generator that it was not
trained against, and ratings summarize all matches. No feature extractor is involved, and ratings of
different tournaments cannot be compared. Here they are a Bradley-Terry fit (`metrics/rating.py`).
"""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import hpsearch
from hpsearch import HP
from hpsearch.errors import HpsearchError
from hpsearch.storage import RunFolder, read_launch_record, value_of
from hpsearch.study import Command, load_study
from hpsearch.trainer import load_trainer
from hpsearch.trial import Folder, Spec
from hpsearch_trainers.data.datasets import dataset
from hpsearch_trainers.metrics.rating import Rating, tournament, win_rate

PICTURES = 1000
GAMES = 100  # per match, for the standard errors of the ratings


@dataclass(frozen=True)
class Player:
    """A trial's networks, as its checkpoint has them."""

    spec: Spec
    step: int
    value: float | None  # the study's objective
    hp: HP
    nets: Mapping[str, nn.Module] = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        return f"trial {self.spec.number}"


@dataclass(frozen=True)
class Skill:
    """A tournament's outcome.

    Attributes:
        generators: ratings by player's name, the strongest first.
        discriminators: as generators.
        win_rates: of a generator against a discriminator, by their names.
        left_out: the reason why a trial did not take part, by its name.
    """

    players: Mapping[str, Player]
    generators: Mapping[str, Rating]
    discriminators: Mapping[str, Rating]
    win_rates: Mapping[tuple[str, str], float]
    left_out: Mapping[str, str]


def rate(run: Path | str, pictures: int = PICTURES) -> Skill:
    """Run the tournament of a run folder's checkpoints, on the CPU.

    A trainer needs no change if its networks are "generator", of latents inputs(hp)["z"], and
    "discriminator", whose first output is the score. Any other trainer needs two methods:
    `generate(nets, count, hp)` gives pictures [count, ...] and `scores(nets, pictures, hp)` gives
    [count], or one score per pack of pictures. Real pictures [n, ...] come from its method
    `real(hp)`, else from the validation part of the data set that the hyperparameter "data" names,
    else from the training pictures, which its discriminator has seen.

    Args:
        run: the folder of a study.
        pictures: number of real and of generated pictures per match, at most.

    Raises:
        HpsearchError: no such study, a trainer that is no GAN, or fewer than two players.
    """
    snapshot = hpsearch.open(run)
    launch = read_launch_record(RunFolder(snapshot.result.folder))
    reference = load_study(launch.study, launch.overrides).trainer
    if isinstance(reference, Command):
        raise HpsearchError(f"{run}: its trainer is a command, whose networks cannot be loaded")
    trainer = load_trainer(reference)()
    players: dict[str, Player] = {}
    left_out: dict[str, str] = {}
    for trial in snapshot.result.records:
        folder = snapshot.folder(trial.spec.number)
        if not folder.checkpoint.exists():
            continue
        values = {**trainer.defaults, **snapshot.study.fixed, **trial.spec.params}
        player = _player(trainer, folder, trial.spec, value_of(trial), HP(values))
        if isinstance(player, Player):
            players[player.name] = player
        else:
            left_out[f"trial {trial.spec.number}"] = player
    return _hold(trainer, players, left_out, pictures, str(run))


def _player(trainer: Any, folder: Folder, spec: Spec, value: float | None, hp: HP) -> Player | str:
    """The trial as a player, or the reason why its networks cannot be loaded."""
    state = torch.load(folder.checkpoint, map_location="cpu", weights_only=True)
    try:
        with torch.random.fork_rng(devices=[]):
            nets = trainer.build(hp)
        for name, net in nets.items():
            net.load_state_dict(state["nets"][name])
            net.eval()
    except (KeyError, RuntimeError) as error:
        return (
            f"{folder.checkpoint} does not fit the trainer ({str(error).splitlines()[0]}); restore "
            "the trainer that it was trained with"
        )
    return Player(spec, int(state["step"]), value, hp, nets)


@torch.no_grad()
def _hold(
    trainer: Any, players: dict[str, Player], left_out: dict[str, str], count: int, run: str
) -> Skill:
    generated: dict[str, Tensor] = {}
    scores: dict[str, Tensor] = {}
    for name, player in players.items():
        try:
            pictures = _generate(trainer, player, count)
            real = _real(trainer, player.hp)[:count].reshape(-1, *pictures.shape[1:])
            scores[name] = _scores(trainer, player, real)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            left_out[name] = (
                f"its networks cannot be called ({type(error).__name__}: "
                f"{str(error).splitlines()[0]}); give the trainer generate(nets, count, hp) and "
                "scores(nets, pictures, hp)"
            )
            continue
        if pictures.isfinite().all() and scores[name].isfinite().all():
            generated[name] = pictures
        else:
            left_out[name] = "its pictures or scores are not finite"
    if len(generated) < 2:
        reasons = "; ".join(f"{name}: {why}" for name, why in left_out.items())
        raise HpsearchError(
            f"{run}: a tournament needs checkpoints of 2 trials, found {len(generated)}. Survivors "
            f"and the winner's confirmations keep theirs. {reasons}".rstrip()
        )
    rates = {
        (g, d): win_rate(
            scores[d].double().numpy(), _scores(trainer, players[d], generated[g]).double().numpy()
        )
        for g in generated
        for d in generated
    }
    return Skill(
        {name: players[name] for name in generated}, *tournament(rates, GAMES), rates, left_out
    )


def _generate(trainer: Any, player: Player, count: int) -> Tensor:
    if hasattr(trainer, "generate"):
        pictures: Tensor = trainer.generate(player.nets, count, player.hp)
    else:
        pictures = player.nets["generator"](trainer.inputs(player.hp)["z"][:count])
    return pictures


def _scores(trainer: Any, player: Player, pictures: Tensor) -> Tensor:
    if hasattr(trainer, "scores"):
        scores: Tensor = trainer.scores(player.nets, pictures, player.hp)
    else:
        scores = player.nets["discriminator"](pictures).flatten(1)[:, 0]
    if scores.dim() != 1 or not len(scores):
        raise ValueError(f"{len(pictures)} pictures have scores {list(scores.shape)}, not [n]")
    return scores


def _real(trainer: Any, hp: HP) -> Tensor:
    if hasattr(trainer, "real"):
        images: Tensor = trainer.real(hp)
    elif "data" in hp:
        images = dataset(hp.data, hp.get("data_dir")).part("valid")[0]
    else:
        images = trainer.data(hp).train["image"]
    return images


def table(skill: Skill) -> str:
    """The tournament as text."""
    lines = [f"{'trial':>6} {'role':>9} {'step':>8} {'objective':>10}   generator   discriminator"]
    for name, rating in skill.generators.items():
        player = skill.players[name]
        value = "" if player.value is None else f"{player.value:.4g}"
        lines.append(
            f"{player.spec.number:>6} {player.spec.role:>9} {player.step:>8} {value:>10}   "
            f"{rating!s:<11} {skill.discriminators[name]!s}"
        )
    return "\n".join(lines + [f"left out: {name}: {why}" for name, why in skill.left_out.items()])


def main() -> int:
    parser = argparse.ArgumentParser(description="Skill rating of a GAN study's checkpoints.")
    parser.add_argument("run", type=Path, help="the study's run folder")
    parser.add_argument("--pictures", type=int, default=PICTURES, help="a match (%(default)s)")
    given = parser.parse_args()
    try:
        print(table(rate(given.run, given.pictures)))
    except HpsearchError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
