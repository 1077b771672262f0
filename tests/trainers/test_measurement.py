"""The metrics' front: what a value says of itself, what is refused, and the table."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from hpsearch_trainers.data.datasets import digits
from hpsearch_trainers.metrics import (
    METRICS,
    Measurement,
    Network,
    Pixels,
    Reference,
    UnlikeError,
    compare,
    measure,
    provenance,
)
from hpsearch_trainers.metrics.distances import frechet_distance, moments

CHEAP = [name for name in METRICS if name not in ("ms_ssim", "geometry", "inception")]


def pictures(seed: int, count: int = 60, shift: float = 0.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 1, 2, 3, generator=generator) * 0.3 + shift


def said(value: float, better="small", **changed) -> Measurement:
    fields = {"name": "frechet", "extractor_sha256": "ab", "samples": 10, "settings": {"k": 3}}
    return Measurement(value=value, better=better, **(fields | changed))


def test_the_better_of_two_is_the_smaller_the_larger_or_the_nearer_to_half():
    assert compare(said(1.0), said(2.0)) == 1 and compare(said(2.0), said(1.0)) == -1
    assert compare(said(1.0, "large"), said(2.0, "large")) == -1
    assert compare(said(0.4, "half"), said(0.7, "half")) == 1
    assert compare(said(0.25, "half"), said(0.75, "half")) == 0
    assert said(2.0, "large").better_than(said(1.0, "large"))


def test_the_operators_order_the_values():
    low, high = said(1.0, "large"), said(2.0, "large")
    assert low < high and low <= high and high > low and high >= low
    assert min([high, low], key=lambda j: j.value) is min([high, low]) is low


def test_a_value_that_is_not_a_number_is_the_worst():
    assert compare(said(math.nan), said(1e9)) == -1
    assert compare(said(math.nan, "large"), said(-1e9, "large")) == -1


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        ({"extractor_sha256": "cd"}, "extractor ab and cd"),
        ({"samples": 20}, "samples 10 and 20"),
        ({"settings": {"k": 5}}, "k 3 and 5"),
        ({"settings": {}}, "k 3 and unset"),
        ({"name": "kernel"}, "metric frechet and kernel"),
        ({"samples": 20, "settings": {"k": 5}}, "samples 10 and 20; k 3 and 5"),
    ],
)
def test_unlike_values_are_refused_a_comparison_with_every_difference(changed, difference):
    a, b = said(1.0), said(2.0, **changed)
    for attempt in (lambda: compare(a, b), lambda: a < b, lambda: a >= b, lambda: a.better_than(b)):
        with pytest.raises(UnlikeError) as error:
            attempt()
        assert str(error.value) == (
            f"frechet 1 and {b.name} 2 cannot be compared, they were measured with unlike things: "
            f"{difference}. Measure both again with the same"
        )


def test_provenance_differs_where_a_comparison_is_refused_and_not_with_the_values():
    same = provenance([said(1.0), said(2.0, name="kernel")])
    assert same == provenance([said(5.0, name="kernel"), said(7.0)])
    assert same == {"extractor": "ab", "samples": "10", "judges": same["judges"]}
    for changed in ({"samples": 20}, {"extractor_sha256": "cd"}, {"settings": {"k": 5}}):
        assert provenance([said(1.0, **changed), said(2.0, name="kernel")]) != same


def test_a_value_says_what_it_was_measured_with():
    real, fake = pictures(0), pictures(1, 40)
    found = measure(
        ["frechet", "precision"], real, fake, Pixels(), settings={"precision": {"k": 2}}
    )
    reference = Reference(real, Pixels())
    assert list(found) == ["frechet", "precision"]
    assert found["precision"] == Measurement(
        found["precision"].value,
        "precision",
        "pixels",
        40,
        {"k": 2, "real": reference.sha256, "real_samples": 60},
        "large",
    )
    features = [x.flatten(1).double().numpy() for x in (real, fake)]
    expected = frechet_distance(*moments(features[0]), *moments(features[1]))
    assert found["frechet"].value == pytest.approx(expected)


def test_values_against_other_real_pictures_are_unlike():
    a = measure(["coverage"], pictures(0), pictures(1), Pixels())["coverage"]
    b = measure(["coverage"], pictures(2), pictures(1), Pixels())["coverage"]
    with pytest.raises(UnlikeError, match=r"real [0-9a-f]{16} and [0-9a-f]{16}"):
        compare(a, b)


def test_a_kept_reference_gives_what_the_pictures_give_at_every_call():
    real, reference = pictures(0), Reference(pictures(0), Pixels())
    for seed in (1, 2):
        fake = pictures(seed, shift=0.1)
        assert measure(CHEAP, reference, fake) == measure(CHEAP, real, fake, Pixels())


def test_features_that_a_trainer_has_extracted_are_measured_as_its_pictures():
    fake = pictures(1)
    extracted = fake.flatten(1).double().numpy()
    real = Reference(pictures(0), Pixels())
    assert measure(CHEAP, real, extracted) == measure(CHEAP, real, fake)
    with pytest.raises(ValueError, match="ms_ssim need pictures, and got an array of features"):
        measure(["ms_ssim"], real, extracted)
    with pytest.raises(ValueError, match=r"expected features \[m, 6\] .*, got \[60, 5\]"):
        measure(["frechet"], real, extracted[:, :5])


@pytest.mark.parametrize("name", CHEAP)
def test_every_metric_prefers_pictures_like_the_real_ones(name):
    real = pictures(0)
    near = measure([name], real, pictures(1), Pixels())[name]
    far = measure([name], real, pictures(1, shift=1.0), Pixels())[name]
    assert near.better_than(far)


@pytest.mark.parametrize("name", CHEAP)
def test_generated_pictures_that_are_not_finite_have_a_value_that_is_not_a_number(name):
    fake = pictures(1)
    fake[3, 0, 0, 0] = math.inf
    assert math.isnan(measure([name], pictures(0), fake, Pixels())[name].value)


def test_one_and_the_same_picture_has_finite_values():
    found = measure(CHEAP, pictures(0), pictures(1)[:1].expand(60, -1, -1, -1), Pixels())
    assert all(math.isfinite(measurement.value) for measurement in found.values())


def test_judging_leaves_the_callers_generator_alone():
    before = torch.get_rng_state()
    with torch.no_grad():
        measure(CHEAP, pictures(0), pictures(1), Pixels())
    assert torch.equal(before, torch.get_rng_state())


def test_a_network_is_an_extractor_whose_hash_follows_its_weights():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.Dropout(0.5))
    extract = Network(net, batch=7)
    expected = net[1](pictures(0).flatten(1)).detach().double().numpy()
    np.testing.assert_allclose(extract(pictures(0)), expected, rtol=1e-5)
    assert Network(net).sha256 == extract.sha256
    net[1].bias.data += 1e-3
    assert Network(net).sha256 != extract.sha256


def test_the_inception_score_is_that_of_the_callers_classifier_and_names_it():
    torch.manual_seed(0)
    classifier = Network(nn.Sequential(nn.Flatten(), nn.Linear(6, 3)))
    found = measure(["inception"], pictures(0), pictures(1), Pixels(), classifier)["inception"]
    assert 1 < found.value < 3
    assert found.extractor_sha256 == classifier.sha256 and found.settings == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["fid"], pictures(0), pictures(1), Pixels()), "no metric 'fid' .has: frechet, kernel"),
        ((["frechet"], pictures(0), pictures(1)), "real pictures need an extractor"),
        ((["inception"], pictures(0), pictures(1), Pixels()), "needs a classifier"),
        ((["recall"], pictures(0), pictures(1, 3), Pixels()), "neighbour 3 of 3 samples"),
        (
            (["recall"], pictures(0), pictures(1), Pixels(), None, {"recall": {"q": 1}}),
            "recall: no setting 'q' .has: k.",
        ),
        (
            (["recall"], pictures(0), pictures(1), Pixels(), None, {"density": {"k": 1}}),
            "settings for 'density', which is not named",
        ),
        (
            (["ms_ssim"], pictures(0), pictures(1), Pixels()),
            "pictures of 2x3 pixels are too small for 5 scales",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused_with_the_reason(arguments, message):
    with pytest.raises(ValueError, match=message):
        measure(*arguments)


def test_a_reference_refuses_another_extractor():
    reference = Reference(pictures(0), Pixels())
    with pytest.raises(ValueError, match="was made with extractor pixels, not"):
        measure(["recall"], reference, pictures(1), Network(nn.Flatten()))


def test_the_pages_code_runs_and_its_table_names_every_metric():
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(block, names)
    assert compare(names["after"]["frechet"], names["before"]["frechet"]) in (1, 0, -1)
    assert set(names["evaluation"](digits("test")[0]).metrics) == {"frechet", "precision", "recall"}
    rows = re.findall(r"^\| `(\w+)` \| (small|large|½) \| (.*?) \|", page, re.MULTILINE)
    kinds = {"small": "small", "large": "large", "½": "half"}
    assert {name: kinds[good] for name, good, _ in rows} == {
        n: j.better for n, j in METRICS.items()
    }
    for name, _, looks_at in rows:
        assert looks_at.endswith(METRICS[name].looks_at)
