"""Keras 1.2 to 2.0: a perceptron with old module paths."""

import numpy as np
from keras.datasets import mnist
from keras.layers.core import Activation, Dense, Dropout
from keras.models import Sequential
from keras.optimizers import SGD
from keras.utils import np_utils

np.random.seed(1671)
NB_EPOCH = 2
BATCH_SIZE = 128
VERBOSE = 1
NB_CLASSES = 10

(X_train, y_train), (X_test, y_test) = mnist.load_data()
X_train = X_train.reshape(len(X_train), 784).astype("float32")
X_test = X_test.reshape(len(X_test), 784).astype("float32")
X_train /= 255
X_test /= 255
print(X_train.shape[0], "train samples")
Y_train = np_utils.to_categorical(y_train, NB_CLASSES)
Y_test = np_utils.to_categorical(y_test, NB_CLASSES)

model = Sequential()
model.add(Dense(64, input_dim=784))
model.add(Activation("relu"))
model.add(Dropout(0.3))
model.add(Dense(64, activation="relu", kernel_initializer="normal"))
model.add(Dense(NB_CLASSES))
model.add(Activation("softmax"))
model.summary()
sgd = SGD(lr=0.01, decay=1e-6, momentum=0.9, nesterov=True)
model.compile(loss="categorical_crossentropy", optimizer=sgd, metrics=["accuracy"])
history = model.fit(
    X_train,
    Y_train,
    batch_size=BATCH_SIZE,
    epochs=NB_EPOCH,
    verbose=VERBOSE,
    validation_split=0.2,
)
score = model.evaluate(X_test, Y_test, verbose=VERBOSE)
print("Test score:", score[0])
print("Test accuracy:", score[1])
print(sorted(history.history.keys()))
