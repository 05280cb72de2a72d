"""How long does ImageDataGenerator take for a batch, beside Keras's on SciPy?

    python benchmarks/augmentation.py
    python benchmarks/augmentation.py --batches 5

Batches of 128 images of 28 by 28, in turns, both with the same seeds; where Keras, SciPy and Pillow
are not installed, numcnn alone. Prints the least and the median of the milliseconds per batch, and
the ratio of the least ones: the machine can only add to those.
"""

import argparse
import statistics
import time
from typing import Any

import machine
import numpy as np

SETTINGS: dict[str, dict[str, Any]] = {
    "turned, shifted, sheared, zoomed": {
        "rotation_range": 10, "width_shift_range": 0.1, "height_shift_range": 0.1,
        "shear_range": 5.0, "zoom_range": 0.1,
    },
    "turned and flipped": {"rotation_range": 10, "horizontal_flip": True},
    "rescaled": {"rescale": 1 / 255},
}  # fmt: skip


def keras_image() -> Any:
    """Return Keras's module, or None where it or what it needs is not installed."""
    try:
        import scipy.ndimage
        from keras.src.legacy.preprocessing import image
    except ImportError as error:
        print(f"Without Keras: {error}.")
        return None
    scipy.ndimage.interpolation = scipy.ndimage  # where Keras still looks for it
    return image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, default=30, help="batches that are timed")
    options = parser.parse_args()
    print(machine.describe())
    from numcnn.preprocessing import image

    modules = {"numcnn": image, "Keras": keras_image()}
    x = np.random.default_rng(0).integers(0, 256, (1280, 28, 28, 1)).astype("uint8")
    for name, settings in SETTINGS.items():
        flows = {
            who: module.ImageDataGenerator(**settings).flow(x, batch_size=128, seed=1)
            for who, module in modules.items()
            if module is not None
        }
        times: dict[str, list[float]] = {who: [] for who in flows}
        for flow in flows.values():
            next(flow)
        for _ in range(max(1, options.batches)):
            for who, flow in flows.items():
                start = time.perf_counter()
                next(flow)
                times[who].append(1e3 * (time.perf_counter() - start))
        least = {who: min(values) for who, values in times.items()}
        texts = [f"{w} {least[w]:.2f} ms (median {statistics.median(times[w]):.2f})" for w in least]
        ratio = f"; ratio {least['Keras'] / least['numcnn']:.1f}" if "Keras" in least else ""
        print(f"{name}: {', '.join(texts)}{ratio}")


if __name__ == "__main__":
    main()
