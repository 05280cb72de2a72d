"""tf.keras: an encoder and a decoder, trained as one with a loss and a metric of its own."""

import tensorflow as tf
from tensorflow import keras

K = keras.backend
(x_train, _), (x_test, _) = keras.datasets.mnist.load_data()
x_train, x_test = x_train.astype("float32") / 255, x_test.astype("float32") / 255


def rounded_accuracy(y_true, y_pred):
    return keras.metrics.binary_accuracy(tf.round(y_true), tf.round(y_pred))


encoder = keras.models.Sequential(
    [
        keras.layers.Flatten(input_shape=[28, 28]),
        keras.layers.Dense(24, activation="selu"),
        keras.layers.Dense(6, activation="selu"),
    ]
)
decoder = keras.models.Sequential(
    [
        keras.layers.Dense(24, activation="selu", input_shape=[6]),
        keras.layers.Dense(28 * 28, activation="sigmoid"),
        keras.layers.Reshape([28, 28]),
    ]
)
both = keras.models.Sequential([encoder, decoder])
both.compile(loss="binary_crossentropy", optimizer="adam", metrics=[rounded_accuracy])
history = both.fit(x_train, x_train, epochs=2, validation_data=(x_test, x_test), verbose=0)
assert history.history["loss"][1] < history.history["loss"][0]
codes = encoder.predict(x_test)
assert abs(decoder.predict(codes) - both.predict(x_test)).max() < 1e-5


def error_of_codes(y_true, y_pred):
    return K.mean(K.square(y_pred - y_true), axis=-1)


smaller = keras.models.Sequential([keras.layers.Dense(6, input_shape=[6]), keras.layers.Dense(6)])
smaller.compile(optimizer="adam", loss=error_of_codes)
learned = smaller.fit(codes, codes, epochs=5, verbose=0).history["loss"]
assert learned[-1] < learned[0]
print(history.history, learned)
