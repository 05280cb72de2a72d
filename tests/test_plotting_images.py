"""Pictures of images: filters, feature maps, samples."""

import numpy as np
import pytest
from plotted import NAMES, heading
from tidy import assert_tidy

from numcnn import plotting
from numcnn.errors import ShapeError

# filters and feature maps


def test_filters_share_one_scale_with_zero_in_the_middle():
    w = np.random.default_rng(0).normal(size=(3, 5, 1, 20)).astype(np.float32)
    figure = plotting.filters(w)
    tiles = [axes for axes in figure.axes if axes.images]
    assert len(figure.axes) == 21
    most = np.abs(w).max()
    for i, axes in enumerate(tiles[:20]):
        np.testing.assert_allclose(axes.images[0].get_array(), w[:, :, 0, i])
        np.testing.assert_allclose(axes.images[0].get_clim(), (-most, most))
    middle = tiles[0].images[0].cmap(0.5)
    np.testing.assert_allclose(middle, (1, 1, 1, 1), atol=0.01)
    assert heading(figure) == "20 filters of 3 × 5"
    assert [t.get_text() for t in figure.axes[-1].get_yticklabels()][1] == "0"
    assert_tidy(figure)


def test_filters_in_colour_and_of_many_channels():
    w = np.zeros((3, 3, 3, 2))
    w[0, 0, 0, 0], w[0, 0, 1, 0] = 2.0, -2.0
    figure = plotting.filters(w)
    picture = figure.axes[0].images[0].get_array()
    np.testing.assert_allclose(picture[0, 0], (1, 0, 0.5))
    np.testing.assert_allclose(picture[1, 1], 0.5)
    assert_tidy(figure)
    figure = plotting.filters(np.ones((3, 3, 32, 70)))
    assert heading(figure) == "64 of 70 filters of 3 × 3, channel 0 of 32"
    assert len(figure.axes) == 65


def test_filters_of_zeros():
    figure = plotting.filters(np.zeros((3, 3, 1, 1)))
    assert figure.axes[0].images[0].get_clim() == (-1, 1)
    assert heading(figure) == "1 filter of 3 × 3"
    assert_tidy(figure)


@pytest.mark.parametrize("shape", [(3, 3), (3, 3, 1), (3, 3, 1, 0)])
def test_bad_filters(shape):
    with pytest.raises(ShapeError, match=r"w must have the shape \(KH, KW, C, F\)"):
        plotting.filters(np.zeros(shape))


def test_filters_of_a_diverged_model():
    with pytest.raises(ValueError, match="smaller learning rate"):
        plotting.filters(np.full((3, 3, 1, 2), np.nan))


def test_feature_maps():
    maps = np.maximum(np.random.default_rng(0).normal(size=(6, 5, 40)), 0).astype(np.float32)
    maps[:, :, 3] = 0
    figure = plotting.feature_maps(maps)
    assert heading(figure) == "32 of 40 feature maps of 6 × 5, 1 of them zero everywhere"
    assert len(figure.axes) == 33
    assert figure.axes[0].images[0].get_clim()[0] == 0
    assert_tidy(figure)
    assert figure.texts[1].get_text() == "activations on one scale"
    figure = plotting.feature_maps(maps - 1, 3, "After the first layer", "differences")
    assert figure.texts[1].get_text() == "differences"
    low, high = figure.axes[0].images[0].get_clim()
    assert low == -high < 0
    assert heading(figure) == "After the first layer"
    assert_tidy(figure)
    with pytest.raises(ShapeError, match=r"of a batch pass maps\[0\]"):
        plotting.feature_maps(maps[None])


# sample_grid


def test_sample_grid():
    images = np.random.default_rng(0).integers(0, 256, (45, 6, 6), np.uint8)
    figure = plotting.sample_grid(images, np.arange(45) % 10)
    assert heading(figure) == "30 of 45 images"
    assert [axes.get_title() for axes in figure.axes] == [str(k % 10) for k in range(30)]
    assert_tidy(figure)
    figure = plotting.sample_grid(images[:9], np.eye(10)[:9], class_names=NAMES)
    assert [axes.get_title() for axes in figure.axes] == NAMES[:9]
    assert_tidy(figure)
    with pytest.raises(ShapeError, match="images 45, labels 2"):
        plotting.sample_grid(images, [1, 2])


def test_pictures_in_colour_and_of_any_range():
    colour = np.zeros((1, 2, 2, 3), np.uint8)
    colour[..., 1] = 255
    picture = plotting.sample_grid(colour, [0]).axes[0].images[0].get_array()
    np.testing.assert_array_equal(picture[0, 0], (0, 1, 0))
    standardised = np.array([-2.0, 0, 1, 2]).reshape(1, 2, 2)
    picture = plotting.sample_grid(standardised, [0]).axes[0].images[0].get_array()
    np.testing.assert_allclose(np.ravel(picture), [0, 0.5, 0.75, 1])
