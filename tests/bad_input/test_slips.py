"""Slips of the keyboard in the calls around a training: what came is said, nothing is changed."""

from pathlib import Path

import numpy as np
import pytest
from bad_input.cases import LABELS, SHAPES, TYPES, X, Y, case, check

from numcnn import backend, plotting
from numcnn.errors import DTypeError
from numcnn.gradcheck import check_model
from numcnn.models import Sequential, load_model, warmup
from numcnn.preprocessing.image import ImageDataGenerator, array_to_img, img_to_array


def table_of(columns, **kwargs):
    return lambda m: ImageDataGenerator().flow_from_dataframe(columns, **kwargs)


CASES = {
    "a number of layers": case(lambda m: Sequential(3), TYPES, "list of layers", "3"),
    "y as batch_size": case(
        lambda m: m.fit(X, Y, Y), TYPES, f"integer of at least 1, got an array of shape {Y.shape}."
    ),
    "summary's width": case(lambda m: m.summary(line_length="a"), TYPES, "line_length", "'a'"),
    "summary's print": case(lambda m: m.summary(print_fn=3), TYPES, "print_fn", "function", "3"),
    "warmup of a number": case(lambda m: warmup(3), TYPES, "warmup needs a Sequential", "int"),
    "custom_objects": case(
        lambda m: load_model("model.npz", custom_objects=3), TYPES, "custom_objects", "{'MyLayer'"
    ),
    "labels for one-hot": case(
        lambda m: check_model(m, X[:2], LABELS[:2]), SHAPES, "to_categorical(y, 3)"
    ),
    "not a figure": case(lambda m: plotting.save(m, "a.png"), TYPES, "numcnn.plotting", "Sequen"),
    "a name for names": case(
        lambda m: plotting.confusion_matrix(LABELS, LABELS, "abc"), TYPES, "list of names", "'abc'"
    ),
    "a number for names": case(
        lambda m: plotting.confusion_matrix(LABELS, LABELS, 3), TYPES, "list of names", "3"
    ),
    "a table without the column": case(
        table_of({"file": ["a.png"]}), ValueError, "no column 'filename'", "['file']"
    ),
    "a table without labels": case(
        table_of({"filename": []}, y_col="kind"), ValueError, "no column 'kind'", "['filename']"
    ),
    "no table": case(table_of(3), ValueError, "no column 'filename'"),
    "a name for a picture": case(lambda m: img_to_array(Path("a.png")), TYPES, "load_img", "a.png"),
    "a name for an array": case(lambda m: array_to_img("a.png"), TYPES, "(H, W, C)", "'a.png'"),
    "epsilon": case(lambda m: backend.set_epsilon("1e-7"), ValueError, "epsilon", "'1e-7'"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_came_is_said_and_nothing_changes(trained, folder, name):
    check(CASES[name], trained, folder)


def test_one_name_for_each_class_in_any_kind_of_list():
    for names in (["a", "b", "c"], ("a", "b", "c"), np.array(["a", "b", "c"])):
        assert plotting.confusion_matrix(np.arange(3), np.arange(3), names).axes


@pytest.mark.parametrize(
    ("function", "words"),
    [(lambda image: None, "NoneType"), (lambda image: image.astype(str), "<U")],
)
def test_a_function_of_an_image_returns_an_image(function, words):
    flow = ImageDataGenerator(preprocessing_function=function).flow(X, Y)
    with pytest.raises(DTypeError, match=f"preprocessing_function must.*array of numbers.*{words}"):
        next(flow)
