"""Files of Keras that are damaged, or lie: each is refused with one error, and nothing changes."""

import json
import tracemalloc
import zipfile

import numpy as np
import pytest
from fuzzer import fuzz
from keras_examples import FOLDER, beside, data, zipped
from model_files import refused
from small_nets import fingerprint, weights_hash

from numcnn.errors import ModelFileError
from numcnn.layers import Dense
from numcnn.models import Sequential, load_model

HOSTILE = {
    "external_link": "does not write",
    "soft_link": "link to elsewhere",
    "external_storage": "not an array in one piece",
    "virtual": "stands in pieces",
    "compressed": "not an array in one piece",
    "in_chunks": "stands in pieces",
    "huge": "has not the bytes of an array",
    "never_written": "has not the bytes of an array",
    "reference": "does not hold numbers",
    "text": "does not hold numbers",
    "complex": "does not hold numbers",
    "a_group": "not an array in one piece",
    "nothing": "has not the bytes|another architecture",
    "other_shape": "another architecture",
    "later_form": "another form",
    "ordered": "does not write",
    "repeated": "more than its own length",
    "references_for_a_text": "is no text",
}


def small():
    model = Sequential([Dense(1, input_shape=(2,))])
    model.compile("rmsprop", "mse")
    model.train_on_batch(np.ones((1, 2)), np.ones((1, 1)))
    return model


@pytest.mark.parametrize("name", HOSTILE)
def test_what_hdf5_could_do_besides_is_refused(name):
    model = small()
    before = fingerprint(model)
    tracemalloc.start()
    with pytest.raises(ModelFileError, match=HOSTILE[name]) as caught:
        model.load_weights(FOLDER / "hostile" / f"{name}.h5")
    assert tracemalloc.get_traced_memory()[1] < 5 * 2**20
    tracemalloc.stop()
    assert "\n" not in str(caught.value)
    assert fingerprint(model) == before


def test_each_of_them_is_refused_for_that_alone():
    assert {path.stem for path in (FOLDER / "hostile").iterdir()} == {*HOSTILE, "sound", "nan"}
    model = small()
    model.load_weights(FOLDER / "hostile" / "sound.h5")
    assert not model.get_weights()[0].any()


def test_weights_that_are_nan_load_with_a_warning():
    model = small()
    with pytest.warns(UserWarning, match=r"NaN or infinite: dense/w\."):
        model.load_weights(FOLDER / "hostile" / "nan.h5")
    assert np.isnan(model.get_weights()[0]).all()


STEPS = [pytest.param(1, marks=pytest.mark.slow), 487]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("name", ["keras3.keras", "keras3.h5", "keras2.h5"])
def test_every_truncation_is_refused(tmp_path, name, step):
    content = (FOLDER / name).read_bytes()
    path = tmp_path / "cut"
    for end in sorted({*range(0, len(content), step), *range(20), *range(-20, 0)}):
        path.write_bytes(content[:end])
        refused(path)


FLIPS = [pytest.param(53, marks=pytest.mark.slow), 487]


@pytest.mark.parametrize("step", FLIPS)
def test_flipped_bits_of_a_zip_are_refused_or_say_nothing(tmp_path, step):
    content = (FOLDER / "keras3.keras").read_bytes()
    path, expected = tmp_path / "flipped.keras", beside("keras3.keras")["predicted"]
    for at in range(0, len(content), step):
        for bit in range(8) if step == 53 else [at // step % 8]:
            flipped = bytearray(content)
            flipped[at] ^= 1 << bit
            path.write_bytes(flipped)
            try:
                model = load_model(path)
            except ModelFileError:
                continue
            assert np.allclose(model.predict(data()[0]), expected, atol=1e-5), at


@pytest.mark.parametrize("step", FLIPS)
def test_flipped_bits_of_hdf5_are_refused_or_numbers(tmp_path, step):
    """HDF5 has no checksum: a changed weight is a changed weight, all else has to be refused."""
    model = load_model(FOLDER / "keras3.h5")
    content, shapes = (FOLDER / "keras3.h5").read_bytes(), [w.shape for w in model.get_weights()]
    path = tmp_path / "flipped.h5"
    taken = 0
    for at in range(0, len(content), step):
        for bit in range(8) if step == 53 else [at // step % 8]:
            flipped = bytearray(content)
            flipped[at] ^= 1 << bit
            path.write_bytes(flipped)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("warnings.warn", lambda *args, **kwargs: None)
                try:
                    again = load_model(path)
                except ModelFileError:
                    continue
            assert [w.shape for w in again.get_weights()] == shapes
            taken += 1
    assert 0 < taken < len(content) / step * (8 if step == 53 else 1)


@pytest.mark.parametrize("times", [pytest.param(50_000, marks=pytest.mark.proof), 300])
@pytest.mark.parametrize("names", [["keras3.h5", "keras2.h5"], ["keras2_old.h5"]], ids=str)
def test_mutants_are_refused_or_models(tmp_path, names, times):
    path = tmp_path / "mutant.h5"

    def read(raw):
        path.write_bytes(raw)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("warnings.warn", lambda *args, **kwargs: None)
            load_model(path)

    seeds = [(FOLDER / name).read_bytes() for name in names]
    _, n_refused = fuzz(read, seeds, ModelFileError, times=times, seed=1, most_bytes=5 * 2**20)
    assert n_refused > times / 3


def test_a_text_longer_than_the_file_takes_no_memory(tmp_path):
    """The library takes as many bytes as a length says before it looks whether they are there."""
    content = (FOLDER / "keras3.h5").read_bytes()
    heap = content.index(b"GCOL").to_bytes(8, "little")
    path = tmp_path / "long.h5"
    at, n_refused = content.find(heap), 0
    while at >= 0:
        path.write_bytes(content[: at - 1] + b"\xff" + content[at:])
        tracemalloc.start()
        try:
            load_model(path)  # where nobody reads that text
        except ModelFileError:
            n_refused += 1
        assert tracemalloc.get_traced_memory()[1] < 5 * 2**20
        tracemalloc.stop()
        at = content.find(heap, at + 1)
    assert n_refused > 20


def test_a_heap_that_leads_nowhere(tmp_path):
    content = bytearray((FOLDER / "keras3.h5").read_bytes())
    at = content.index(b"GCOL") + 16
    content[at : at + 16] = bytes(16)  # nothing but free space of no size
    (tmp_path / "free.h5").write_bytes(content)
    refused(tmp_path / "free.h5")


def test_a_tree_that_leads_back_to_itself(tmp_path):
    content = bytearray((FOLDER / "keras3.h5").read_bytes())
    at = content.index(b"TREE")
    content[at + 32 : at + 40] = at.to_bytes(8, "little")
    (tmp_path / "ring.h5").write_bytes(content)
    refused(tmp_path / "ring.h5", "members of a group are damaged")


def test_groups_that_are_their_own_members(tmp_path):
    """model_weights leads to the root: its layers are not there, and nothing goes round."""
    content = bytearray((FOLDER / "keras3.h5").read_bytes())
    root = int.from_bytes(content[64:72], "little")
    at = content.index(b"SNOD") + 8 + 8
    content[at : at + 8] = root.to_bytes(8, "little")
    (tmp_path / "ring.h5").write_bytes(content)
    refused(tmp_path / "ring.h5", "does not list its layers")


# zips


def config_of(**changes):
    return lambda config: config.update(changes)


def layer(changes):
    return lambda config: config["config"]["layers"][1]["config"].update(changes)


CONFIGURATIONS = {
    "functional": (config_of(class_name="Functional"), "'Functional'; numcnn has Sequential"),
    "class is a list": (config_of(class_name=["Sequential"]), "numcnn has Sequential alone"),
    "no configuration": (lambda c: c.pop("config"), "not one of Keras's"),
    "layers are a number": (lambda c: c["config"].update(layers=3), "no list of layers"),
    "no layers": (lambda c: c["config"].update(layers=[]), "0 layers"),
    "2,000 layers": (
        lambda c: c["config"].update(layers=c["config"]["layers"] * 200), "1 to 1000"
    ),
    "layer of another program": (
        lambda c: c["config"]["layers"][1].update(module="os"), "layer 0, 'conv2d'.*not from Keras"
    ),
    "code": (
        lambda c: c["config"]["layers"][5].update(class_name="Lambda"), r"\(Lambda\).*holds code"
    ),
    "sparse input": (
        lambda c: c["config"]["layers"][0]["config"].update(sparse=True), "sparse or ragged"
    ),
    "open size": (
        lambda c: c["config"]["layers"][0]["config"].update(batch_shape=[None, None, 7, 1]),
        "needs each size",
    ),
    "other filters": (layer({"filters": 4}), r"parameter 'w' needs \(3, 3, 1, 4\)"),
    "10**12 filters": (layer({"filters": 10**12}), "parameter 'w' needs"),
    "fractional filters": (layer({"filters": 2.5}), "filters of Conv2D"),
    "name with a slash": (layer({"name": "a/b"}), "name must be"),
    "two of a name": (layer({"name": "second"}), "second"),
    "no name": (lambda c: c["config"]["layers"][1]["config"].pop("name"), "name"),
    "argument": (layer({"evil": 1}), "evil=1"),
    "float64": (layer({"dtype": "float64"}), "needs .* of float64"),
    "other order": (lambda c: c["config"]["layers"].reverse(), "InputLayer"),
    "optimizer's argument": (
        lambda c: c["compile_config"]["optimizer"]["config"].update(rho="evil"), "rho"
    ),
    "learning rate": (
        lambda c: c["compile_config"]["optimizer"]["config"].update(learning_rate=-1),
        "learning_rate",
    ),
    "compiled is a list": (config_of(compile_config=[1]), "how it was compiled"),
}  # fmt: skip


@pytest.mark.parametrize("case", CONFIGURATIONS)
def test_configurations_that_cannot_be_are_refused(tmp_path, case):
    change, match = CONFIGURATIONS[case]
    tracemalloc.start()
    refused(zipped(tmp_path / "hostile.keras", change), match)
    assert tracemalloc.get_traced_memory()[1] < 5 * 2**20
    tracemalloc.stop()


MEMBERS = {
    "a way out": ({"../../evil.py": b"print(1)"}, r"'\.\./\.\./evil\.py'"),
    "an absolute way": ({"/tmp/evil.py": b"print(1)"}, "'/tmp/evil.py'"),
    "pickled": ({"model.pkl": b"cos\nsystem\n(S'true'\ntR."}, "'model.pkl'"),
    "assets": ({"assets/layers/0/vocabulary.txt": b""}, "assets"),
    "no weights": ({"model.weights.h5": None}, "without config.json and model.weights.h5"),
    "no HDF5": ({"model.weights.h5": b"PK" * 100}, "another form"),
    "a whole model's HDF5": (
        {"model.weights.h5": (FOLDER / "keras3.h5").read_bytes()}, "has no 'layers'"
    ),
    "no JSON": ({"config.json": b"{"}, "Expecting"),
    "a list": ({"config.json": b"[1]"}, "not one of Keras's"),
    "nested": ({"config.json": b"[" * 10**6}, "recursion"),
    "many digits": ({"config.json": b"9" * 10**5}, "digits|not one of Keras's"),
    "large": ({"config.json": b" " * (2**24 + 1)}, "too large"),
}  # fmt: skip


@pytest.mark.parametrize("case", MEMBERS)
def test_members_that_cannot_be_are_refused(tmp_path, case):
    members, match = MEMBERS[case]
    refused(zipped(tmp_path / "hostile.keras", members=members), match)
    assert [path.name for path in tmp_path.iterdir()] == ["hostile.keras"]


@pytest.mark.parametrize("how", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_bombs_are_not_unpacked(tmp_path, how):
    path = tmp_path / "bomb.keras"
    zipped(path, members={"model.weights.h5": bytes(2**25)}, compression=how)
    tracemalloc.start()
    refused(path, "compressed")
    assert tracemalloc.get_traced_memory()[1] < 5 * 2**20
    tracemalloc.stop()


def test_weights_of_another_model_change_nothing():
    model = small()
    before = weights_hash(model)
    for name in ("keras3.keras", "keras3.h5", "keras3.weights.h5", "keras2_weights.h5"):
        with pytest.raises(ModelFileError):
            model.load_weights(FOLDER / name)
        assert weights_hash(model) == before


def test_the_json_of_the_examples_is_what_the_tests_change():
    with zipfile.ZipFile(FOLDER / "keras3.keras") as archive:
        config = json.loads(archive.read("config.json"))
    classes = [entry["class_name"] for entry in config["config"]["layers"]]
    assert classes[:2] == ["InputLayer", "Conv2D"]
    assert classes[5] == "Activation"
