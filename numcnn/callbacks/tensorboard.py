"""TensorBoard: the numbers of each epoch in a file that TensorBoard shows.

    model.fit(x, y, callbacks=[TensorBoard(log_dir="logs")])        tensorboard --logdir logs

Neither TensorBoard nor TensorFlow is needed to write it. The file is a row of records, each with
its length and two checksums around it; a record is an Event of Protocol Buffers, of which four
fields are used here:

    length (8 bytes)  crc(length)  data  crc(data)          crc: CRC-32C, turned and shifted

    Event    1: wall_time (double)   2: step (varint)   3: file_version (text)   5: Summary
    Summary  1: Value                Value  1: tag (text)   2: simple_value (float)

It refuses to be more: no histograms, no graph, no pictures, no profile; what asks for those is said
once and left out.
"""

import os
import socket
import struct
import time
import warnings
from pathlib import Path
from typing import Any, Literal

from numcnn.callbacks.base import Callback, Logs
from numcnn.data import integer
from numcnn.errors import reject_unknown_keywords

LEFT_OUT = {
    "histogram_freq": "histograms",
    "write_images": "pictures of the weights",
    "write_grads": "histograms of gradients",
    "embeddings_freq": "embeddings",
    "profile_batch": "a profile",
}
KERAS_2 = ("batch_size", "write_grads", "embeddings_layer_names", "embeddings_data")


class TensorBoard(Callback):
    """Write loss and metrics for TensorBoard, under the names that Keras gives them.

    The numbers of training go into `log_dir`/train, those of validation into `log_dir`/validation,
    as epoch_loss, epoch_accuracy and so on, and the learning rate as epoch_learning_rate.

    Args:
        log_dir: the folder; it is made where it is not there.
        update_freq: 'epoch', or 'batch' or a number of batches: then also batch_loss and so on.
        histogram_freq: taken for Keras's sake; there are no histograms.
        write_graph: likewise, there is no graph.
        write_images: likewise.
        write_steps_per_second: likewise.
        profile_batch: likewise.
        embeddings_freq: likewise.
        embeddings_metadata: likewise.
        **kwargs: those of Keras 2: batch_size, write_grads and more; likewise.

    Raises:
        OSError: the folder cannot be made or the file not be written.

    Example:
        >>> import tempfile
        >>> from types import SimpleNamespace
        >>> board = TensorBoard(tempfile.mkdtemp())
        >>> board.set_model(SimpleNamespace(optimizer=SimpleNamespace(learning_rate=0.1)))
        >>> board.on_train_begin()
        >>> board.on_epoch_end(0, {"loss": 3.0})
        >>> [folder.name for folder in Path(board.log_dir).iterdir()]
        ['train']
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: int | Literal["epoch", "batch"] = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
        **kwargs: Any,
    ) -> None:
        code = TensorBoard.__init__.__code__
        reject_unknown_keywords(
            "TensorBoard",
            [name for name in kwargs if name not in KERAS_2],
            [*code.co_varnames[1 : code.co_argcount], *KERAS_2],
        )
        self.log_dir = os.fspath(log_dir)
        if update_freq not in ("epoch", "batch"):
            integer("update_freq, where it is not 'epoch' or 'batch',", update_freq, 1)
        self.every = 0 if update_freq == "epoch" else 1 if update_freq == "batch" else update_freq
        asked = {
            "histogram_freq": histogram_freq,
            "write_images": write_images,
            "profile_batch": profile_batch,
            "embeddings_freq": embeddings_freq,
            **kwargs,
        }
        left_out = [what for name, what in LEFT_OUT.items() if asked.get(name)]
        if left_out:
            warnings.warn(
                f"TensorBoard writes no {' and no '.join(left_out)} here, only loss, metrics "
                "and the learning rate. numcnn.plotting draws filters and feature maps.",
                stacklevel=2,
            )
        self.files: dict[str, Path] = {}
        self.batches = 0

    def on_train_begin(self, logs: Logs = None) -> None:
        """Begin new files, as TensorBoard expects of each training."""
        self.files, self.batches = {}, 0
        Path(self.log_dir, "train").mkdir(parents=True, exist_ok=True)  # or say now that it cannot

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Write the numbers of the epoch so far, where that was asked for."""
        self.batches += 1
        if self.every and self.batches % self.every == 0:
            numbers = {f"batch_{name}": value for name, value in (logs or {}).items()}
            self.write("train", self.batches, numbers)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write the numbers of the epoch."""
        logs = logs or {}
        held = {name: value for name, value in logs.items() if name.startswith("val_")}
        own = {f"epoch_{n}": v for n, v in logs.items() if n not in held and n != "lr"}
        own["epoch_learning_rate"] = float(self.model.optimizer.learning_rate)
        self.write("train", epoch, own)
        if held:
            short = {f"epoch_{name.removeprefix('val_')}": value for name, value in held.items()}
            self.write("validation", epoch, short)

    def write(self, part: str, step: int, numbers: dict[str, float]) -> None:
        """Add an event to the file of a part."""
        if part not in self.files:
            folder = Path(self.log_dir, part)
            folder.mkdir(parents=True, exist_ok=True)
            name = f"events.out.tfevents.{time.time():.6f}.{socket.gethostname()}.{os.getpid()}"
            self.files[part] = folder / f"{name}.v2"
            self.append(part, event(time.time(), 0, field(3, b"brain.Event:2")))
        values = [
            field(1, field(1, name.encode()) + b"\x15" + struct.pack("<f", value))
            for name, value in numbers.items()
        ]
        self.append(part, event(time.time(), step, field(5, b"".join(values))))

    def append(self, part: str, data: bytes) -> None:
        """Write one record."""
        with self.files[part].open("ab") as file:
            file.write(record(data))


def event(when: float, step: int, what: bytes) -> bytes:
    """Return an Event of Protocol Buffers."""
    return b"\x09" + struct.pack("<d", when) + b"\x10" + varint(step) + what


def field(number: int, content: bytes) -> bytes:
    """Return a field that has a length.

    >>> field(1, b"ab").hex(" ")
    '0a 02 61 62'
    """
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(number: int) -> bytes:
    """Return a whole number, seven bits in a byte, the lowest first.

    >>> varint(300).hex(" ")
    'ac 02'
    """
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def record(data: bytes) -> bytes:
    """Return a record of the file: the data with their length and two checksums."""
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def masked(data: bytes) -> bytes:
    """Return the checksum as the file has it."""
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def crc32c(data: bytes) -> int:
    """Return the CRC-32C (Castagnoli) of data.

    Reference: RFC 3720, appendix B.4, which has this example.

    >>> hex(crc32c(bytes(32)))
    '0x8a9136aa'
    """
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _row(n: int) -> int:
    for _ in range(8):
        n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
    return n


TABLE = [_row(n) for n in range(256)]
