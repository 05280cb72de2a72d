"""Keras 2: images from images, in a Sequential; weights and structure apart."""

import numpy as np
from keras.datasets import mnist
from keras.layers import Conv2D, Conv2DTranspose, Cropping2D, MaxPooling2D, UpSampling2D
from keras.models import Sequential, model_from_json

(x_train, _), (x_test, _) = mnist.load_data()
x_train = np.reshape(x_train.astype("float32") / 255.0, (len(x_train), 28, 28, 1))
x_test = np.reshape(x_test.astype("float32") / 255.0, (len(x_test), 28, 28, 1))
noisy = np.clip(x_train + 0.5 * np.random.normal(size=x_train.shape), 0.0, 1.0)
autoencoder = Sequential()
autoencoder.add(Conv2D(8, (3, 3), activation="relu", padding="same", input_shape=(28, 28, 1)))
autoencoder.add(MaxPooling2D((2, 2), padding="same"))
autoencoder.add(Conv2D(4, (3, 3), activation="relu", padding="same"))
autoencoder.add(MaxPooling2D((2, 2), padding="same"))
autoencoder.add(Conv2DTranspose(4, (3, 3), strides=2, activation="relu", padding="same"))
autoencoder.add(UpSampling2D((2, 2)))
autoencoder.add(Cropping2D(((0, 0), (0, 0))))
autoencoder.add(Conv2D(1, (3, 3), activation="sigmoid", padding="same"))
autoencoder.compile(optimizer="adam", loss="binary_crossentropy")
autoencoder.fit(noisy, x_train, epochs=1, batch_size=64, shuffle=True, validation_split=0.1)
with open("model.json", "w") as file:
    file.write(autoencoder.to_json())
autoencoder.save_weights("model.npz")
with open("model.json") as file:
    loaded = model_from_json(file.read())
loaded.load_weights("model.npz")
assert np.allclose(loaded.predict(x_test), autoencoder.predict(x_test), atol=1e-5)
