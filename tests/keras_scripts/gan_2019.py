"""Keras 2.2: a generator and a discriminator, one frozen inside the other's training."""

import numpy as np
from keras.datasets import mnist
from keras.layers import Dense, Dropout, Flatten, Reshape
from keras.layers.advanced_activations import LeakyReLU
from keras.models import Model, Sequential
from keras.optimizers import Adam

NOISE = 20


def make_discriminator():
    net = Sequential()
    net.add(Flatten(input_shape=(28, 28, 1)))
    net.add(Dense(32))
    net.add(LeakyReLU(alpha=0.2))
    net.add(Dropout(0.3))
    net.add(Dense(1, activation="sigmoid"))
    net.compile(loss="binary_crossentropy", optimizer=Adam(lr=0.0002, beta_1=0.5), metrics=["acc"])
    return net


def make_generator():
    net = Sequential()
    net.add(Dense(32, input_dim=NOISE))
    net.add(LeakyReLU(alpha=0.2))
    net.add(Dense(784, activation="tanh"))
    net.add(Reshape((28, 28, 1)))
    return net


def draw(n):
    return np.random.normal(0, 1, (n, NOISE))


(images, _), (_, _) = mnist.load_data()
images = np.expand_dims(images.astype("float32") / 127.5 - 1.0, axis=3)
discriminator, generator = make_discriminator(), make_generator()
discriminator.trainable = False
gan = Sequential([generator, discriminator])
gan.compile(loss="binary_crossentropy", optimizer=Adam(lr=0.0002, beta_1=0.5))
gan.summary()
assert isinstance(gan, Model)

half = 16
for step in range(5):
    real = images[np.random.randint(0, len(images), half)]
    fake = generator.predict(draw(half))
    judged = [w.copy() for w in discriminator.get_weights()]
    d_loss = discriminator.train_on_batch(np.vstack([real, fake]), [1] * half + [0] * half)
    assert any((a != b).any() for a, b in zip(judged, discriminator.get_weights(), strict=True))
    judged = [w.copy() for w in discriminator.get_weights()]
    g_loss = gan.train_on_batch(draw(2 * half), np.ones((2 * half, 1)))
    assert all((a == b).all() for a, b in zip(judged, discriminator.get_weights(), strict=True))
    print(f"{step} [D loss: {d_loss[0]:f}, acc.: {100 * d_loss[1]:.2f}%] [G loss: {g_loss:f}]")
