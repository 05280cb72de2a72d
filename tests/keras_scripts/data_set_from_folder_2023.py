"""tf.keras of 2023: a data set made from a folder, cached and mapped."""

import numpy as np
from tensorflow import keras
from tensorflow.keras import layers

how = {"validation_split": 0.25, "seed": 123, "image_size": (20, 24), "batch_size": 6}
train_ds = keras.utils.image_dataset_from_directory("data/train", subset="training", **how)
val_ds = keras.utils.image_dataset_from_directory("data/train", subset="validation", **how)
class_names = train_ds.class_names
for images, labels in train_ds.take(1):
    first = images[0].numpy().astype("uint8")
    print(class_names[labels[0]], first.shape, images.shape, labels.shape)
train_ds = train_ds.map(lambda x, y: (x / 255, y)).cache().shuffle(1000).prefetch(buffer_size=-1)
val_ds = val_ds.map(lambda x, y: (x / 255, y)).cache().prefetch(buffer_size=-1)
model = keras.Sequential(
    [
        layers.Conv2D(8, 3, padding="same", activation="relu", input_shape=(20, 24, 3)),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(len(class_names)),
    ]
)
model.compile(
    optimizer="adam",
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
history = model.fit(train_ds, validation_data=val_ds, epochs=3, verbose=2)
labels = np.concatenate([y for x, y in val_ds])
share = np.mean(np.argmax(model.predict(val_ds), axis=1) == labels)
assert np.isclose(share, history.history["val_accuracy"][-1])

(x, y), (x_test, y_test) = keras.datasets.cifar100.load_data(label_mode="coarse")
print(x.shape, y.max(), keras.utils.to_categorical(y_test, 20).shape)
