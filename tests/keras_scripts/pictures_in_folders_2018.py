"""Keras 2.2: pictures of cats and dogs in folders, changed at random, and one of them alone."""

import os

import numpy as np
from keras import backend as K
from keras import layers, models, optimizers
from keras.preprocessing import image
from keras.preprocessing.image import ImageDataGenerator, array_to_img, img_to_array, load_img

width, height, batch_size = 24, 20, 8
shape = (3, height, width) if K.image_data_format() == "channels_first" else (height, width, 3)
train_datagen = ImageDataGenerator(
    rescale=1.0 / 255, shear_range=0.2, zoom_range=0.2, horizontal_flip=True
)
test_datagen = ImageDataGenerator(rescale=1.0 / 255)
train_generator = train_datagen.flow_from_directory(
    "data/train", target_size=(height, width), batch_size=batch_size, class_mode="binary"
)
validation_generator = test_datagen.flow_from_directory(
    "data/validation", target_size=(height, width), batch_size=batch_size, class_mode="binary"
)
print(train_generator.class_indices)
for data_batch, labels_batch in train_generator:
    print("data batch shape:", data_batch.shape, "labels batch shape:", labels_batch.shape)
    break

model = models.Sequential()
model.add(layers.Conv2D(8, (3, 3), activation="relu", input_shape=shape))
model.add(layers.MaxPooling2D((2, 2)))
model.add(layers.Flatten())
model.add(layers.Dense(16, activation="relu"))
model.add(layers.Dense(1, activation="sigmoid"))
model.compile(loss="binary_crossentropy", optimizer=optimizers.RMSprop(lr=1e-2), metrics=["acc"])
history = model.fit_generator(
    train_generator,
    steps_per_epoch=3,
    epochs=4,
    validation_data=validation_generator,
    validation_steps=validation_generator.samples // batch_size,
    verbose=2,
)
print(history.history["val_acc"])
test_generator = test_datagen.flow_from_directory(
    "data/test", target_size=(height, width), batch_size=4, class_mode="binary", shuffle=False
)
predicted = model.predict_generator(test_generator, steps=np.ceil(test_generator.n / 4))
assert len(predicted) == len(test_generator.filenames) == 10
share = np.mean((predicted[:, 0] > 0.5) == test_generator.classes)
assert np.isclose(share, model.evaluate_generator(test_generator, steps=3)[1])

img = image.load_img("data/test/dogs/dog.1.jpg", target_size=(height, width))
x = np.expand_dims(image.img_to_array(img) / 255, axis=0)
print(model.predict(x)[0][0], model.predict_classes(x))

os.makedirs("preview")
x = img_to_array(load_img("data/train/cats/cat.0.jpg"))
x = x.reshape((1, *x.shape))
for i, batch in enumerate(
    train_datagen.flow(x, batch_size=1, save_to_dir="preview", save_prefix="c", save_format="png")
):
    assert array_to_img(batch[0]).size == (24, 20)
    if i == 3:
        break
print(sorted(name.split("_")[1] for name in os.listdir("preview")))
