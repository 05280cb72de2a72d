"""tensorflow.keras, TensorFlow 2: `import tensorflow as tf` throughout."""

import tensorflow as tf

mnist = tf.keras.datasets.mnist
(x_train, y_train), (x_test, y_test) = mnist.load_data()
x_train, x_test = x_train / 255.0, x_test / 255.0
tf.keras.utils.set_random_seed(1)
model = tf.keras.models.Sequential(
    [
        tf.keras.layers.Flatten(input_shape=(28, 28)),
        tf.keras.layers.Dense(32, activation="relu"),
        tf.keras.layers.Dropout(0.2),
        tf.keras.layers.Dense(10, activation=tf.keras.activations.softmax),
    ]
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])


class StopWhenGood(tf.keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs={}):  # noqa: B006
        if logs.get("accuracy") > 0.05:
            print("Good enough, so cancelling training!")
            self.model.stop_training = True


model.fit(x_train, y_train, epochs=5, callbacks=[StopWhenGood()])
model.evaluate(x_test, y_test, verbose=2)
