"""examples/draw_digit/as_mnist.py: whatever is drawn, the network gets what MNIST's makers made."""

import doctest

import numpy as np
import pytest
from draw_digit import as_mnist as module
from draw_digit.as_mnist import BOX, MIDDLE, SIDE, as_mnist, centre_of_mass, shrink
from drawn_digits import DIGITS, ink, strokes
from hypothesis import given
from hypothesis import strategies as st

from numcnn.datasets import mnist


@st.composite
def drawings(draw, largest=60):
    """Blots of ink on paper of any size, with some ink."""
    h, w = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    drawing = np.where(rng.random((h, w)) < draw(st.sampled_from([0.02, 0.3, 1.0])), 1.0, 0.0)
    drawing *= rng.random((h, w)) if draw(st.booleans()) else 1.0
    drawing[rng.integers(h), rng.integers(w)] = 1.0
    return drawing


def test_the_examples_in_the_docstrings():
    assert doctest.testmod(module) == (0, 10)


def test_an_image_of_mnist_comes_back_as_it_was():
    # Enlarged tenfold an image goes through cropping, scaling and centring, and is itself again.
    _, (images, _) = mnist.load_sample()
    for image in images[:300]:
        prepared = as_mnist(np.kron(image, np.ones((10, 10), "uint8")))
        assert prepared is not None
        assert np.abs(prepared.image - image / 255).max() < 1e-9


@given(drawing=drawings(), down=st.integers(0, 50), right=st.integers(0, 50))
def test_where_one_draws_does_not_matter(drawing, down, right):
    h, w = drawing.shape
    moved = np.zeros((h + 50, w + 50))
    moved[down : down + h, right : right + w] = drawing
    here, there = as_mnist(drawing), as_mnist(moved)
    assert there.crop[0] - here.crop[0] == down
    assert there.crop[1] - here.crop[1] == right
    assert np.array_equal(here.image, there.image)
    assert np.array_equal(here.scaled, there.scaled)


@given(drawing=drawings())
def test_the_longer_side_is_20_and_the_proportions_are_kept(drawing):
    prepared = as_mnist(drawing)
    *_, h, w = prepared.crop
    assert max(prepared.scaled.shape) == BOX
    expected = [BOX * side / max(h, w) for side in (h, w)]
    assert all(0 <= a - b < 1 for a, b in zip(prepared.scaled.shape, expected, strict=True))


@given(drawing=drawings())
def test_the_centre_of_mass_comes_to_the_middle(drawing):
    prepared = as_mnist(drawing)
    assert prepared.mass == pytest.approx(centre_of_mass(prepared.image))
    for mass, begin, length in zip(
        prepared.mass, prepared.place, prepared.scaled.shape, strict=True
    ):
        at_the_border = begin == 0 or begin + length == SIDE
        assert abs(mass - MIDDLE) <= 0.5 + 1e-9 or at_the_border
        assert (begin == 0) or (mass <= MIDDLE + 0.5 + 1e-9)
        assert (begin + length == SIDE) or (mass >= MIDDLE - 0.5 - 1e-9)


@given(drawing=drawings())
def test_ink_is_bounded_and_none_is_lost(drawing):
    prepared = as_mnist(drawing)
    assert prepared.image.shape == (SIDE, SIDE)
    assert prepared.image.min() >= 0
    assert prepared.image.max() <= 1
    scale = BOX / max(prepared.crop[2:])
    assert prepared.image.sum() == pytest.approx(drawing.sum() * scale**2)
    assert prepared.scaled.sum() == pytest.approx(prepared.image.sum())


@given(drawing=drawings(largest=20), factor=st.integers(2, 6))
def test_how_large_one_draws_does_not_matter(drawing, factor):
    large = np.kron(drawing, np.ones((factor, factor)))
    assert as_mnist(large).image == pytest.approx(as_mnist(drawing).image)


@given(n=st.integers(1, 60))
def test_scaling_is_the_average_of_what_a_pixel_covers(n):
    # The oracle cuts each old pixel into 20 x 20 parts and each new one into n x n: the same ones.
    square = np.random.default_rng(n).random((n, n))
    parts = np.kron(square, np.ones((BOX, BOX))).reshape(BOX, n, BOX, n)
    assert shrink(square) == pytest.approx(parts.mean(axis=(1, 3)))


@pytest.mark.parametrize(
    "empty", [np.zeros((280, 280), "uint8"), np.zeros((0, 5)), np.zeros((3, 3))]
)
def test_an_empty_drawing_is_nothing(empty):
    assert as_mnist(empty) is None


def test_a_dot_and_a_line():
    dot = np.zeros((280, 280), "uint8")
    dot[279, 0] = 255
    assert as_mnist(dot).image.sum() == pytest.approx(BOX * BOX)
    line = np.zeros((280, 280), "uint8")
    line[:, 3] = 255
    prepared = as_mnist(line)
    assert prepared.scaled.shape == (BOX, 1)
    assert prepared.image.sum() == pytest.approx(BOX * BOX / 280)


@pytest.mark.parametrize("turn", range(4))
def test_a_blot_with_a_long_tail_stops_at_the_border(turn):
    drawn = np.zeros((240, 80))
    drawn[:80] = 1
    drawn[:, 40] = 1
    drawn = np.rot90(drawn, turn)
    prepared = as_mnist(drawn)
    assert (SIDE - BOX, 0)[turn // 2] == prepared.place[turn % 2]
    assert prepared.image.sum() == pytest.approx(drawn.sum() / 12**2)


@pytest.mark.parametrize("kind", ["uint8", "float32", "float64"])
def test_bytes_and_fractions_are_the_same_ink(kind):
    drawn = np.zeros((30, 30), kind)
    drawn[3:9, 4:20] = 255 if kind == "uint8" else 1
    expected = np.zeros((30, 30))
    expected[3:9, 4:20] = 1
    assert np.array_equal(as_mnist(drawn).image, as_mnist(expected).image)


@pytest.mark.parametrize(
    ("drawing", "message"),
    [
        (np.zeros(784), r"an array \(H, W\)"),
        (np.zeros((1, 28, 28)), r"an array \(H, W\)"),
        (np.array([["a"]]), "of numbers"),
        (np.full((2, 2), np.nan), r"from 0 \(paper\) to 1"),
        (np.full((2, 2), 1.5), r"from 0 \(paper\) to 1"),
        (np.full((2, 2), -0.5), r"from 0 \(paper\) to 1"),
    ],
)
def test_what_is_no_drawing(drawing, message):
    with pytest.raises(ValueError, match=message):
        as_mnist(drawing)


def test_drawn_digits_look_like_mnist():
    # Not only in place and size: as much ink as MNIST's digits have, whose 1 % and 99 % are these.
    _, (images, _) = mnist.load_sample()
    least, most = np.percentile(images.sum(axis=(1, 2)) / 255, [1, 99])
    for path in DIGITS.values():
        drawn = as_mnist(ink([stroke / 2 for stroke in strokes(path, seed=1)], width=11, side=140))
        assert least < drawn.image.sum() < most
