"""Keras 2.3: a VGG-like network with batch normalization for images of 32 x 32 in colour."""

import numpy as np
from keras import regularizers
from keras.constraints import maxnorm
from keras.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPooling2D,
)
from keras.models import Sequential
from keras.optimizers import Adadelta
from keras.utils import np_utils

rng = np.random.RandomState(0)
x_train = rng.randint(0, 256, (192, 32, 32, 3)).astype("uint8")
y_train = rng.randint(0, 10, (192, 1))
x_train = x_train.astype("float32")
mean = np.mean(x_train, axis=(0, 1, 2, 3))
std = np.std(x_train, axis=(0, 1, 2, 3))
x_train = (x_train - mean) / (std + 1e-7)
num_classes = 10
y_train = np_utils.to_categorical(y_train, num_classes)
assert y_train.shape == (192, 10)

model = Sequential()
for block, filters in enumerate((8, 16, 32)):
    for number in range(2):
        shape = {"input_shape": x_train.shape[1:]} if block == number == 0 else {}
        shape["kernel_regularizer"] = regularizers.l2(1e-4)
        model.add(Conv2D(filters, (3, 3), padding="same", **shape))
        model.add(Activation("elu"))
        model.add(BatchNormalization())
    model.add(MaxPooling2D(pool_size=(2, 2)))
    model.add(Dropout(0.2 + 0.1 * block))
model.add(Flatten())
model.add(Dense(32, activation="relu", kernel_constraint=maxnorm(3)))
model.add(Dense(num_classes, activation="softmax"))
model.summary()
model.compile(loss="categorical_crossentropy", optimizer=Adadelta(), metrics=["accuracy"])
hist = model.fit(x_train, y_train, batch_size=64, epochs=1, validation_split=0.1, verbose=0)
print(hist.history)
print(model.count_params(), [layer.name for layer in model.layers][:3])
