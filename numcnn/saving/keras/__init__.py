"""Keras's files: `.keras`, `.h5` and `.weights.h5`, of Keras 2 and 3.

Reading needs nothing besides NumPy; writing needs h5py, which is the extra `keras`.

    model.keras        a zip of what Keras 3 writes: config.json, metadata.json, model.weights.h5
    model.h5           HDF5, Keras 2 and `.h5` of Keras 3: the attributes model_config and
                       training_config (JSON), model_weights/conv2d/conv2d/kernel:0, ...,
                       optimizer_weights/...
    model.weights.h5   HDF5, Keras 3: layers/conv2d/vars/0, layers/conv2d/vars/1, ...
    weights.h5         HDF5, `save_weights` of Keras 2: conv2d/conv2d/kernel:0, ...

`layers.py` and `compiled.py` say what is called what, and are where a new layer or optimizer is
added; `sequential.py` is the model around the layers, `files.py` knows what stands where, `hdf5.py`
reads no more of HDF5 than that.

Carried are the layers with their arguments and weights, the optimizer with its arguments, memory
and number of steps, the loss, and metrics by name. Not carried, because the other has no place for
it: the history and the point at which a training stopped, the engine, and the masks of Dropout that
come next. Keras takes an optimizer's memory back from `.keras` files alone, not from `.h5`. What
numcnn does not have is named: a layer, or an argument of one, is refused; an
optimizer, a loss or a metric is left behind with a warning, and the model predicts all the same.
"""
