"""Keras 3: Input first, layers from the module, steps by hand."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(812)
(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
x_train = np.expand_dims(x_train.astype("float32") / 255, -1)
x_test = np.expand_dims(x_test.astype("float32") / 255, -1)
model = keras.Sequential(
    [
        keras.Input(shape=(28, 28, 1)),
        layers.Conv2D(16, kernel_size=3, use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.MaxPooling2D(pool_size=2),
        layers.SeparableConv2D(16, 3, activation="gelu"),
        layers.GlobalAveragePooling2D(),
        layers.Dropout(0.5),
        layers.Dense(10, activation=keras.activations.softmax),
    ],
    name="small",
)
model.summary(line_length=90, print_fn=lambda line, **kwargs: print(line))
model.compile(
    loss=keras.losses.SparseCategoricalCrossentropy(),
    optimizer=keras.optimizers.AdamW(keras.optimizers.schedules.ExponentialDecay(1e-3, 10, 0.9)),
    metrics=[keras.metrics.SparseCategoricalAccuracy(name="acc")],
)
model.fit(
    x_train,
    y_train,
    batch_size=128,
    epochs=2,
    validation_split=0.15,
    callbacks=[
        keras.callbacks.ModelCheckpoint(filepath="model_at_epoch_{epoch}.npz"),
        keras.callbacks.EarlyStopping(monitor="val_loss", patience=2),
    ],
)
score = model.evaluate(x_test, y_test, verbose=0, return_dict=True)
print(sorted(score), model.input_shape, model.output_shape)
again = keras.models.load_model("model_at_epoch_2.npz")
assert np.allclose(again.predict(x_test[:8]), model.predict(x_test[:8], verbose=0))
again = keras.models.clone_model(model)
again.set_weights(model.get_weights())
