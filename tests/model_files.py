"""Model files for tests: a small one, its members, and a check that a file is refused."""

import io
import json
import zipfile

import numpy as np
import pytest
from small_nets import fingerprint

from numcnn.callbacks import EarlyStopping
from numcnn.errors import ModelFileError
from numcnn.layers import Dense, Dropout
from numcnn.models import Sequential, load_model
from numcnn.utils import set_random_seed


def as_json(model):
    return json.loads(json.dumps(model.get_config()))


def write_small(folder):
    """Write a model with everything in it; return (folder, bytes, what it is)."""
    set_random_seed(1)
    model = Sequential([Dense(1, input_shape=(1,)), Dropout(0.5)])
    model.compile("rmsprop", "mse")
    model.fit([[1.0]], [[2.0]], verbose=0, callbacks=[EarlyStopping("loss")])
    model.save(folder / "m.npz")
    return folder, (folder / "m.npz").read_bytes(), (fingerprint(model), as_json(model))


def refused(path, match=None, **kwargs):
    """Load a file, which must raise a ModelFileError of one line; return its message."""
    with pytest.raises(ModelFileError, match=match) as caught:
        load_model(path, **kwargs)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def members_of(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members if isinstance(members, list) else members.items():
            archive.writestr(name, content)


def npy(array, **kwargs):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asanyarray(array), **kwargs)
    return stream.getvalue()


def rewrite(folder, content, change):
    """Return a path to the file with its description changed."""
    members = members_of(content)
    description = json.loads(np.load(io.BytesIO(members["model.npy"])).tobytes())
    change(description)
    members["model.npy"] = npy(np.frombuffer(json.dumps(description).encode(), "u1"))
    path = folder / "hostile.npz"
    pack(path, members)
    return path
