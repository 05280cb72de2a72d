"""Keras 2 before 2.6: predict_classes and predict_proba; what was wrong is counted."""

import numpy as np
from keras.datasets import mnist
from keras.layers import Dense, Flatten
from keras.layers.advanced_activations import ELU, LeakyReLU, PReLU
from keras.layers.convolutional import Conv2D, UpSampling2D, ZeroPadding2D
from keras.layers.noise import GaussianNoise
from keras.layers.normalization import BatchNormalization
from keras.layers.pooling import GlobalMaxPooling2D, MaxPooling2D
from keras.models import Sequential
from keras.utils.vis_utils import plot_model

(x_train, y_train), (x_test, y_test) = mnist.load_data()
x_train = x_train[..., np.newaxis] / 255.0
x_test = x_test[..., np.newaxis] / 255.0
model = Sequential()
model.add(ZeroPadding2D((1, 1), input_shape=(28, 28, 1)))
model.add(GaussianNoise(0.1))
model.add(Conv2D(8, (3, 3), strides=(2, 2)))
model.add(LeakyReLU(alpha=0.1))
model.add(UpSampling2D((2, 2)))
model.add(Conv2D(8, (3, 3), kernel_initializer="he_normal", bias_initializer="zeros"))
model.add(BatchNormalization(axis=-1, momentum=0.9, epsilon=1e-3))
model.add(PReLU())
model.add(MaxPooling2D((2, 2)))
model.add(Flatten())
model.add(Dense(10))
model.add(ELU(alpha=1.0))
model.add(Dense(10, activation="softmax"))
model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
model.fit(x_train, y_train, 64, 1, verbose=0)
classes = model.predict_classes(x_test)
proba = model.predict_proba(x_test)
assert (classes == proba.argmax(axis=-1)).all()
print(np.nonzero(classes != y_test)[0][:5])
plot_model(model, to_file="model.png", show_shapes=True, show_layer_names=True)
print(GlobalMaxPooling2D().name)
