"""What a model prints of itself, and the names of its layers."""

import pytest

from numcnn.layers import (
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPool2D,
)
from numcnn.models import Sequential

ONE_CONVOLUTION = """\
Model: "sequential"
_________________________________________________________________
Layer (type)                 Output Shape              Param #
=================================================================
conv2d (Conv2D)              (None, 26, 26, 32)        320
_________________________________________________________________
max_pooling2d (MaxPool2D)    (None, 13, 13, 32)        0
_________________________________________________________________
flatten (Flatten)            (None, 5408)              0
_________________________________________________________________
dense (Dense)                (None, 128)               692352
_________________________________________________________________
dropout (Dropout)            (None, 128)               0
_________________________________________________________________
dense_1 (Dense)              (None, 10)                1290
=================================================================
Total params: 693,962
Trainable params: 693,962
Non-trainable params: 0
_________________________________________________________________
"""


THREE_CONVOLUTIONS = """\
Model: "sequential"
_________________________________________________________________
Layer (type)                 Output Shape              Param #
=================================================================
conv2d (Conv2D)              (None, 26, 26, 32)        320
_________________________________________________________________
conv2d_1 (Conv2D)            (None, 24, 24, 32)        9248
_________________________________________________________________
max_pooling2d (MaxPool2D)    (None, 12, 12, 32)        0
_________________________________________________________________
conv2d_2 (Conv2D)            (None, 10, 10, 32)        9248
_________________________________________________________________
flatten (Flatten)            (None, 3200)              0
_________________________________________________________________
dense (Dense)                (None, 128)               409728
_________________________________________________________________
dropout (Dropout)            (None, 128)               0
_________________________________________________________________
dense_1 (Dense)              (None, 10)                1290
=================================================================
Total params: 429,834
Trainable params: 429,834
Non-trainable params: 0
_________________________________________________________________
"""


def one_convolution():
    model = Sequential()
    model.add(Conv2D(32, kernel_size=(3, 3), activation="relu", input_shape=(28, 28, 1)))
    model.add(MaxPool2D(pool_size=(2, 2)))
    model.add(Flatten())
    model.add(Dense(128, activation="relu"))
    model.add(Dropout(0.25))
    model.add(Dense(10, activation="softmax"))
    return model


def three_convolutions():
    model = Sequential()
    model.add(Conv2D(32, kernel_size=(3, 3), activation="relu", input_shape=(28, 28, 1)))
    model.add(Conv2D(32, kernel_size=(3, 3), activation="relu"))
    model.add(MaxPool2D((2, 2)))
    model.add(Conv2D(32, kernel_size=(3, 3), activation="relu"))
    model.add(Flatten())
    model.add(Dense(128, activation="relu"))
    model.add(Dropout(0.1))
    model.add(Dense(10, activation="softmax"))
    return model


# summary


@pytest.mark.parametrize(
    ("make", "text", "count"),
    [
        (one_convolution, ONE_CONVOLUTION, 693_962),
        (three_convolutions, THREE_CONVOLUTIONS, 429_834),
    ],
)
def test_the_summaries_of_the_tutorial(make, text, count, capsys):
    model = make()
    assert model.summary() is None
    printed = capsys.readouterr().out
    assert [line.rstrip() for line in printed.splitlines()] == text.splitlines()
    assert model.count_params() == count


def test_a_summary_goes_where_it_is_sent(capsys):
    lines = []
    one_convolution().summary(line_length=100, print_fn=lines.append)
    assert capsys.readouterr().out == ""
    assert {len(line) for line in lines if set(line) <= {"_", "="}} == {100}
    assert lines[2].index("Output Shape") == 45
    assert lines[2].index("Param #") == 85


def test_a_summary_grows_where_a_name_would_be_cut():
    lines = []
    Sequential([Dense(2, name="a" * 60, input_shape=(3,))]).summary(print_fn=lines.append)
    assert any("a" * 60 + " (Dense)" in line for line in lines)
    assert len({len(line) for line in lines[1:6]}) == 1


def test_a_summary_counts_frozen_parameters():
    lines = []
    model = Sequential([Dense(2, input_shape=(3,), trainable=False), Dense(1)])
    model.summary(print_fn=lines.append)
    assert lines[-4:-1] == ["Total params: 11", "Trainable params: 3", "Non-trainable params: 8"]


# adding, naming, building


def test_names_count_up_and_given_names_stay():
    model = three_convolutions()
    model.add(Dense(3, name="last"))
    names = [layer.name for layer in model.layers]
    assert names[:3] == ["conv2d", "conv2d_1", "max_pooling2d"]
    assert names[-3:] == ["dropout", "dense_1", "last"]
    assert model.get_layer("last") is model.get_layer(index=-1) is model.layers[-1]
    with pytest.raises(ValueError, match="already"):
        model.add(Dense(2, name="last"))
    assert len(model.layers) == 9
    with pytest.raises(ValueError, match=r"Unknown layer 'lost'\. Did you mean 'last'"):
        model.get_layer("lost")


def test_a_layer_added_after_a_pop_takes_the_free_name():
    model = Sequential([Dense(4, input_shape=(2,)), Dense(3), Dense(2)])
    model.pop()
    assert model.output_shape == (None, 3)
    model.add(Dense(5))
    assert [layer.name for layer in model.layers] == ["dense", "dense_1", "dense_2"]
    assert model.output_shape == (None, 5)
