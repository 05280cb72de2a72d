"""Scripts as people wrote them for Keras: the tutorial's, and those of tests/keras_scripts/.

The latter stand as they were for Keras; the command of examples/README.md converts them. They run
on a handful of images, whatever data set they load.
"""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import numcnn as keras
from numcnn import backend as kr
from numcnn.datasets import cifar10, cifar100, fashion_mnist, mnist
from numcnn.layers import (
    Activation,
    Conv2D,
    Convolution2D,
    Dense,
    Dropout,
    Flatten,
    MaxPool2D,
    MaxPooling2D,
)
from numcnn.models import Sequential
from numcnn.optimizers import RMSprop
from numcnn.preprocessing import image
from numcnn.utils import np_utils


def script(data_format: str) -> tuple[Sequential, list[float], np.ndarray]:
    np.random.seed(99)
    (x_train, y_train), (x_test, y_test) = mnist.load_sample()
    x_train, y_train, x_test, y_test = x_train[:256], y_train[:256], x_test[:64], y_test[:64]
    kr.set_image_data_format(data_format)
    if kr.image_data_format() == "channels_first":
        x_train = x_train.reshape(x_train.shape[0], 1, 28, 28)
        x_test = x_test.reshape(x_test.shape[0], 1, 28, 28)
        input_shape = (1, 28, 28)
    else:
        x_train = x_train.reshape(x_train.shape[0], 28, 28, 1)
        x_test = x_test.reshape(x_test.shape[0], 28, 28, 1)
        input_shape = (28, 28, 1)
    train_targets = np_utils.to_categorical(y_train, 10)
    test_targets = np_utils.to_categorical(y_test, 10)

    model = Sequential()
    model.add(Conv2D(8, kernel_size=(3, 3), activation="relu", input_shape=input_shape))
    model.add(Convolution2D(8, kernel_size=(3, 3), activation="relu"))
    model.add(MaxPool2D((2, 2)))
    model.add(MaxPooling2D(pool_size=(2, 2)))
    model.add(Flatten())
    model.add(Dense(units=32, activation="relu"))
    model.add(Dropout(0.1))
    model.add(Dense(units=10))
    model.add(Activation("softmax"))

    optimizer = RMSprop(lr=0.001, rho=0.9, epsilon=1e-08, decay=0.0)
    model.compile(optimizer=optimizer, loss="categorical_crossentropy", metrics=["accuracy"])
    print(model.summary())
    model.fit(x_train, train_targets, batch_size=128, epochs=3, verbose=1)
    scores = model.evaluate(x_test, test_targets, verbose=1)
    print("Baseline Error: %.2f%%" % (100 - scores[1] * 100))
    return model, scores, model.predict(x_test[: len(x_test)])


@pytest.fixture(autouse=True)
def default_format() -> object:
    before = kr.image_data_format()
    yield
    kr.set_image_data_format(before)


def test_script_runs_and_repeats(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.warns(UserWarning, match=r"divide by 255") as warned:
        model, scores, outputs = script("channels_last")
    assert len(warned) == 1
    printed = capsys.readouterr().out
    total = sum(w.size for w in model.get_weights())
    assert f"Total params: {total:,}" in printed
    assert len(re.findall(r"^Epoch \d/3 - 2/2 - \d+s \d+m?s/step - loss: ", printed, re.M)) == 3
    assert re.search(r"Baseline Error: \d+\.\d\d%\n$", printed)
    assert outputs.shape == (64, 10)
    assert outputs.sum(axis=1) == pytest.approx(1, abs=1e-5)
    with pytest.warns(UserWarning, match=r"divide by 255"):
        _, again, same = script("channels_last")
    assert scores == again
    assert outputs.tobytes() == same.tobytes()


def test_both_layouts_learn_the_same() -> None:
    """In float64, since six steps on raw pixels magnify float32's rounding a thousand times."""
    kr.set_floatx("float64")  # tests/conftest.py puts it back
    with pytest.warns(UserWarning, match=r"divide by 255"):
        last, _, outputs = script("channels_last")
    with pytest.warns(UserWarning, match=r"divide by 255"):
        first, _, others = script("channels_first")
    assert first.input_shape == (None, 1, 28, 28)
    assert [w.shape for w in first.get_weights()] == [w.shape for w in last.get_weights()]
    assert outputs.dtype == others.dtype == "float64"
    assert others == pytest.approx(outputs, abs=1e-6)


def test_imported_as_keras() -> None:
    assert keras.layers.Conv2D is Conv2D
    assert keras.models.Sequential is keras.Sequential
    assert keras.datasets.mnist is mnist
    assert keras.utils.to_categorical([1], 2).tolist() == [[0, 1]]
    assert keras.optimizers.RMSprop is RMSprop
    assert keras.losses.categorical_crossentropy.__name__ == "categorical_crossentropy"
    assert keras.callbacks.EarlyStopping().monitor == "val_loss"
    assert keras.backend.image_data_format() == "channels_last"


ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "tests" / "keras_scripts").glob("*_20??.py"))


def converted(path: Path, folder: Path) -> str:
    """Return the script after the command that examples/README.md states."""
    page = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^```sh\n(sed .+?)^```", page, re.M | re.S)
    (folder / "script.py").write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    subprocess.run(["bash", "-ec", command], cwd=folder, check=True)
    assert (folder / "script.py.bak").read_text() == path.read_text()
    return (folder / "script.py").read_text()


def coloured(classes: int) -> tuple[tuple[np.ndarray, ...], ...]:
    """Return 160 + 80 images of the form of CIFAR, brighter from class to class."""
    rng = np.random.default_rng(0)
    pairs = []
    for n in (160, 80):
        y = (np.arange(n) % classes).astype("uint8")[:, None]
        x = np.clip(rng.normal(60 + 12 * (y % 10)[:, :, None, None], 30, (n, 32, 32, 3)), 0, 255)
        pairs.append((x.astype("uint8"), y))
    return pairs[0], pairs[1]


def pictures(folder: Path) -> None:
    """Write pictures of two classes, dark and bright, in files."""
    rng = np.random.default_rng(0)
    for part, n in (("train", 12), ("validation", 6), ("test", 5)):
        for name, mean in (("cats", 60), ("dogs", 180)):
            (folder / part / name).mkdir(parents=True)
            for i in range(n):
                x = np.clip(rng.normal(mean, 30, (20 + i, 24, 3)), 0, 255).astype("uint8")
                image.save_img(folder / part / name / f"{name[:-1]}.{i}.jpg", x, scale=False)


@pytest.mark.filterwarnings("ignore:.*Keras 1:UserWarning")
@pytest.mark.filterwarnings("ignore:Adadelta's learning rate is 0.001:UserWarning")
@pytest.mark.parametrize("path", SCRIPTS, ids=[path.stem for path in SCRIPTS])
def test_an_old_script_runs(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = converted(path, tmp_path)
    assert not re.search(r"^ *(from|import) (keras|tensorflow)", text, re.M)
    (x_train, y_train), (x_test, y_test) = mnist.load_sample()
    few = (x_train[:256], y_train[:256]), (x_test[:128], y_test[:128])
    for dataset in (mnist, fashion_mnist):
        monkeypatch.setattr(dataset, "load_data", lambda few=few: few)
    monkeypatch.setattr(cifar10, "load_data", lambda: coloured(10))
    monkeypatch.setattr(
        cifar100,
        "load_data",
        lambda label_mode="fine": coloured({"fine": 100, "coarse": 20}[label_mode]),
    )
    if "data/" in text:
        pictures(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    np.random.seed(1)
    exec(compile(text, str(path), "exec"), {"__name__": "__main__"})
    printed = capsys.readouterr().out
    assert "keras" not in sys.modules
    assert printed


def test_the_command_converts_every_form_of_import(tmp_path: Path) -> None:
    lines = {
        "import keras": "import numcnn as keras",
        "import keras  # all of it": "import numcnn as keras  # all of it",
        "    import keras": "    import numcnn as keras",
        "import keras.backend as K": "import numcnn.backend as K",
        "from keras import backend as K": "from numcnn import backend as K",
        "from keras.layers import Dense": "from numcnn.layers import Dense",
        "import tensorflow as tf": "import numcnn as tf",
        "import tensorflow.keras as keras": "import numcnn as keras",
        "import tensorflow.keras": "import numcnn as keras",
        "from tensorflow import keras": "from numcnn import keras",
        "from tensorflow.keras import layers": "from numcnn import layers",
        "from tensorflow.keras.layers import Dense": "from numcnn.layers import Dense",
        "x = keras.layers.Dense(2)": "x = keras.layers.Dense(2)",
        "import keras, os": "import numcnn as keras, os",
        "\timport keras;": "\timport numcnn as keras;",
        "import tensorflow": "import numcnn as tensorflow",
        "import tensorflow as tf  # 2": "import numcnn as tf  # 2",
        "from  keras.utils import np_utils": "from numcnn.utils import np_utils",
        "\tfrom keras.layers import Dense": "\tfrom numcnn.layers import Dense",
        "import keras_tuner": "import keras_tuner",
        "print('from keras')": "print('from keras')",
    }
    (tmp_path / "all.py").write_text("\n".join(lines) + "\n")
    assert converted(tmp_path / "all.py", tmp_path).splitlines() == list(lines.values())
