"""Keras 2.2: every usual callback, and 'acc' in the history."""

import numpy as np
from keras.callbacks import (
    CSVLogger,
    EarlyStopping,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    TerminateOnNaN,
)
from keras.datasets import fashion_mnist
from keras.layers import Activation, AveragePooling2D, Conv2D, Dense, Flatten
from keras.models import Sequential, load_model
from keras.utils import to_categorical

(x_train, y_train), (x_test, y_test) = fashion_mnist.load_data()
x_train = np.expand_dims(x_train, -1) / 255.0
x_test = np.expand_dims(x_test, -1) / 255.0
y_train, y_test = to_categorical(y_train), to_categorical(y_test)


def step_decay(epoch):
    return 0.001 * 0.5 ** (epoch // 2)


def step_decay_with_rate(epoch, lr):
    return lr * 0.9


model = Sequential(
    [
        Conv2D(6, (5, 5), padding="same", input_shape=(28, 28, 1), name="C1"),
        Activation("tanh"),
        AveragePooling2D((2, 2), strides=2),
        Conv2D(16, (5, 5), activation="tanh"),
        AveragePooling2D(),
        Flatten(),
        Dense(84, activation="tanh"),
        Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "categorical_crossentropy", metrics=["acc"])
callbacks = [
    EarlyStopping(monitor="val_acc", patience=5, verbose=1, mode="max"),
    ModelCheckpoint("best.npz", monitor="val_acc", verbose=1, save_best_only=True, mode="max"),
    ModelCheckpoint("weights.{epoch:02d}-{val_loss:.2f}.npz", save_weights_only=True, period=1),
    ReduceLROnPlateau(monitor="val_loss", factor=0.2, patience=3, verbose=1, min_lr=1e-5),
    CSVLogger("training.log", separator=",", append=False),
    LearningRateScheduler(step_decay, verbose=1),
    LearningRateScheduler(step_decay_with_rate),
    TerminateOnNaN(),
]
history = model.fit(
    x_train,
    y_train,
    batch_size=64,
    epochs=3,
    verbose=2,
    callbacks=callbacks,
    validation_data=(x_test, y_test),
    shuffle=True,
)
acc, val_acc = history.history["acc"], history.history["val_acc"]
loss, val_loss = history.history["loss"], history.history["val_loss"]
print(len(acc), len(val_acc), len(loss), len(val_loss), history.history["lr"])
best = load_model("best.npz")
assert np.isclose(best.evaluate(x_test, y_test, verbose=0)[1], max(val_acc))
