"""Polygons: shapes by geometry, pictures by Pillow, distances by closed forms."""

import math
import statistics

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import nn

from hpsearch_trainers.known_optimum.polygons import RADII, REACH, Polygons
from hpsearch_trainers.known_optimum.projection import nearest
from polygons_gan import PolygonsGAN, drawn, fidelity, harmonic_mean, manifold, squared_misses

TRIANGLES = Polygons()


def corners_of(of: Polygons, n: int, seed: int = 0) -> np.ndarray:
    return of.corner_points(*of.draw(n, seed)).double().numpy()


def area(corners: np.ndarray) -> np.ndarray:
    """The shoelace formula, [n], positive if anticlockwise."""
    x, y = corners[..., 0], corners[..., 1]
    return 0.5 * (x * np.roll(y, -1, -1) - np.roll(x, -1, -1) * y).sum(-1)


@pytest.mark.parametrize("corners", [3, 4, 7])
def test_a_polygon_is_convex_with_corners_on_a_circle_inside_the_picture(corners):
    of = Polygons(corners=corners, pixels=10)
    points = corners_of(of, 300)
    edges = np.roll(points, -1, axis=1) - points
    following = np.roll(edges, -1, axis=1)
    turns = edges[..., 0] * following[..., 1] - edges[..., 1] * following[..., 0]
    assert (turns > 0).all()
    # Of the circle through three corners, by its perpendicular bisectors.
    a, b, c = points[:, 0], points[:, 1], points[:, 2]
    rows = 2 * np.stack([b - a, c - a], axis=1)
    sums = np.stack([(b**2 - a**2).sum(1), (c**2 - a**2).sum(1)], axis=1)
    centre = np.linalg.solve(rows, sums[..., None])[..., 0]
    radius = np.hypot(*(points - centre[:, None]).transpose(2, 0, 1)) / 10
    assert np.ptp(radius, axis=1).max() < 1e-3
    assert RADII[0] - 1e-3 < radius.min() and radius.max() < RADII[1] + 1e-3
    assert abs(centre / 10 - 0.5).max() < REACH + 1e-3


def test_no_angle_of_a_triangle_is_below_thirty_degrees():
    points = corners_of(TRIANGLES, 500)
    ahead, behind = np.roll(points, -1, axis=1) - points, np.roll(points, 1, axis=1) - points
    cosines = (ahead * behind).sum(2) / np.hypot(*ahead.T).T / np.hypot(*behind.T).T
    angles = np.degrees(np.arccos(cosines))
    assert 30 - 1e-2 < angles.min() < 35 and 110 < angles.max() < 120 + 1e-2
    assert angles.sum(1) == pytest.approx(np.full(500, 180), abs=1e-2)


@pytest.mark.parametrize("corners", [3, 5])
def test_a_picture_is_pillows_polygon(corners):
    """Drawn by Pillow sixteen times as large and averaged."""
    of = Polygons(corners=corners, pixels=24, softness=0.15)
    pictures = of.pictures(8, seed=0).reshape(8, 24, 24).numpy()
    for picture, points in zip(pictures, corners_of(of, 8), strict=True):
        large = Image.new("L", (24 * 16, 24 * 16))
        places = [(16 * x - 0.5, 16 * (24 - y) - 0.5) for x, y in points]
        ImageDraw.Draw(large).polygon(places, fill=255)
        drawn_by_pillow = np.asarray(large).reshape(24, 16, 24, 16).mean((1, 3)) / 255
        assert abs(picture - drawn_by_pillow).mean() < 0.01
        assert picture.sum() == pytest.approx(area(points[None])[0], rel=0.06)


def test_soft_edges_are_a_smooth_manifold_and_sharp_ones_are_not():
    """A shift by h changes a picture by ~h, or by ~√h if not smooth (Donoho & Grimes 2005)."""
    for softness, low, high in [(12.0, 0.9, 1.05), (0.05, 0.4, 0.6)]:
        of = Polygons(pixels=96, softness=softness)
        polygons, bands = of.draw(40, seed=0)
        polygons[:, 0] = 0
        changes = []
        for share in (0.03, 0.12):  # of the band's width
            moved = polygons.clone()
            moved[:, 0] = math.log((0.5 + share) / (0.5 - share))
            change = of.render(moved, bands) - of.render(polygons, bands)
            changes.append(float((change**2).sum(1).sqrt().mean()))
        exponent = math.log(changes[1] / changes[0]) / math.log(4)
        assert low < exponent < high, softness


@pytest.mark.parametrize("pieces", [1, 2, 3])
def test_centres_lie_in_bands_of_equal_width_with_gaps_of_that_width(pieces):
    of = Polygons(corners=60, pixels=1, pieces=pieces)  # of so many corners the mean is the centre
    polygons, bands = of.draw(2000, seed=0)
    polygons[:, 4:] = 0
    centres = of.corner_points(polygons, bands).mean(1)[:, 0].numpy()
    place = (centres - 0.5 + REACH) / (2 * REACH) * (2 * pieces - 1)
    assert set(np.floor(place).astype(int)) == {2 * i for i in range(pieces)}


@pytest.mark.parametrize("of", [TRIANGLES, Polygons(corners=4, pixels=10, softness=0.6, pieces=2)])
def test_a_polygon_lies_on_the_manifold(of):
    away = of.squared_distances(of.pictures(24, seed=9))
    assert float(away.median()) < 1e-6
    assert float((away < 1e-3).double().mean()) > 0.9  # a descent may miss


def test_a_picture_off_the_manifold_along_a_normal_is_so_far_from_it():
    """The tangents are finite differences, the normal is what NumPy's SVD leaves of them."""
    of = Polygons(softness=0.8)
    polygons, bands = of.draw(12, seed=5)
    polygons, bands = polygons.double(), bands.double()
    pictures = of.render(polygons, bands)
    step = 1e-5 * torch.eye(7).double()
    slopes = torch.stack(
        [(of.render(polygons + e, bands) - of.render(polygons - e, bands)) / 2e-5 for e in step], 1
    )
    normals = torch.tensor(np.linalg.svd(slopes.numpy())[2][:, 20])  # the tangents are the first 6
    away = of.squared_distances(pictures + 0.05 * normals)
    assert away.median().item() == pytest.approx(0.05**2, rel=0.02)
    assert float(((away - 0.05**2).abs() < 0.02 * 0.05**2).double().mean()) >= 0.75


def test_grey_and_noise_are_far_from_all_triangles():
    pictures = torch.cat([torch.full((2, 144), 0.5), torch.rand(4, 144)])
    assert float(TRIANGLES.squared_distances(pictures).min()) > 10


def test_the_nearest_point_of_a_linear_map_is_that_of_least_squares():
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(9, 3, generator=generator).double()
    targets = torch.randn(5, 9, generator=generator).double()
    squares, at = nearest(lambda q: q @ matrix.T, targets, torch.zeros(5, 3).double(), 12)
    best, residuals, *_ = np.linalg.lstsq(matrix.numpy(), targets.numpy().T, rcond=None)
    assert at.numpy() == pytest.approx(best.T, abs=1e-6)
    assert squares.numpy() == pytest.approx(residuals, rel=1e-9)


def test_the_nearest_point_of_a_circle_is_towards_the_target():
    targets = torch.tensor([[3.0, 4.0], [0.3, -0.4], [-1.5, 0.0]]).double()
    start = torch.tensor([[0.2], [-0.2], [2.5]]).double()
    squares, at = nearest(lambda t: torch.cat([t.cos(), t.sin()], 1), targets, start, 30)
    assert squares.tolist() == pytest.approx([16, 0.25, 0.25], rel=1e-5)
    assert at[:, 0].tolist() == pytest.approx(
        [math.atan2(4, 3), math.atan2(-4, 3), math.pi], abs=1e-4
    )


def test_a_map_without_a_slope_leaves_the_start_where_it_is():
    squares, at = nearest(lambda q: 0 * q, torch.ones(2, 3), torch.full((2, 3), 5.0), 4)
    assert squares.tolist() == [3, 3] and (at == 5).all()
    squares, at = nearest(lambda q: q / 0.0, torch.ones(2, 3), torch.full((2, 3), 5.0), 4)
    assert (at == 5).all()


class Perfect(nn.Module):
    """A generator whose latents are the numbers of a triangle, at rest in the middle of each."""

    def __init__(self, one_corner: bool = False) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()), requires_grad=False)
        self.one_corner = one_corner

    def forward(self, z):
        z = z * self.scale
        z = (
            torch.cat([z.new_full((*z.shape[:-1], 3), 1.0), z[..., 3:]], -1)
            if self.one_corner
            else z
        )
        return TRIANGLES.render(z, torch.zeros_like(z[..., 0]))


def evaluated(generator, hp):
    settings = hp(PolygonsGAN, z_dim=7, evaluated=24)
    z = torch.randn(1024, 7, generator=torch.Generator().manual_seed(0))
    return fidelity(generator, generator(z), manifold(settings), "valid", settings)


def test_a_generator_of_all_triangles_has_precision_and_recall_of_one(hp):
    found = evaluated(Perfect(), hp)
    assert found["precision"] == 1 and found["recall"] > 0.9 and found["distance"] < 1e-6


def test_a_generator_of_triangles_in_one_place_is_precise_but_recalls_few(hp):
    found = evaluated(Perfect(one_corner=True), hp)
    assert found["precision"] == 1 and found["recall"] < 0.2
    assert found["f1"] == harmonic_mean(1, found["recall"])


def test_an_untrained_generator_has_neither(hp):
    torch.manual_seed(0)
    settings = hp(PolygonsGAN, z_dim=7)
    found = evaluated(PolygonsGAN().build(settings)["generator"], hp)
    assert found["f1"] == found["precision"] == found["recall"] == 0


def test_what_a_linear_generator_misses_is_what_least_squares_leaves():
    torch.manual_seed(0)
    generator = nn.Linear(4, 144)
    z, wanted = torch.randn(50, 4), drawn(TRIANGLES, "valid", 6)
    missed = squared_misses(generator, wanted, z, generator(z).detach())
    weight, bias = (p.detach().double().numpy() for p in generator.parameters())
    _, residuals, *_ = np.linalg.lstsq(weight, wanted.numpy().T - bias[:, None], rcond=None)
    assert missed.numpy() == pytest.approx(residuals, rel=1e-4)


def test_f1_is_the_harmonic_mean_of_the_standard_library():
    for a, b in [(2 / 3, 1 / 2), (1.0, 0.1), (0.4, 0.4), (0.0, 1.0)]:
        assert harmonic_mean(a, b) == pytest.approx(statistics.harmonic_mean([a, b]))
    assert harmonic_mean(0, 0) == 0
