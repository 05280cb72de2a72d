"""examples/train_networks.py: its three networks, run through the program's own main."""

import re
from pathlib import Path

import numpy as np
import pytest
import train_networks
import trainer

from numcnn.datasets import fashion_mnist, kmnist, mnist
from numcnn.models import load_model

PARAMETERS = {
    "lenet5": 6 * (25 + 1) + 16 * (25 * 6 + 1) + 120 * (25 * 16 + 1) + 84 * 121 + 10 * 85,
    "vgg": 9 * (1 * 16 + 16 * 16 + 16 * 32 + 32 * 32 + 32 * 64 + 64 * 64)  # no biases
    + 4 * 2 * (16 + 32 + 64)  # gamma, beta, mean and variance of each map
    + 128 * (3 * 3 * 64 + 1)
    + 10 * 129,
    "all_convolutional": 32 * (9 + 1)
    + 32 * (9 * 32 + 1)
    + 64 * (9 * 32 + 1)
    + 2 * 64 * (9 * 64 + 1)
    + 64 * 65
    + 10 * 65,
}


def weights(model):
    return np.concatenate([w.ravel() for w in model.get_weights()]).tobytes()


@pytest.fixture
def few(monkeypatch):
    """Let load_sample return 320 training and 50 test images, and no pictures be drawn."""
    (x, y), (x_test, y_test) = mnist.load_sample()
    small = (x[:320], y[:320]), (x_test[:50], y_test[:50])
    monkeypatch.setattr(mnist, "load_sample", lambda: small)
    monkeypatch.setattr(trainer, "draw", lambda *arguments: {})


@pytest.mark.parametrize("network", train_networks.NETWORKS)
def test_every_network_has_the_parameters_that_it_states(network):
    model = train_networks.NETWORKS[network]()
    assert model.count_params() == PARAMETERS[network]
    assert model.output_shape == (None, 10)
    stated = f"{PARAMETERS[network]:,} parameters"
    assert stated in train_networks.NETWORKS[network].__doc__


@pytest.mark.parametrize(
    ("network", "epochs", "bound"),
    [("lenet5", 3, 25), ("vgg", 1, 25), ("all_convolutional", 2, 25)],
)
def test_every_network_learns_digits(network, epochs, bound, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments = [network, "--data", "sample", "--epochs", str(epochs), "--batch-size", "50"]
    assert train_networks.main([*arguments, "--save", "model.npz"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert f"Total params: {PARAMETERS[network]:,}" in out
    assert f"Epoch {epochs}/{epochs} - 100/100 - " in out
    error = float(re.search(r"^Test error: (\d+\.\d\d)%$", out, re.MULTILINE)[1])
    assert error < bound
    for name in ("learning_curves", "misclassified", "confusion_matrix", "filters"):
        assert Path("results", f"{name}.png").read_bytes().startswith(b"\x89PNG")

    # The file gives the same model back, on both engines.
    _, (x, y) = mnist.load_sample()
    x = x[..., None] / np.float32(255)
    model = load_model("model.npz")
    p = model.predict(x)
    assert f"{100 * (p.argmax(axis=1) != y).mean():.2f}" == f"{error:.2f}"
    model.compile("adam", "categorical_crossentropy", engine="numpy")
    np.testing.assert_allclose(model.predict(x[:100]), p[:100], rtol=0, atol=1e-5)


@pytest.mark.parametrize("network", train_networks.NETWORKS)
def test_every_network_travels_as_a_file_of_keras(network, tmp_path):
    pytest.importorskip("h5py")
    _, (x, _) = mnist.load_sample()
    x = x[:50, ..., None] / np.float32(255)
    model = train_networks.build(train_networks.parse([network]))
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.predict(x), model.predict(x), rtol=0, atol=1e-6)
    assert again.optimizer.get_config() == model.optimizer.get_config()


@pytest.mark.parametrize("network", train_networks.NETWORKS)
def test_a_stop_changes_nothing_and_a_seed_everything(network, few, tmp_path, monkeypatch, capsys):
    class Interrupting(trainer.ModelCheckpoint):
        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    run = [network, "--data", "sample", "--epochs", "2"]
    stopped = [*run, "--checkpoint", "c.npz", "--save", "stopped.npz"]
    with monkeypatch.context() as patch:
        patch.setattr(trainer, "ModelCheckpoint", Interrupting)
        assert train_networks.main(stopped) == 130
    assert "to go on from there, run" in capsys.readouterr().err
    assert train_networks.main([*stopped, "--resume", "--epochs", "3"]) == 1
    assert "another --epochs, --batch-size, --learning-rate or --data" in capsys.readouterr().err
    assert train_networks.main([*stopped, "--resume"]) == 0
    assert "Going on from c.npz" in capsys.readouterr().out
    assert train_networks.main([*run, "--save", "whole.npz"]) == 0
    assert train_networks.main([*run, "--save", "other.npz", "--seed", "100"]) == 0
    files = "stopped.npz", "whole.npz", "other.npz"
    one, two, three = (weights(load_model(name)) for name in files)
    assert one == two
    assert two != three


def test_the_steps_shrink_to_nothing_at_the_last_one():
    for dataset in (mnist.MNIST, fashion_mnist.FASHION_MNIST, kmnist.KMNIST):
        assert dataset.files[0].shape[0] == 60_000
    for arguments, steps in (
        (["lenet5", "--epochs", "3"], 3 * 469),
        (["lenet5", "--epochs", "2", "--batch-size", "100", "--data", "kmnist"], 2 * 600),
        (["lenet5", "--epochs", "2", "--data", "sample"], 2 * 40),
    ):
        optimizer = train_networks.build(train_networks.parse(arguments)).optimizer
        assert optimizer.learning_rate == 0.002
        optimizer.iterations = steps - 1
        assert optimizer.learning_rate > 0
        optimizer.iterations = steps
        assert optimizer.learning_rate == 0


def test_without_files_there_is_one_error(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NUMCNN_OFFLINE", "1")
    for name in ("NUMCNN_HOME", "KERAS_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert train_networks.main(["lenet5", "--data", "fashion_mnist"]) == 1
    out, err = capsys.readouterr()
    assert err.startswith("DownloadError: Fashion-MNIST could not be loaded. Tried:\n")
    assert str(tmp_path / "datasets" / "fashion-mnist") in err
    assert "Traceback" not in err
    assert "Epoch" not in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [([], "required: network"), (["alexnet"], "invalid choice: 'alexnet'")],
    ids=["none", "alexnet"],
)
def test_a_wrong_network_is_refused(arguments, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        train_networks.main(arguments)
    assert message in capsys.readouterr().err
