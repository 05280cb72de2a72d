"""Keras 1: its words for arguments, numbers for windows, nb_epoch, samples of a generator."""

import numpy as np
from keras.datasets import mnist
from keras.layers.convolutional import Convolution2D, MaxPooling2D
from keras.layers.core import Activation, Dense, Dropout, Flatten
from keras.models import Sequential
from keras.preprocessing.image import ImageDataGenerator
from keras.utils import np_utils

np.random.seed(1337)
nb_classes, nb_epoch, rows, cols = 10, 2, 28, 28
(X_train, y_train), (X_test, y_test) = mnist.load_data()
X_train = X_train.reshape(X_train.shape[0], 1, rows, cols).astype("float32") / 255
X_test = X_test.reshape(X_test.shape[0], 1, rows, cols).astype("float32") / 255
Y_train = np_utils.to_categorical(y_train, nb_classes)
Y_test = np_utils.to_categorical(y_test, nb_classes)

model = Sequential()
model.add(
    Convolution2D(6, 3, 3, border_mode="same", dim_ordering="th", input_shape=(1, rows, cols))
)
model.add(Activation("relu"))
model.add(Convolution2D(8, 5, 5, subsample=(2, 2), dim_ordering="th", init="he_normal"))
model.add(Activation("relu"))
model.add(MaxPooling2D(pool_size=(2, 2), dim_ordering="th"))
model.add(Dropout(0.25))
model.add(Flatten())
model.add(Dense(output_dim=32, init="glorot_uniform", W_regularizer="l2", activation="relu"))
model.add(Dropout(p=0.5))
model.add(Dense(nb_classes))
model.add(Activation("softmax"))
assert model.output_shape == (None, 10)
assert model.layers[2].output_shape == (None, 8, 12, 12)

model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
model.fit(
    X_train, Y_train, batch_size=64, nb_epoch=nb_epoch, verbose=1, validation_data=(X_test, Y_test)
)
turned = ImageDataGenerator(width_shift_range=0.1, data_format="channels_first")
history = model.fit_generator(
    turned.flow(X_train, Y_train, batch_size=32),
    samples_per_epoch=X_train.shape[0],
    nb_epoch=nb_epoch,
    validation_data=(X_test, Y_test),
)
assert history.params["steps"] == -(-len(X_train) // 32)
score = model.evaluate(X_test, Y_test, verbose=0)
print("Test score:", score[0])
print("Test accuracy:", score[1])
