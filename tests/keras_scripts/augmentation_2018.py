"""Keras 2.2: images turned and shifted, fit_generator, a batch looked at."""

from keras.datasets import mnist
from keras.layers import Conv2D, Dense, Flatten, MaxPool2D
from keras.models import Sequential
from keras.preprocessing.image import ImageDataGenerator
from keras.utils.np_utils import to_categorical

(x_train, y_train), (x_test, y_test) = mnist.load_data()
x_train = x_train.reshape(-1, 28, 28, 1).astype("float32") / 255
x_test = x_test.reshape(-1, 28, 28, 1).astype("float32") / 255
y_train = to_categorical(y_train, num_classes=10)
y_test = to_categorical(y_test, num_classes=10)
datagen = ImageDataGenerator(
    featurewise_center=False,
    samplewise_center=False,
    featurewise_std_normalization=False,
    samplewise_std_normalization=False,
    zca_whitening=False,
    rotation_range=10,
    zoom_range=0.1,
    width_shift_range=0.1,
    height_shift_range=0.1,
    horizontal_flip=False,
    vertical_flip=False,
)
datagen.fit(x_train)
for x_batch, y_batch in datagen.flow(x_train, y_train, batch_size=9):
    print(x_batch.shape, y_batch.shape)
    break

model = Sequential()
model.add(Conv2D(filters=8, kernel_size=(5, 5), activation="relu", input_shape=(28, 28, 1)))
model.add(MaxPool2D(pool_size=(2, 2), strides=(2, 2)))
model.add(Flatten())
model.add(Dense(10, activation="softmax"))
model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
history = model.fit_generator(
    datagen.flow(x_train, y_train, batch_size=64),
    steps_per_epoch=x_train.shape[0] // 64,
    epochs=2,
    validation_data=(x_test, y_test),
    verbose=2,
    workers=2,
)
print(model.evaluate_generator(datagen.flow(x_test, y_test, batch_size=32), steps=2))
print(model.predict_generator(datagen.flow(x_test, batch_size=32, shuffle=False)).shape)
