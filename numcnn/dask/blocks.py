"""Predictions for a Dask array: the model goes to each worker once and takes block after block.

A block is what `model.predict` is given, so that batches never reach over the edge of a block.
"""

import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from numcnn import data, extras
from numcnn.dask.worker import OncePerProcess
from numcnn.engine.crew import set_num_threads
from numcnn.errors import DTypeError, ShapeError
from numcnn.layers import Layer
from numcnn.models import Sequential, load_model
from numcnn.seeds import given_back

if TYPE_CHECKING:
    Classes = dict[str, type[Layer]] | None

HERE = uuid.uuid4().hex  # this process


def predict(
    model: Sequential,
    x: Any,
    batch_size: int | None = None,
    *,
    threads: int = 1,
    custom_objects: "Classes" = None,
) -> Any:
    """Return the outputs for a Dask array of samples as a Dask array, computed when it is.

    The model as it is now travels as the bytes of its own file, to each worker once, with neither
    the optimizer's memory nor code. What is divided along other axes than that of the samples is
    put together again, which moves data between workers: better divide along the first axis alone.

    Args:
        model: built; it need not be compiled.
        x: a dask.array, (N, ...), of any number type.
        batch_size: samples per batch; None means 32. Where the blocks' lengths are multiples of
            it, the outputs have the bits of `model.predict(x, batch_size)`.
        threads: numcnn's threads in each worker's process. Dask counts on one core per task, so
            take more only where workers have more cores than threads of Dask. The process that
            calls this keeps its own number.
        custom_objects: layer classes of your own by name, which the workers must be able to import.

    Returns:
        A dask.array, (N, ...), in blocks of as many samples as those of x and in the model's dtype.

    Raises:
        ImportError: Dask is missing (the extra `dask`). DTypeError: x is no Dask array of numbers.
        ShapeError: its samples are not those of the model. NotCompiledError: the model is not
        built. ModelFileError: a layer's class is neither numcnn's nor among custom_objects.

    Example:
        >>> import dask.array as da  # doctest: +SKIP
        >>> x = da.from_zarr("images.zarr").rechunk((4096, 28, 28, 1))  # doctest: +SKIP
        >>> predict(model, x).to_zarr("predictions.zarr")  # doctest: +SKIP
    """
    da = extras.load("dask.array", "dask", "numcnn.dask.predict")
    if not isinstance(x, da.Array):
        raise DTypeError(
            f"x must be a Dask array, got {type(x).__name__}. Make it one with "
            "dask.array.from_array(x, chunks=(4096, ...)), or call model.predict(x)."
        )
    if x.dtype.kind not in "biuf":
        raise DTypeError(f"x must hold numbers, got a Dask array of {x.dtype}.")
    batch_size = 32 if batch_size is None else data.integer("batch_size", batch_size, 1)
    threads = data.integer("threads", threads, 1)
    _, *outputs = model.output_shape
    if any(np.isnan(x.shape[1:])):
        raise ShapeError(
            f"x has the shape {x.shape}, which does not say what shape a sample has. Call "
            "x.compute_chunk_sizes() first."
        )
    data.check_input_shape(x, model.sample_shape or (), model.layers[0].name)
    if any(blocks > 1 for blocks in x.numblocks[1:]):
        x = x.rechunk(dict.fromkeys(range(1, x.ndim), -1))
    travelling = OncePerProcess(
        _unpacked, _packed(model, custom_objects), model.engine_name, model.exact, custom_objects
    )
    dtype = np.dtype(model.layers[-1].dtype)
    return x.map_blocks(
        _block,
        extras.load("dask", "dask", "numcnn.dask.predict").delayed(travelling, traverse=False),
        batch_size,
        threads,
        HERE,
        drop_axis=range(1, x.ndim),
        new_axis=range(1, 1 + len(outputs)),
        chunks=(x.chunks[0], *((n,) for n in outputs)),
        dtype=dtype,
        meta=np.empty((0,) * (1 + len(outputs)), dtype),
    )


def _block(x: Any, model: OncePerProcess, batch_size: int, threads: int, caller: str) -> Any:
    if caller != HERE:
        set_num_threads(threads)
    return model.value.predict(np.asarray(x), batch_size)


def _packed(model: Sequential, custom_objects: "Classes") -> bytes:
    """Return the bytes of a file that holds layers and weights."""
    with given_back(always=True), tempfile.TemporaryDirectory() as folder:
        bare = Sequential.from_config(model.get_config(), custom_objects)
        bare.set_weights(model.get_weights())
        path = Path(folder) / "model.npz"
        bare.save(path)
        return path.read_bytes()


def _unpacked(packed: bytes, engine: str, exact: bool, custom_objects: "Classes") -> Sequential:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.npz"
        path.write_bytes(packed)
        model = load_model(path, custom_objects)
    model.engine_name, model.exact = engine, exact
    return model
