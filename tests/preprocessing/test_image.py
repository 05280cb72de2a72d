"""ImageDataGenerator: places looked up by plain loops, batches for training, errors."""

import math
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_nets import CLASSES, cnn, fingerprint, images, weights_hash

import numcnn
from numcnn.callbacks import ModelCheckpoint
from numcnn.errors import DTypeError, ShapeError
from numcnn.models import load_model
from numcnn.preprocessing.image import (
    ImageDataGenerator,
    apply_affine_transform,
    img_to_array,
    random_shift,
)
from numcnn.utils import set_random_seed

X, Y, _ = images(14)
LAST = {"row_axis": 0, "col_axis": 1, "channel_axis": 2}


# places


def pixel(x, i, j, mode, cval):
    """Return a pixel of (H, W), also where there is none."""
    h, w = x.shape
    if mode == "nearest":
        return x[min(max(i, 0), h - 1), min(max(j, 0), w - 1)]
    if mode == "reflect":
        i, j = (k % (2 * n) for k, n in ((i, h), (j, w)))
        return x[min(i, 2 * h - 1 - i), min(j, 2 * w - 1 - j)]
    return x[i, j] if 0 <= i < h and 0 <= j < w else cval


def by_loops(x, shift, mode, cval):
    """Return (H, W) with pixel (r, c) looked up at (r, c) + shift, between four pixels."""
    found = np.empty_like(x)
    for r in range(x.shape[0]):
        for c in range(x.shape[1]):
            p, q = r + shift[0], c + shift[1]
            i, j = math.floor(p), math.floor(q)
            a, b = p - i, q - j
            corners = [(0, 0, (1 - a) * (1 - b)), (0, 1, (1 - a) * b)]
            corners += [(1, 0, a * (1 - b)), (1, 1, a * b)]
            value = sum(w * pixel(x, i + m, j + n, mode, cval) for m, n, w in corners if w)
            inside = 0 <= p <= x.shape[0] - 1 and 0 <= q <= x.shape[1] - 1
            found[r, c] = cval if mode == "constant" and not inside else value
    return found


shifts = st.tuples(*[st.integers(-40, 40).map(lambda n: n / 4)] * 2)


@given(shifts, st.sampled_from(["nearest", "constant", "reflect"]), st.integers(0, 99))
def test_shifted_images_are_those_of_plain_loops(shift, mode, seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(-50, 50, tuple(rng.integers(1, 6, 2))).astype(float)
    found = apply_affine_transform(
        x[..., None], tx=shift[1], ty=shift[0], fill_mode=mode, cval=7.0, **LAST
    )
    np.testing.assert_allclose(found[..., 0], by_loops(x, shift, mode, 7.0), atol=1e-9)


@given(st.integers(1, 4), st.integers(0, 99), st.sampled_from(["nearest", "reflect"]))
def test_a_quarter_turn_of_a_square_moves_whole_pixels(quarters, seed, mode):
    x = np.random.default_rng(seed).normal(size=(5, 5, 2))
    found = apply_affine_transform(x, theta=90 * quarters, fill_mode=mode, **LAST)
    np.testing.assert_allclose(found, np.rot90(x, quarters), atol=1e-9)


def test_wrapping_has_scipys_period():
    x = np.arange(5.0)[None, :, None]
    found = apply_affine_transform(x, tx=3.0, fill_mode="wrap", **LAST)
    assert found.ravel().tolist() == [3.0, 4.0, 1.0, 2.0, 3.0]


def test_whole_numbers_are_rounded():
    x = np.array([[0, 10, 21]], "uint8")[..., None]
    found = apply_affine_transform(x, tx=0.5, **LAST)
    assert (found.dtype, found.ravel().tolist()) == (np.uint8, [5, 16, 21])
    signed = apply_affine_transform(-x.astype("int16"), tx=0.5, **LAST)
    assert signed.ravel().tolist() == [-5, -16, -21]


def test_what_moves_nothing_is_the_image_itself():
    x = X[0]
    assert apply_affine_transform(x, **LAST) is x
    datagen = ImageDataGenerator()
    assert set(datagen.get_random_transform(x.shape).values()) == {0, 1, None}
    np.testing.assert_array_equal(datagen.random_transform(x), x)


def test_only_the_images_that_move_are_moved():
    datagen = ImageDataGenerator()
    found = datagen.apply(X[:3], [{}, {"tx": 1.0}, {"flip_vertical": True}])
    np.testing.assert_array_equal(found[0], X[0])
    np.testing.assert_array_equal(found[1], datagen.apply_transform(X[1], {"tx": 1.0}))
    np.testing.assert_array_equal(found[2], X[2][::-1])


# what is drawn


def test_numbers_are_within_their_ranges():
    datagen = ImageDataGenerator(
        rotation_range=10, width_shift_range=0.5, height_shift_range=3, shear_range=4.0,
        zoom_range=(0.5, 0.75), channel_shift_range=6, brightness_range=(1, 2),
        horizontal_flip=True,
    )  # fmt: skip
    drawn = [datagen.get_random_transform((8, 6, 1), seed) for seed in range(200)]
    values = {name: np.array([d[name] for d in drawn], float) for name in drawn[0]}
    bounds = {
        "theta": (-10, 10), "ty": (-3, 3), "shear": (-4, 4), "zx": (0.5, 0.75), "zy": (0.5, 0.75),
        "channel_shift_intensity": (-6, 6), "brightness": (1, 2),
    }  # fmt: skip
    for name, (low, high) in bounds.items():
        assert low <= values[name].min() < low + 0.1 * (high - low)
        assert high >= values[name].max() > high - 0.1 * (high - low)
    assert set(values["tx"]) == {-2, -1, 0, 1, 2}
    assert 60 < values["flip_horizontal"].sum() < 140
    assert not values["flip_vertical"].any()
    assert drawn[7] == datagen.get_random_transform((8, 6, 1), 7)


def test_a_seed_leaves_numpys_generator_alone():
    datagen = ImageDataGenerator(rotation_range=10)
    before = np.random.get_state()[1:3]
    next(datagen.flow(X, batch_size=5, seed=3))
    datagen.random_transform(X[0], seed=1)
    datagen.fit(X, augment=True, seed=2)
    after = np.random.get_state()[1:3]
    assert np.array_equal(before[0], after[0])
    assert before[1] == after[1]
    set_random_seed(4)
    first = next(datagen.flow(X, batch_size=5))
    set_random_seed(4)
    np.testing.assert_array_equal(first, next(datagen.flow(X, batch_size=5)))


# batches


def test_batches_are_a_sequence_and_a_generator():
    weights = np.arange(14)
    flow = ImageDataGenerator().flow(X, Y, batch_size=4, sample_weight=weights, seed=1)
    assert (len(flow), flow.n, flow.batch_size) == (4, 14, 4)
    epoch = [flow[i] for i in range(4)]
    assert [len(x) for x, y, w in epoch] == [4, 4, 4, 2]
    order = np.concatenate([w for x, y, w in epoch])
    assert sorted(order) == list(range(14))
    for x, y, w in epoch:
        np.testing.assert_array_equal(x, X[w])
        np.testing.assert_array_equal(y, Y[w])
    flow.on_epoch_end()
    assert np.concatenate([flow[i][2] for i in range(4)]).tolist() != order.tolist()
    for index in (-1, 4):
        with pytest.raises(IndexError, match="4 batches"):
            flow[index]
    in_turn = ImageDataGenerator().flow(X, batch_size=4, shuffle=False)
    sizes = [len(x) for x, _ in zip(in_turn, range(6), strict=False)]
    assert sizes == [4, 4, 4, 2, 4, 4]
    in_turn.reset()
    np.testing.assert_array_equal(in_turn.next(), X[:4])


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_training_on_images_that_do_not_change_is_training_on_the_array(engine):
    expected, model = cnn(engine=engine), cnn(engine=engine)
    history = expected.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0).history
    flow = ImageDataGenerator().flow(X, Y, batch_size=4, shuffle=False)
    assert model.fit(flow, epochs=2, shuffle=False, verbose=0).history == history
    assert fingerprint(model) == fingerprint(expected)
    assert model.evaluate(flow, verbose=0) == model.evaluate(X, Y, batch_size=4, verbose=0)
    unlabelled = ImageDataGenerator().flow(X, batch_size=4, shuffle=False)
    np.testing.assert_array_equal(model.predict(unlabelled), model.predict(X, batch_size=4))


def test_a_script_of_keras_2():
    assert numcnn.preprocessing.image.ImageDataGenerator is ImageDataGenerator
    pixels = (255 * X).astype("uint8")
    found = set()
    for _ in range(2):
        np.random.seed(5)
        model = cnn()
        datagen = ImageDataGenerator(
            rescale=1 / 255, rotation_range=8, width_shift_range=0.08, shear_range=0.3,
            height_shift_range=0.08, zoom_range=0.08, validation_split=0.3,
        )  # fmt: skip
        split = {"batch_size": 4, "ignore_class_split": True}
        history = model.fit_generator(
            datagen.flow(pixels, Y, subset="training", **split),
            steps_per_epoch=10 // 4,
            epochs=3,
            validation_data=datagen.flow(pixels, Y, subset="validation", **split),
            verbose=0,
            workers=1,
        )
        assert model.optimizer.iterations == 6
        assert len(history.history["val_loss"]) == 3
        found.add(weights_hash(model))
    assert len(found) == 1


def test_images_may_be_elsewhere():
    class Slabs:
        shape, dtype = X.shape, X.dtype

        def __getitem__(self, part):
            assert isinstance(part, slice)
            return X[part]

    datagen = ImageDataGenerator(rotation_range=20)
    for x in (Slabs(), X.tolist()):
        found, expected = datagen.flow(x, Y, seed=2), datagen.flow(X, Y, seed=2)
        np.testing.assert_array_equal(found[0][0], expected[0][0])


def test_such_a_training_cannot_be_resumed(tmp_path):
    path = tmp_path / "c.npz"
    flow = ImageDataGenerator(rotation_range=9).flow(X, Y, batch_size=4, seed=1)
    cnn().fit(flow, verbose=0, callbacks=[ModelCheckpoint(path)])
    with pytest.raises(ValueError, match="changed at random, cannot say"):
        load_model(path).fit(flow, epochs=2, resume=True)


def test_threads_take_each_batch_once():
    flow = ImageDataGenerator(rotation_range=9).flow(X, np.arange(14), batch_size=1, seed=1)
    seen, lock = [], threading.Lock()

    def read():
        for _ in range(7):
            _, y = next(flow)
            with lock:
                seen.extend(y)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == sorted([*range(14), *range(14)])


def test_the_data_given_are_not_written_to():
    before = X.copy()
    datagen = ImageDataGenerator(
        rescale=0.5, samplewise_center=True, horizontal_flip=True, featurewise_center=True
    )
    datagen.fit(X)
    next(datagen.flow(X, seed=0))
    datagen.random_transform(X[0], seed=0)
    np.testing.assert_array_equal(X, before)


# numbers of an image


def test_a_function_sees_each_image_before_it_is_rescaled():
    seen = []

    def note(x):
        seen.append((x.shape, x.max()))
        return x + 1

    datagen = ImageDataGenerator(preprocessing_function=note, rescale=2.0)
    found = next(datagen.flow(X, batch_size=3, shuffle=False))
    np.testing.assert_allclose(found, (X[:3] + 1) * 2, rtol=1e-6)
    assert seen == [(x.shape, x.max()) for x in X[:3]]
    seeded = datagen.flow(X, batch_size=3, shuffle=False, seed=1)
    np.testing.assert_allclose(seeded[0], found)


def test_featurewise_numbers_are_those_of_the_data():
    with pytest.warns(UserWarning, match="featurewise_std_normalization needs featurewise_center"):
        datagen = ImageDataGenerator(featurewise_std_normalization=True)
    for use in (datagen.standardize, lambda x: next(datagen.flow(X))):
        with pytest.raises(RuntimeError, match=r"featurewise_center needs .* fit\(x\)"):
            use(X.copy())
    datagen.fit(X)
    whole = next(datagen.flow(X, batch_size=14))
    np.testing.assert_allclose([whole.mean(), whole.std()], [0, 1], atol=1e-4)


def test_whitened_pixels_do_not_hang_together():
    x = np.random.default_rng(0).normal(size=(200, 2, 3, 1)) @ np.ones((1, 1))
    x[:, 0] += 3 * x[:, 1]
    datagen = ImageDataGenerator(zca_whitening=True, featurewise_center=True)
    datagen.fit(x)
    flat = next(datagen.flow(x, batch_size=200)).reshape(200, -1)
    np.testing.assert_allclose(flat.T @ flat / 200, np.eye(6), atol=1e-3)


def test_settings_that_change_others_say_so():
    with pytest.warns(UserWarning, match="samplewise_std_normalization needs samplewise_center"):
        assert ImageDataGenerator(samplewise_std_normalization=True).samplewise_center
    with pytest.warns(UserWarning, match="which is off now"):
        datagen = ImageDataGenerator(
            zca_whitening=True, featurewise_std_normalization=True, featurewise_center=True
        )
    assert not datagen.featurewise_std_normalization


def test_pictures_become_arrays():
    assert img_to_array([[1, 2]]).shape == (1, 2, 1)
    assert img_to_array([[1, 2]], "channels_first").shape == (1, 1, 2)
    assert img_to_array(np.zeros((2, 3, 4)), "channels_first").shape == (4, 2, 3)
    with pytest.raises(ShapeError, match="2 or 3 axes"):
        img_to_array([1.0])
    assert random_shift(X[0], 0.1, 0.1, 0, 1, 2, interpolation_order=0).shape == X[0].shape


# errors


@pytest.mark.parametrize(
    ("kwargs", "error", "words"),
    [
        ({"rotation_range": -1}, ValueError, "rotation_range"),
        ({"rotation_range": "10"}, DTypeError, "rotation_range"),
        ({"shear_range": np.nan}, ValueError, "shear_range"),
        ({"width_shift_range": -0.1}, ValueError, "width_shift_range"),
        ({"height_shift_range": [[1]]}, DTypeError, "height_shift_range"),
        ({"height_shift_range": []}, DTypeError, "height_shift_range"),
        ({"zoom_range": (1, 2, 3)}, ValueError, "zoom_range must be a number or two"),
        ({"zoom_range": "a"}, DTypeError, "zoom_range"),
        ({"brightness_range": 0.5}, DTypeError, "brightness_range must be two numbers"),
        ({"channel_shift_range": True}, DTypeError, "channel_shift_range"),
        ({"fill_mode": "mirror"}, ValueError, "Unknown fill_mode 'mirror'"),
        ({"cval": None}, DTypeError, "cval"),
        ({"interpolation_order": 3}, ValueError, "interpolation_order must be 0 .* or 1"),
        ({"rescale": "1/255"}, DTypeError, "rescale"),
        ({"preprocessing_function": 5}, DTypeError, "preprocessing_function"),
        ({"data_format": "channel_last"}, ValueError, "Did you mean 'channels_last'"),
        ({"validation_split": 1.0}, ValueError, "validation_split must be below 1"),
        ({"validation_split": -0.1}, ValueError, "validation_split"),
        ({"zca_epsilon": -1}, ValueError, "zca_epsilon"),
        ({"zoom": 1}, TypeError, "zoom"),
    ],
)
def test_wrong_settings(kwargs, error, words):
    with pytest.raises(error, match=words):
        ImageDataGenerator(**kwargs)


@pytest.mark.parametrize(
    ("use", "error", "words"),
    [
        (lambda g: g.flow(X[0]), ShapeError, r"\(N, H, W, C\), got shape \(6, 6, 1\)"),
        (lambda g: g.flow(X[:0]), ValueError, "no images"),
        (lambda g: g.flow((X, X), Y), DTypeError, "one array of images, got a tuple"),
        (lambda g: g.flow(X, Y[:3]), ShapeError, "x and y must have the same number"),
        (lambda g: g.flow(X, Y, sample_weight=[1]), ShapeError, "x and sample_weight"),
        (lambda g: g.flow(X, sample_weight=np.ones(14)), ValueError, "needs y"),
        (lambda g: g.flow(X, Y, batch_size=0), ValueError, "batch_size"),
        (lambda g: g.flow(X, Y, seed=-1), ValueError, "seed"),
        (lambda g: g.flow(X, Y, subset="test"), ValueError, "Unknown subset 'test'"),
        (lambda g: g.flow(X, Y, subset="training"), ValueError, "validation_split=0"),
        (lambda g: g.flow(X.astype(str)), DTypeError, "dtype <U"),
        (lambda g: g.fit(X[0]), ShapeError, "fit needs images"),
        (lambda g: g.fit(X[:0]), ShapeError, r"shape \(0, 6"),
        (lambda g: g.fit(X, augment=True, rounds=0), ValueError, "rounds"),
        (lambda g: g.apply_transform(X, {}), ShapeError, "three axes"),
        (lambda g: g.random_transform(X[0].astype(str)), DTypeError, "array of numbers"),
        (lambda g: apply_affine_transform(X[0], fill_mode="x"), ValueError, "fill_mode"),
    ],
)
def test_wrong_uses(use, error, words):
    with pytest.raises(error, match=words):
        use(ImageDataGenerator())


def test_a_split_keeps_the_classes_apart():
    datagen = ImageDataGenerator(validation_split=0.5)
    sorted_labels = np.repeat([0, 1], 7)
    with pytest.raises(ValueError, match=r"different classes.*ignore_class_split"):
        datagen.flow(X, sorted_labels, subset="training")
    held = datagen.flow(X, sorted_labels, subset="validation", ignore_class_split=True)
    assert (held.n, set(held.y)) == (7, {0})
    training = datagen.flow(X, sorted_labels, subset="training", ignore_class_split=True)
    assert (training.n, set(training.y)) == (7, {1})


def test_a_function_that_returns_something_else():
    datagen = ImageDataGenerator(preprocessing_function=lambda x: x[:3])
    with pytest.raises(ShapeError, match=r"must return an image of shape \(6, 6, 1\), got \(3, 6"):
        next(datagen.flow(X))


def test_brightness_of_other_channels():
    datagen = ImageDataGenerator(brightness_range=(1, 2))
    with pytest.raises(ShapeError, match="1, 3 or 4 channels"):
        next(datagen.flow(np.zeros((2, 3, 3, CLASSES - 1))))
