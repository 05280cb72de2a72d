"""Pictures in files: read, resized, written; folders and tables of them; files that are none."""

import io
import os
import warnings

import numpy as np
import pytest
from PIL import Image

from numcnn import backend, utils
from numcnn.errors import DataFileError, DTypeError, ShapeError
from numcnn.layers import Conv2D, Dense, Flatten
from numcnn.models import Sequential
from numcnn.preprocessing import image_dataset_from_directory
from numcnn.preprocessing.dataset import resized
from numcnn.preprocessing.image import (
    ImageDataGenerator,
    array_to_img,
    img_to_array,
    load_img,
    save_img,
)

NAMES = {"cats": ["b.png", "a.png", "c.PNG"], "dogs": ["inner/z.png", "y.png"], "empty": []}


def pixels(name, h=6, w=5):
    return np.random.default_rng(sum(name.encode())).integers(0, 256, (h, w, 3)).astype("uint8")


@pytest.fixture
def folder(tmp_path):
    """Three classes, of three, two and no pictures, and files that are no pictures."""
    for name, files in NAMES.items():
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "notes.txt").write_text("no picture")
        for file in files:
            Image.fromarray(pixels(f"{name}/{file}")).save(tmp_path / name / file)
    (tmp_path / "loose.png").write_bytes(b"not looked at")
    return tmp_path


ORDER = ["cats/a.png", "cats/b.png", "cats/c.PNG", "dogs/y.png", "dogs/inner/z.png"]


# ---- one picture ----------------------------------------------------------------------------


def test_a_picture_becomes_the_array_that_was_written(tmp_path):
    x = pixels("x")
    save_img(tmp_path / "x.png", x, scale=False)
    picture = load_img(tmp_path / "x.png")
    assert picture.size == (5, 6)
    assert np.array_equal(img_to_array(picture), x.astype("float32"))
    assert np.array_equal(img_to_array(load_img(str(tmp_path / "x.png"))), x)
    assert np.array_equal(img_to_array(load_img(io.BytesIO((tmp_path / "x.png").read_bytes()))), x)
    assert utils.load_img is load_img


@pytest.mark.parametrize(("mode", "channels"), [("rgb", 3), ("rgba", 4), ("grayscale", 1)])
@pytest.mark.parametrize("written", [1, 3, 4])
def test_modes_of_colour(tmp_path, mode, channels, written):
    x = np.random.default_rng(0).integers(0, 256, (4, 4, written)).astype("uint8")
    save_img(tmp_path / "x.png", x, scale=False)
    found = img_to_array(load_img(tmp_path / "x.png", color_mode=mode))
    assert found.shape == (4, 4, channels)
    if channels == written:
        assert np.array_equal(found, x)
    if channels == 4 and written == 3:
        assert (found[..., 3] == 255).all()


def test_the_word_of_keras_2_for_grey(tmp_path):
    save_img(tmp_path / "x.png", pixels("x"))
    for found in (load_img(tmp_path / "x.png", True), load_img(tmp_path / "x.png", grayscale=True)):
        assert found.mode == "L"
    assert load_img(tmp_path / "x.png", False).mode == "RGB"


def test_resized_to_the_nearest_pixel(tmp_path):
    x = pixels("x", 4, 6)
    save_img(tmp_path / "x.png", x, scale=False)
    found = img_to_array(load_img(tmp_path / "x.png", target_size=(2, 3, 3)))
    assert np.array_equal(found, x[1::2, 1::2])
    kept = img_to_array(load_img(tmp_path / "x.png", target_size=(4, 4), keep_aspect_ratio=True))
    assert np.array_equal(kept, x[:, 1:5])


def test_arrays_become_pictures():
    x = np.array([[[0.0], [5.0]], [[10.0], [2.5]]])
    assert np.asarray(array_to_img(x)).tolist() == [[0, 127], [255, 63]]
    assert np.asarray(array_to_img(x, scale=False)).tolist() == [[0, 5], [10, 2]]
    assert np.asarray(array_to_img(np.full((2, 2, 3), 7.0))).max() == 0
    assert array_to_img(np.full((1, 1, 1), 300.0), scale=False).mode == "I"
    first = pixels("x").transpose(2, 0, 1)
    same = array_to_img(first, data_format="channels_first", scale=False)
    assert np.array_equal(np.asarray(same), pixels("x"))
    for wrong in (np.zeros((2, 2)), np.zeros((2, 2, 2)), np.zeros((0, 2, 3))):
        with pytest.raises(ShapeError):
            array_to_img(wrong)


def test_a_jpeg_has_no_transparency(tmp_path):
    save_img(tmp_path / "x.jpg", np.random.default_rng(0).random((4, 4, 4)))
    assert load_img(tmp_path / "x.jpg").size == (4, 4)
    assert (tmp_path / "x.jpg").read_bytes()[:2] == b"\xff\xd8"


def test_wrong_arguments(tmp_path):
    save_img(tmp_path / "x.png", pixels("x"))
    for kwargs, error, said in (
        ({"color_mode": "grey"}, ValueError, "Unknown color_mode 'grey'"),
        ({"interpolation": "cubic"}, ValueError, "Unknown interpolation 'cubic'"),
        ({"target_size": (2,)}, DTypeError, r"must be \(height, width\)"),
        ({"target_size": "big"}, DTypeError, r"must be \(height, width\)"),
        ({"target_size": (0, 4)}, ValueError, "at least 1"),
    ):
        with pytest.raises(error, match=said):
            load_img(tmp_path / "x.png", **kwargs)
    with pytest.raises(DTypeError, match=r"a file's name or an io\.BytesIO"):
        load_img(3)
    with pytest.raises(FileNotFoundError):
        load_img(tmp_path / "none.png")
    with pytest.raises(OSError, match="a pipe or a device"):
        load_img(os.devnull)


def test_files_that_are_no_pictures_are_one_error(tmp_path):
    save_img(tmp_path / "x.png", pixels("x", 40, 40))
    sound = (tmp_path / "x.png").read_bytes()
    for data in (b"", b"GIF89a", sound[:60], sound[:-40], b"\x89PNG\r\n\x1a\n" + b"\0" * 50):
        (tmp_path / "y.png").write_bytes(data)
        with pytest.raises(DataFileError, match=r"y\.png: not a picture that can be read"):
            load_img(tmp_path / "y.png")


def test_every_change_of_a_byte_is_a_picture_or_that_error(tmp_path):
    save_img(tmp_path / "x.png", pixels("x", 3, 3))
    sound = (tmp_path / "x.png").read_bytes()
    rng = np.random.default_rng(0)
    for place in range(len(sound)):
        changed = bytearray(sound)
        changed[place] = rng.integers(0, 256)
        try:
            found = load_img(io.BytesIO(bytes(changed)), target_size=(3, 3))
        except DataFileError:
            continue
        assert found.size == (3, 3)


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    save_img(tmp_path / "x.png", pixels("x"))
    with pytest.raises(DataFileError, match="decompression bomb"):
        load_img(tmp_path / "x.png")


# ---- a folder of folders, Keras 2's way -----------------------------------------------------


def test_a_folder_for_each_class(folder, capsys):
    flow = ImageDataGenerator().flow_from_directory(
        folder, target_size=(6, 5), batch_size=2, shuffle=False
    )
    assert capsys.readouterr().out == "Found 5 images belonging to 3 classes.\n"
    assert flow.class_indices == {"cats": 0, "dogs": 1, "empty": 2}
    assert flow.filenames == [os.path.join(*name.split("/")) for name in ORDER]
    assert flow.filepaths == [os.path.join(folder, name) for name in flow.filenames]
    assert flow.classes.tolist() == flow.labels.tolist() == [0, 0, 0, 1, 1]
    assert (flow.samples, flow.n, flow.num_classes, len(flow)) == (5, 5, 3, 3)
    assert flow.image_shape == (6, 5, 3)
    x, y = flow[1]
    assert x.dtype == y.dtype == np.float32
    assert np.array_equal(x, [pixels("cats/c.PNG"), pixels("dogs/y.png")])
    assert y.tolist() == [[1, 0, 0], [0, 1, 0]]
    assert [len(flow[i][0]) for i in range(3)] == [2, 2, 1]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("binary", [0, 0, 0, 1, 1]), ("sparse", [0, 0, 0, 1, 1]), ("input", None), (None, None)],
)
def test_targets(folder, mode, expected):
    flow = ImageDataGenerator(rescale=1 / 255).flow_from_directory(
        folder, (6, 5), class_mode=mode, classes=["cats", "dogs"], shuffle=False
    )
    batch = next(flow)
    images = np.stack([pixels(name) for name in ORDER]).astype("float32") * (1 / 255)
    if mode is None:
        np.testing.assert_allclose(batch, images, rtol=1e-6)
        return
    x, y = batch
    np.testing.assert_allclose(x, images, rtol=1e-6)
    assert np.array_equal(y, x) if mode == "input" else y.tolist() == expected


def test_changed_pictures_are_those_of_flow(folder):
    """A folder and an array of the same pictures, with the same seed, give the same batches."""
    images = np.stack([pixels(name) for name in ORDER]).astype("float32")
    settings = {"rotation_range": 30, "zoom_range": 0.3, "horizontal_flip": True, "rescale": 0.5}
    one = ImageDataGenerator(**settings).flow(images, np.arange(5), batch_size=3, seed=4)
    two = ImageDataGenerator(**settings).flow_from_directory(
        folder, (6, 5), class_mode=None, batch_size=3, seed=4
    )
    for _ in range(5):
        assert np.array_equal(next(one)[0], next(two))
    assert one[1][0].shape == two[1].shape
    np.random.seed(7)
    one = ImageDataGenerator(preprocessing_function=lambda x: x + 1, **settings).flow(images)
    first = next(one)
    np.random.seed(7)
    two = ImageDataGenerator(
        preprocessing_function=lambda x: x + 1, **settings
    ).flow_from_directory(folder, (6, 5), class_mode=None)
    assert np.array_equal(next(two), first)


def test_a_share_of_each_class_is_for_validation(folder):
    datagen = ImageDataGenerator(validation_split=0.5)
    parts = {
        subset: datagen.flow_from_directory(folder, (6, 5), subset=subset, shuffle=False).filenames
        for subset in ("training", "validation", None)
    }
    assert [n.replace(os.sep, "/") for n in parts["validation"]] == ["cats/a.png", "dogs/y.png"]
    assert sorted(parts["training"] + parts["validation"]) == sorted(parts[None])
    with pytest.raises(ValueError, match="Unknown subset 'test'"):
        datagen.flow_from_directory(folder, subset="test")
    with pytest.raises(ValueError, match="needs ImageDataGenerator"):
        ImageDataGenerator().flow_from_directory(folder, subset="training")


def test_grey_and_channels_first(folder):
    grey = ImageDataGenerator().flow_from_directory(folder, (4, 4), "grayscale")
    assert next(grey)[0].shape == (5, 4, 4, 1)
    first = ImageDataGenerator(data_format="channels_first").flow_from_directory(folder, (4, 3))
    assert next(first)[0].shape == (5, 3, 4, 3)
    assert first.image_shape == (3, 4, 3)


def test_a_table_of_files(folder, capsys):
    table = {
        "id": ["cats/a.png", "dogs/y.png", "none.png", "cats/b.png"],
        "kind": ["cat", "dog", "dog", "cat"],
        "age": [1.5, 2.5, 3.5, 4.5],
    }
    datagen = ImageDataGenerator()
    how = {"x_col": "id", "target_size": (6, 5), "shuffle": False}
    flow = datagen.flow_from_dataframe(table, folder, y_col="kind", class_mode="binary", **how)
    assert capsys.readouterr().out == (
        "1 of 4 files are no pictures, left out.\n"
        "Found 3 validated image filenames belonging to 2 classes.\n"
    )
    assert flow.class_indices == {"cat": 0, "dog": 1}
    x, y = next(flow)
    assert y.tolist() == [0, 1, 0]
    assert np.array_equal(x[1], pixels("dogs/y.png"))
    raw = datagen.flow_from_dataframe(table, folder, y_col="age", class_mode="raw", **how)
    assert next(raw)[1].tolist() == [1.5, 2.5, 4.5]
    two = datagen.flow_from_dataframe(table, folder, y_col=["age"], class_mode="raw", **how)
    assert next(two)[1].tolist() == [[1.5], [2.5], [4.5]]
    alone = datagen.flow_from_dataframe(table, folder, class_mode=None, **how)
    assert next(alone).shape == (3, 6, 5, 3)
    half = ImageDataGenerator(validation_split=0.34).flow_from_dataframe(
        table, folder, y_col="kind", subset="validation", **how
    )
    assert next(half)[1].tolist() == [[1, 0]]
    with pytest.raises(NotImplementedError, match="class_weight"):
        datagen.flow_from_dataframe(table, folder, weight_col="age", **how)


def test_changed_images_are_written_to_look_at(tmp_path):
    x = np.stack([pixels("one"), pixels("two")]).astype("float32")
    flow = ImageDataGenerator().flow(
        x, batch_size=2, shuffle=False, save_to_dir=tmp_path, save_prefix="cat", save_format="png"
    )
    next(flow)
    names = sorted(p.name for p in tmp_path.iterdir())
    assert [n.split("_")[:2] for n in names] == [["cat", "0"], ["cat", "1"]]
    assert np.array_equal(np.asarray(load_img(tmp_path / names[1])), np.asarray(array_to_img(x[1])))


def test_wrong_folders(folder, tmp_path):
    datagen = ImageDataGenerator()
    for use in (
        lambda: datagen.flow_from_directory(tmp_path / "none"),
        lambda: image_dataset_from_directory(tmp_path / "none"),
    ):
        with pytest.raises(FileNotFoundError, match=r"none: no such folder\. A folder of pictures"):
            use()
    with pytest.raises(ValueError, match="Unknown class_mode"):
        datagen.flow_from_directory(folder, class_mode="sparse_categorical")
    (folder / "cats" / "d.png").write_bytes(b"no picture")
    with pytest.raises(DataFileError, match=r"d\.png"):
        next(datagen.flow_from_directory(folder))


# ---- Keras 3's way --------------------------------------------------------------------------


def test_a_data_set_of_a_folder(folder, capsys):
    data = image_dataset_from_directory(folder, image_size=(6, 5), batch_size=2, shuffle=False)
    assert capsys.readouterr().out == "Found 5 files belonging to 3 classes.\n"
    assert data.class_names == ["cats", "dogs", "empty"]
    batches = list(data)
    assert [len(x) for x, _ in batches] == [2, 2, 1]
    assert np.array_equal(np.concatenate([x for x, _ in batches]), [pixels(n) for n in ORDER])
    assert np.concatenate([y for _, y in batches]).tolist() == [0, 0, 0, 1, 1]
    x, y = batches[0]
    assert (x.dtype, y.dtype) == (np.float32, np.int32)
    assert type(x[0].numpy()) is np.ndarray
    assert np.array_equal(x[0].numpy().astype("uint8"), pixels(ORDER[0]))


@pytest.mark.parametrize(
    ("kwargs", "expected"),
    [
        ({"label_mode": "categorical"}, [[1, 0], [1, 0], [1, 0], [0, 1], [0, 1]]),
        ({"label_mode": "binary"}, [[0], [0], [0], [1], [1]]),
        ({"label_mode": None}, None),
        ({"class_names": ["dogs", "cats"]}, [0, 0, 1, 1, 1]),
        ({"labels": [4, 5, 6, 7, 8]}, [4, 5, 6, 7, 8]),
        ({"labels": None}, None),
    ],
)
def test_labels(folder, kwargs, expected):
    names = {} if "labels" in kwargs else {"class_names": ["cats", "dogs"]}
    (folder / "loose.png").unlink()
    (data,) = image_dataset_from_directory(
        folder, image_size=(6, 5), shuffle=False, verbose=False, **(names | kwargs)
    )
    if expected is None:
        assert data.shape == (5, 6, 5, 3)
    else:
        assert data[1].tolist() == expected


def test_both_parts_are_all_files_and_share_none(folder):
    how = {"image_size": (4, 4), "validation_split": 0.4, "seed": 3}
    one = image_dataset_from_directory(folder, subset="training", **how)
    two = image_dataset_from_directory(folder, subset="validation", **how)
    assert len(one.file_paths) == 3
    assert len(two.file_paths) == 2
    assert len({*one.file_paths, *two.file_paths}) == 5
    both = image_dataset_from_directory(folder, subset="both", **how)
    assert [d.file_paths for d in both] == [one.file_paths, two.file_paths]
    for data in (one, two, *both):  # pictures and labels stay together
        for path, label in zip(data.file_paths, data._labels, strict=True):
            assert data.class_names[label] in path


def test_each_epoch_has_an_order_of_its_own(folder):
    data = image_dataset_from_directory(folder, image_size=(6, 5), label_mode=None, seed=1)
    orders = {np.concatenate(list(data))[:, 0, 0, 0].tobytes() for _ in range(8)}
    assert len(orders) > 1
    assert len({tuple(sorted(np.frombuffer(o, "float32"))) for o in orders}) == 1
    assert not data.repeatable


def test_what_programs_call_on_data_sets(folder):
    def reads():
        before = len(read)
        return before

    read = []
    data = image_dataset_from_directory(folder, image_size=(6, 5), batch_size=2, shuffle=False)
    inner = data._read
    data._read = lambda path: read.append(path) or inner(path)
    assert len(list(data.take(1))) == 1
    assert reads() == 2
    kept = data.cache().prefetch(buffer_size=10)
    first, second = list(kept), list(kept)
    assert reads() == 7
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(first, second, strict=True))
    assert len(list(data.skip(1))) == 2
    assert data.cardinality() == len(data) == 3
    half = data.map(lambda x, y: (x / 2, y), num_parallel_calls=4).map(lambda x, y: (x, y + 1))
    (x, y), *rest = half.as_numpy_iterator()
    assert len(rest) == 2
    assert np.array_equal(half.as_numpy_iterator().next()[0], x)
    assert np.array_equal(x * 2, [pixels(n) for n in ORDER[:2]])
    assert y.tolist() == [1, 1]
    shuffled = data.shuffle(1000)
    assert sorted(np.concatenate([y for _, y in shuffled]).tolist()) == [0, 0, 0, 1, 1]
    assert [len(list(d)) for d in (data.take(-1), data.skip(9))] == [3, 0]


def test_wrong_data_sets(folder):
    for kwargs, error, said in (
        ({"label_mode": "sparse"}, ValueError, "Unknown label_mode"),
        ({"color_mode": "grey"}, ValueError, "Unknown color_mode"),
        ({"interpolation": "area"}, ValueError, "Unknown interpolation"),
        ({"batch_size": None}, ValueError, "batch_size must be a number"),
        ({"validation_split": 0.2}, ValueError, "belong together"),
        ({"subset": "training"}, ValueError, "belong together"),
        ({"subset": "test", "validation_split": 0.2}, ValueError, "Unknown subset"),
        ({"subset": "training", "validation_split": 0.2}, ValueError, "needs a seed"),
        ({"subset": "training", "validation_split": 2, "seed": 1}, ValueError, "between 0 and 1"),
        ({"label_mode": "binary"}, ValueError, "needs two classes"),
        ({"class_names": ["cows"]}, ValueError, "class_names must be folders"),
        ({"labels": [1], "class_names": ["cats"]}, ValueError, "needs labels='inferred'"),
        ({"labels": [1]}, ValueError, "1 labels for 6 files"),
        ({"labels": "all"}, DTypeError, "a list of numbers"),
        ({"class_names": ["empty"]}, FileNotFoundError, "no pictures"),
    ):
        with pytest.raises(error, match=said):
            image_dataset_from_directory(folder, verbose=False, **kwargs)


def test_resizing_is_that_of_plain_loops():
    rng = np.random.default_rng(0)
    for h, w, oh, ow in ((4, 6, 8, 3), (5, 5, 2, 7), (1, 3, 3, 1), (6, 4, 6, 4)):
        x = rng.random((h, w, 2)).astype("float32")
        found = resized(x, (oh, ow), "bilinear")
        nearest = resized(x, (oh, ow), "nearest")
        for i in range(oh):
            for j in range(ow):
                r, c = (i + 0.5) * h / oh - 0.5, (j + 0.5) * w / ow - 0.5
                r, c = min(max(r, 0), h - 1), min(max(c, 0), w - 1)
                r0, c0 = int(r), int(c)
                r1, c1, a, b = min(r0 + 1, h - 1), min(c0 + 1, w - 1), r - r0, c - c0
                mean = (1 - a) * ((1 - b) * x[r0, c0] + b * x[r0, c1])
                mean = mean + a * ((1 - b) * x[r1, c0] + b * x[r1, c1])
                np.testing.assert_allclose(found[i, j], mean, atol=1e-6)
                at = x[int((i + 0.5) * h / oh), int((j + 0.5) * w / ow)]
                assert np.array_equal(nearest[i, j], at)
    x = rng.random((4, 8, 1)).astype("float32")
    assert np.array_equal(resized(x, (4, 4), "bilinear", crop=True), x[:, 2:6])


def net(classes):
    backend.clear_session()
    model = Sequential(
        [Conv2D(3, 3, activation="relu", input_shape=(6, 5, 3)), Flatten(), Dense(classes)]
    )
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("way", ["flow", "data set"])
def test_training_on_files_is_training_on_arrays(folder, way):
    x = np.stack([pixels(n) for n in ORDER]).astype("float32") / 255
    y = np.array([[1, 0], [1, 0], [1, 0], [0, 1], [0, 1]], "float32")
    classes = ["cats", "dogs"]
    if way == "flow":
        data = ImageDataGenerator(rescale=1 / 255).flow_from_directory(
            folder, (6, 5), classes=classes, batch_size=2, shuffle=False
        )
    else:
        data = image_dataset_from_directory(
            folder, label_mode="categorical", class_names=classes, image_size=(6, 5),
            batch_size=2, shuffle=False,
        ).map(lambda x, y: (x / 255, y)).cache()  # fmt: skip
    one, two = net(2), net(2)
    two.set_weights(one.get_weights())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one.fit(data, epochs=2, shuffle=False, verbose=0)
    two.fit(x, y, batch_size=2, epochs=2, shuffle=False, verbose=0)
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(one.predict(data), one.predict(x), rtol=1e-4, atol=1e-6)
    assert one.evaluate(data, verbose=0) == pytest.approx(one.evaluate(x, y, verbose=0), rel=1e-4)
