"""Keras 2.2: CIFAR-10 with metrics of the backend, and callbacks of one's own and of Keras."""

import keras.backend as K
import numpy as np
from keras.callbacks import (
    Callback,
    EarlyStopping,
    LearningRateScheduler,
    ReduceLROnPlateau,
    TensorBoard,
)
from keras.datasets import cifar10
from keras.layers import Activation, BatchNormalization, Conv2D, Dense, Dropout, Flatten
from keras.layers.pooling import MaxPooling2D
from keras.models import Sequential
from keras.optimizers import SGD
from keras.preprocessing.image import ImageDataGenerator
from keras.utils import np_utils

(x_train, y_train), (x_test, y_test) = cifar10.load_data()
print("x_train shape:", x_train.shape, "y_train shape:", y_train.shape)
y_train = np_utils.to_categorical(y_train, 10)
y_test = np_utils.to_categorical(y_test, 10)
x_train = x_train.astype("float32") / 255
x_test = x_test.astype("float32") / 255


def hits(y_true, y_pred):
    return K.mean(K.equal(K.argmax(y_true, axis=-1), K.argmax(y_pred, axis=-1)))


def recall(y_true, y_pred):
    found = K.sum(K.round(K.clip(y_true * y_pred, 0, 1)))
    return found / (K.sum(K.round(K.clip(y_true, 0, 1))) + K.epsilon())


class Rates(Callback):
    def on_train_begin(self, logs=None):
        self.rates, self.correct = [], []
        K.set_value(self.model.optimizer.lr, 0.02)

    def on_batch_end(self, batch, logs=None):
        self.rates.append(K.get_value(self.model.optimizer.lr))
        K.set_value(self.model.optimizer.lr, self.rates[-1] * 0.99)

    def on_epoch_end(self, epoch, logs=None):
        predicted = self.model.predict(self.validation_data[0]).argmax(axis=1)
        self.correct.append(np.mean(predicted == self.validation_data[1].argmax(axis=1)))


K.clear_session()
model = Sequential()
model.add(
    Conv2D(8, (3, 3), padding="same", kernel_initializer="he_uniform", input_shape=(32, 32, 3))
)
model.add(Activation("relu"))
model.add(BatchNormalization())
model.add(MaxPooling2D(pool_size=(4, 4)))
model.add(Flatten())
model.add(Dropout(0.1))
model.add(Dense(10))
model.add(Activation("softmax"))
model.compile(
    optimizer=SGD(lr=0.01, momentum=0.9, nesterov=True),
    loss="categorical_crossentropy",
    metrics=["accuracy", hits, recall],
)
datagen = ImageDataGenerator(width_shift_range=0.1, height_shift_range=0.1, horizontal_flip=True)
datagen.fit(x_train)
rates = Rates()
history = model.fit_generator(
    datagen.flow(x_train, y_train, batch_size=32),
    steps_per_epoch=len(x_train) / 32,
    epochs=2,
    verbose=2,
    validation_data=(x_test, y_test),
    callbacks=[
        rates,
        EarlyStopping("val_loss", patience=3, baseline=None, restore_best_weights=True),
        ReduceLROnPlateau(monitor="val_loss", factor=0.5, patience=5, epsilon=1e-4),
        TensorBoard(log_dir="logs", histogram_freq=0, batch_size=32, write_graph=True),
    ],
)
assert len(rates.rates) == 10
assert np.allclose(rates.rates, 0.02 * 0.99 ** np.arange(10))
assert np.allclose(rates.correct, history.history["val_acc"])
assert np.allclose(history.history["val_hits"], history.history["val_acc"], atol=0.05)
model.fit(x_train, y_train, verbose=0, callbacks=[LearningRateScheduler(lambda epoch: 0.001)])
print(model.metrics_names, model.evaluate(x_test, y_test, verbose=0))
