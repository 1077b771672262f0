"""The tournament of a study's checkpoints: a real search, and players with a known outcome."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import skill
from gan import GAN
from hpsearch.errors import HpsearchError
from hpsearch.trainer.run import HP
from hpsearch.trial import Folder, Spec
from points_gan import PointsGAN

TRAINERS = Path(skill.__file__).parent
STUDY = f"""\
study: tiny
trainer: {TRAINERS}/gan.py:GAN
objective: {{minimize: fid}}
search: {{rounds: 1, trials: 3, survivors: 3, seed: 0}}
budget: {{steps: 40}}
confirm: {{top: 0}}
fixed: {{width: 16, depth: 1}}
start:
  - {{lr_g: 0.01, conditional: none, pack: 2}}
  - {{lr_g: 0.01, conditional: acgan}}
  - {{lr_g: 0.01, conditional: projection}}
space:
  lr_g: {{loguniform: [1e-3, 3e-2]}}
  conditional: [none, acgan, projection]
  pack: {{int: [1, 4], when: {{conditional: none}}}}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("skill")
    (folder / "study.yaml").write_text(STUDY)
    subprocess.run(
        [sys.executable, "-m", "hpsearch", "run", folder / "study.yaml", "--runs", folder],
        check=True,
        capture_output=True,
    )
    return folder / "tiny"


@pytest.mark.slow
def test_every_trial_with_a_checkpoint_has_two_ratings(run, capsys, monkeypatch):
    found = skill.rate(run, pictures=200)
    names = {"trial 0", "trial 1", "trial 2"}
    assert set(found.generators) == set(found.discriminators) == names and not found.left_out
    kinds = {name: player.hp.conditional for name, player in found.players.items()}
    assert kinds == {"trial 0": "none", "trial 1": "acgan", "trial 2": "projection"}
    assert set(found.win_rates) == {(g, d) for g in names for d in names}
    assert all(0 <= rate <= 1 for rate in found.win_rates.values())
    points = [rating.points for rating in found.generators.values()]
    assert points == sorted(points, reverse=True)
    # In a full tournament the order of the ratings is that of the mean win rates.
    mean = {g: sum(found.win_rates[g, d] for d in names) for g in names}
    assert list(found.generators) == sorted(names, key=lambda g: -mean[g])
    assert found == skill.rate(run, pictures=200)
    monkeypatch.setattr(sys, "argv", ["skill.py", str(run), "--pictures", "200"])
    assert skill.main() == 0
    assert capsys.readouterr().out == skill.table(found) + "\n"
    assert skill.table(found).splitlines()[1].split()[:3] == [
        next(iter(found.generators)).removeprefix("trial "), "draw", "40",
    ]  # fmt: skip


def test_a_checkpoint_of_another_trainer_is_left_out_with_the_cure(run):
    place = Folder(run / "trials" / "00001").checkpoint
    kept = place.read_bytes()
    state = torch.load(place, weights_only=True)
    del state["nets"]["generator"]["0.0.weight"]
    try:
        torch.save(state, place)
        found = skill.rate(run, pictures=50)
    finally:
        place.write_bytes(kept)
    assert set(found.generators) == {"trial 0", "trial 2"}
    assert found.left_out["trial 1"].startswith(f"{place} does not fit the trainer (Error(s)")
    assert found.left_out["trial 1"].endswith("restore the trainer that it was trained with")
    assert f"left out: trial 1: {place}" in skill.table(found)


def test_a_folder_without_a_study_is_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["skill.py", str(tmp_path / "nothing")])
    assert skill.main() == 2
    assert "no such run folder" in capsys.readouterr().err


class Numbers:
    """Pictures are numbers: real ones 0 to 1, generated ones shifted; a score is 1 - |x - aim|."""

    def generate(self, nets, count, hp):
        return torch.linspace(0, 1, count)[:, None] + hp.shift

    def scores(self, nets, pictures, hp):
        return 1 - (pictures[:, 0] - hp.aim).abs()

    def data(self, hp):
        class Rows:
            train = {"image": torch.linspace(0, 1, 100)[:, None]}

        return Rows


def player(number: int, **hp: float) -> skill.Player:
    spec = Spec(number, 0, number, "draw", {}, (), 1, 10)
    return skill.Player(spec, 10, None, HP(hp), {"net": nn.Identity()})


def hold(trainer, *players):
    return skill._hold(trainer, {p.name: p for p in players}, {}, 100, "runs/x")


def test_the_generator_of_the_real_pictures_is_the_strongest():
    """Against any discriminator it wins half its pairs, one that is far off none."""
    found = hold(Numbers(), player(0, shift=9.0, aim=0.5), player(1, shift=0.0, aim=0.4))
    assert found.win_rates["trial 1", "trial 0"] == pytest.approx(0.5)
    assert found.win_rates["trial 0", "trial 1"] == 0
    assert list(found.generators) == ["trial 1", "trial 0"]
    best, worst = found.generators.values()
    assert best.points - worst.points > 3 * (best.error + worst.error)


def test_a_player_whose_scores_are_not_finite_is_left_out():
    found = hold(
        Numbers(),
        player(0, shift=0.0, aim=0.5),
        player(1, shift=0.1, aim=0.5),
        player(2, shift=float("nan"), aim=0.5),
    )
    assert list(found.generators) == ["trial 0", "trial 1"]
    assert found.left_out == {"trial 2": "its pictures or scores are not finite"}


def test_scores_are_one_number_a_picture_or_a_pack():
    class Packs(Numbers):
        def scores(self, nets, pictures, hp):
            if hp.aim < 0:
                return pictures
            return super().scores(nets, pictures, hp).view(-1, 2).mean(1)

    players = [player(i, shift=0.1 * i, aim=aim) for i, aim in enumerate((0.5, 0.4, -1.0))]
    found = hold(Packs(), *players)
    assert set(found.generators) == {"trial 0", "trial 1"}
    assert "ValueError: 100 pictures have scores [100, 1], not [n]" in found.left_out["trial 2"]


def test_a_trainer_whose_networks_cannot_be_called_is_told_what_it_lacks():
    class Other:
        def inputs(self, hp):
            return {}

    with pytest.raises(HpsearchError) as error:
        hold(Other(), player(0), player(1))
    assert "runs/x: a tournament needs checkpoints of 2 trials, found 0" in str(error.value)
    assert "give the trainer generate(nets, count, hp) and scores(nets, pictures, hp)" in str(
        error.value
    )


def built(hp, **changed):
    """Hyperparameters of a GAN and its networks."""
    torch.manual_seed(0)
    settings = hp(GAN, width=8, z_dim=3, depth=1, **changed)
    return settings, GAN().build(settings)


def test_a_pack_has_one_score(hp):
    settings, nets = built(hp, pack=3)
    pictures = torch.randn(7, 1, 8, 8)
    flat = nets["discriminator"](pictures[:6].reshape(2, 3, 8, 8))  # the seventh is left out
    assert torch.equal(GAN().scores(nets, pictures, settings), flat[:, 0])


def test_an_auxiliary_classifier_is_not_asked_for_the_kind(hp):
    settings, nets = built(hp, conditional="acgan")
    pictures = torch.randn(4, 1, 8, 8)
    said = nets["discriminator"](pictures)
    assert said.shape == (4, 11)
    assert torch.equal(GAN().scores(nets, pictures, settings), said[:, 0])


def test_a_projection_discriminator_scores_the_kind_that_fits_best(hp):
    settings, nets = built(hp, conditional="projection")
    critic, pictures = nets["discriminator"], torch.randn(5, 1, 8, 8)
    features = critic.body(pictures)
    of_kinds = features @ critic.of_kinds.weight.T  # [pictures, kinds]
    by_hand = (features @ critic.score.weight.T + critic.score.bias)[:, 0] + of_kinds.max(1).values
    torch.testing.assert_close(GAN().scores(nets, pictures, settings), by_hand)
    assert len(set(of_kinds.argmax(1).tolist())) > 1


@pytest.mark.parametrize("conditional", ["acgan", "projection"])
def test_a_conditional_generator_is_told_one_kind_after_another(hp, conditional):
    settings, nets = built(hp, conditional=conditional)
    found = GAN().generate(nets, 12, settings)
    z = GAN().inputs(settings)["z"]
    for i in (0, 1, 11):
        kind = F.one_hot(torch.tensor([i % 10]), 10).float()
        torch.testing.assert_close(found[i : i + 1], nets["generator"](z[i : i + 1], kind))


def test_gans_of_points_meet_before_the_points_of_their_mixture(hp):
    """One puts out all points at a place, the other the mixture's own: the latter is stronger."""

    class Points(PointsGAN):
        def generate(self, nets, count, hp):
            own = self.samples(hp)[-count:]
            return own if hp.width == 8 else torch.zeros_like(own) + 9

    players = []
    for number, width in enumerate((8, 9)):
        settings = hp(PointsGAN, width=width, packing=2)
        torch.manual_seed(number)
        spec = Spec(number, 0, number, "draw", {}, (), 1, 10)
        players.append(skill.Player(spec, 10, None, settings, PointsGAN().build(settings)))
    found = hold(Points(), *players)
    assert not found.left_out
    assert [abs(found.win_rates["trial 0", f"trial {d}"] - 0.5) < 0.2 for d in (0, 1)] == [True] * 2
    assert [abs(found.win_rates["trial 1", f"trial {d}"] - 0.5) for d in (0, 1)] == [0.5] * 2
