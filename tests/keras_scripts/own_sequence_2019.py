"""tensorflow.keras 1.13 to 2: a Sequence and a callback of one's own, batches by hand."""

import math

import numpy as np
import tensorflow.keras as keras
import tensorflow.keras.backend as K
from tensorflow.keras.datasets import mnist
from tensorflow.keras.layers import Conv2D, Dense, Flatten, Input, MaxPooling2D
from tensorflow.keras.models import Sequential
from tensorflow.keras.utils import Sequence


class Digits(Sequence):
    def __init__(self, x_set, y_set, batch_size):
        self.x, self.y = x_set, y_set
        self.batch_size = batch_size

    def __len__(self):
        return math.ceil(len(self.x) / self.batch_size)

    def __getitem__(self, idx):
        part = slice(idx * self.batch_size, (idx + 1) * self.batch_size)
        return self.x[part][..., None] / 255.0, keras.utils.to_categorical(self.y[part], 10)


class LossHistory(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.losses = []
        self.rates = []

    def on_batch_end(self, batch, logs=None):
        self.losses.append(logs.get("loss"))

    def on_epoch_end(self, epoch, logs=None):
        self.rates.append(float(K.get_value(self.model.optimizer.lr)))
        self.model.optimizer.lr = self.rates[-1] * 0.5


(x_train, y_train), (x_test, y_test) = mnist.load_data()
model = Sequential()
model.add(Input(shape=(28, 28, 1)))
model.add(Conv2D(8, 3, activation="relu", name="first"))
model.add(MaxPooling2D())
model.add(Flatten())
model.add(Dense(10, activation="softmax", name="last"))
model.compile(optimizer="sgd", loss="categorical_crossentropy", metrics=["accuracy"])
seen = LossHistory()
model.fit(
    Digits(x_train, y_train, 50),
    epochs=2,
    validation_data=Digits(x_test, y_test, 50),
    callbacks=[seen],
)
assert np.allclose(seen.rates, [0.01, 0.005])
print(len(seen.losses))


def batches():
    while True:
        chosen = np.random.randint(0, len(x_train), 32)
        yield x_train[chosen][..., None] / 255.0, keras.utils.to_categorical(y_train[chosen], 10)


model.fit_generator(generator=batches(), steps_per_epoch=4, epochs=1, verbose=0)
for _ in range(3):
    loss, accuracy = model.train_on_batch(*next(batches()))
print(model.metrics_names, loss, accuracy)
model.get_layer("first").trainable = False
before = model.get_layer("first").get_weights()[0].copy()
model.compile(optimizer="adam", loss="categorical_crossentropy")
model.fit(batches(), steps_per_epoch=2, verbose=0)
assert (model.get_layer("first").get_weights()[0] == before).all()
print(model.layers[-1].output_shape, model.get_layer(index=0).input_shape)
