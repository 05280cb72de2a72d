"""TensorFlow 2: scores without a softmax, seeds and devices by its names, a second model."""

import numpy as np
import tensorflow as tf

print("TensorFlow", tf.__version__, "GPUs:", tf.config.list_physical_devices("GPU"))
tf.random.set_seed(42)
(x_train, y_train), (x_test, y_test) = tf.keras.datasets.fashion_mnist.load_data()
x_train, x_test = x_train / 255.0, x_test / 255.0

net = tf.keras.models.Sequential(
    [
        tf.keras.layers.Flatten(input_shape=(28, 28)),
        tf.keras.layers.Dense(48, activation=tf.nn.relu),
        tf.keras.layers.Dropout(0.2),
        tf.keras.layers.Dense(10),
    ]
)
scores = net(x_train[:2]).numpy()
chances = tf.nn.softmax(scores).numpy()
assert np.allclose(chances.sum(axis=1), 1)
surprise = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
print("untrained:", surprise(y_train[:2], scores).numpy(), "about", -tf.math.log(1 / 10))
net.compile(optimizer="adam", loss=surprise, metrics=["accuracy"])
net.fit(x_train, y_train, epochs=2, verbose=2)
loss, accuracy = net.evaluate(x_test, y_test, verbose=2)
assert accuracy > 0.3
with_softmax = tf.keras.Sequential([net, tf.keras.layers.Softmax()])
found = with_softmax.predict([x_test])
assert (tf.argmax(found, axis=1) == np.argmax(net.predict(x_test), axis=1)).all()
assert np.isclose((np.argmax(found, axis=1) == y_test).mean(), accuracy)
print(with_softmax(x_test[:1]))
