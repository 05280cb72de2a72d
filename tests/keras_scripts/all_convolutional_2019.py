"""Keras 2: an all-convolutional network; strides instead of pools, a mean instead of Dense."""

import keras
import numpy as np
from keras.layers import Activation, Conv2D, Convolution2D, Dropout, GlobalAveragePooling2D
from keras.models import Sequential

x = np.random.random((128, 32, 32, 3)).astype("float32")
y = keras.utils.to_categorical(np.random.randint(0, 10, 128), 10)
model = Sequential()
model.add(Convolution2D(12, (3, 3), padding="same", input_shape=(32, 32, 3)))
model.add(Activation("relu"))
model.add(Conv2D(12, (3, 3), padding="same", strides=(2, 2)))
model.add(Dropout(0.5))
model.add(Conv2D(24, (3, 3), padding="same", activation="relu"))
model.add(Conv2D(24, (3, 3), padding="same", strides=(2, 2), activation="relu"))
model.add(Conv2D(24, (1, 1), padding="valid", activation="relu"))
model.add(Conv2D(10, (1, 1), padding="valid"))
model.add(GlobalAveragePooling2D())
model.add(Activation("softmax"))
sgd = keras.optimizers.SGD(lr=0.05, decay=1e-6, momentum=0.9)
model.compile(loss="categorical_crossentropy", optimizer=sgd, metrics=["accuracy"])
print(model.summary())
model.fit(x, y, epochs=2, batch_size=32, verbose=2)
assert model.predict(x[:5]).shape == (5, 10)
