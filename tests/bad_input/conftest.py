import pytest
from bad_input.cases import X, Y
from small_nets import cnn


@pytest.fixture(scope="module", params=["numpy", "numba"])
def trained(request):
    """A model that has been trained, on each engine."""
    model = cnn(engine=request.param)
    model.fit(X, Y, verbose=0)
    return model


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working folder, with a folder and a file in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "model.npz").write_bytes(b"an older file")
    return tmp_path
