"""Train three networks of the literature, at a size that two cores train in minutes.

    python examples/train_networks.py lenet5                              handwritten digits
    python examples/train_networks.py vgg --data fashion_mnist            pictures of clothes
    python examples/train_networks.py all_convolutional --data sample     a minute, offline
    python examples/train_networks.py vgg --epochs 1                      how long an epoch takes

They are told apart by how they make an image smaller: LeNet-5 averages, VGG keeps the largest, the
all-convolutional network has no pooling and learns it. One recipe serves them all: Adam, whose
steps shrink to nothing along half a wave of a cosine. Checkpoints as in train_mnist.py.

Result on two cores of an AMD EPYC (Zen 3), 2026-11-23: an epoch takes 11 s (lenet5), 33 s (vgg) and
34 s (all_convolutional). lenet5 ends at 1.1 % error on MNIST. The others have been run for
fewer epochs than is their own number; the README has the figures.
"""

import argparse
import sys

import trainer
from trainer import Images, Program

from numcnn.datasets import fashion_mnist, kmnist, mnist
from numcnn.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Input,
    MaxPooling2D,
)
from numcnn.models import Sequential
from numcnn.optimizers import Adam
from numcnn.optimizers.schedules import CosineDecay
from numcnn.utils import set_random_seed


def lenet5() -> Sequential:
    """LeNet-5, which read cheques in the nineties: 61,706 parameters.

    As published: the sizes of all layers, tanh, averages over 2 x 2 pixels. C1 has padding where
    the paper has images of 32 x 32. Not as published: tanh is not scaled to 1.7159 tanh(2z/3), S2
    and S4 have no weights of their own, each map of C3 sees all six of S2 (in the paper some see
    three or four), and softmax stands where distances to drawn characters stood (RBF).

    LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", 1998.
    """
    model = Sequential()
    model.add(Input((28, 28, 1)))
    model.add(Conv2D(6, 5, padding="same", activation="tanh"))  # C1: (28, 28, 6)
    model.add(AveragePooling2D(2))  # S2: (14, 14, 6)
    model.add(Conv2D(16, 5, activation="tanh"))  # C3: (10, 10, 16)
    model.add(AveragePooling2D(2))  # S4: (5, 5, 16)
    model.add(Conv2D(120, 5, activation="tanh"))  # C5: (1, 1, 120)
    model.add(Flatten())
    model.add(Dense(84, activation="tanh"))  # F6
    model.add(Dense(10, activation="softmax"))
    return model


def vgg() -> Sequential:
    """Six convolutions in the manner of VGG, with batch normalisation: 147,610 parameters.

    From VGG: nothing but windows of 3 x 3, two convolutions one after the other (which see 5 x 5
    pixels with fewer weights), twice the filters after each pooling, dropout of a half before the
    last layer. VGG-11 to VGG-19 have 8 to 16 convolutions, 64 to 512 filters and images of 224 x
    224. Batch normalisation came a year later; the convolutions need no bias before it, as it
    subtracts the mean.

    Simonyan, Zisserman, "Very deep convolutional networks for large-scale image recognition", 2014.
    Ioffe, Szegedy, "Batch normalization: accelerating deep network training", 2015.
    """
    model = Sequential()
    model.add(Input((28, 28, 1)))
    for filters in (16, 32, 64):  # (14, 14, 16), (7, 7, 32), (3, 3, 64)
        for _ in range(2):
            model.add(Conv2D(filters, 3, padding="same", use_bias=False))
            model.add(BatchNormalization(momentum=0.9))
            model.add(Activation("relu"))
        model.add(MaxPooling2D(2))
    model.add(Flatten())
    model.add(Dense(128, activation="relu"))
    model.add(Dropout(0.5))
    model.add(Dense(10, activation="softmax"))
    return model


def all_convolutional() -> Sequential:
    """Convolutions from the pixels to the ten classes: 106,730 parameters.

    Convolutions of stride 2 stand where pooling stood, windows of 1 x 1 where dense layers did, and
    the mean of each of the last ten maps is the score of its class. The paper's All-CNN-A has these
    layers with windows of 5 x 5 in the first and third, 96 and 192 filters, more dropout, and ReLU
    after the last convolution, too.

    Springenberg, Dosovitskiy, Brox, Riedmiller, "Striving for simplicity: the all convolutional
    net", 2014.
    """
    relu = {"activation": "relu", "kernel_initializer": "he_normal"}
    model = Sequential()
    model.add(Input((28, 28, 1)))
    for filters in (32, 64):
        model.add(Conv2D(filters, 3, padding="same", **relu))
        model.add(Conv2D(filters, 3, padding="same", strides=2, **relu))  # half as high and wide
        model.add(Dropout(0.2))
    model.add(Conv2D(64, 3, **relu))  # (5, 5, 64)
    model.add(Conv2D(64, 1, **relu))
    model.add(Conv2D(10, 1))
    model.add(GlobalAveragePooling2D())  # (10,)
    model.add(Activation("softmax"))
    return model


NETWORKS = {"lenet5": lenet5, "vgg": vgg, "all_convolutional": all_convolutional}
EPOCHS = {"lenet5": 10, "vgg": 8, "all_convolutional": 10}
DATA = {"mnist": mnist, "fashion_mnist": fashion_mnist, "kmnist": kmnist}


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line; a wrong one ends the program with status 2."""
    parser = argparse.ArgumentParser(
        description="Train a network of the literature and show where it errs.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    passes = ", ".join(f"{name} {number}" for name, number in EPOCHS.items())
    parser.add_argument("network", choices=NETWORKS, help=f"without --epochs: {passes}")
    parser.add_argument(
        "--data",
        choices=[*DATA, "sample"],
        default="mnist",
        help="what to learn; sample: 5,000 images of MNIST from inside the package",
    )
    trainer.add_options(parser, epochs=argparse.SUPPRESS, learning_rate=0.002)
    options = trainer.parse(parser, arguments)
    options.epochs = getattr(options, "epochs", EPOCHS[options.network])
    return options


def build(options: argparse.Namespace) -> Sequential:
    """Return the chosen network, new and compiled."""
    images = 5_000 if options.data == "sample" else 60_000
    steps = options.epochs * -(-images // options.batch_size)
    set_random_seed(options.seed)
    model = NETWORKS[options.network]()
    model.compile(
        optimizer=Adam(CosineDecay(options.learning_rate, decay_steps=steps)),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
        engine=options.engine,
    )
    return model


def load(options: argparse.Namespace) -> Images:
    """Return the images and the names of their classes."""
    if options.data == "sample":
        return Images(mnist.load_sample())
    source = DATA[options.data]
    return Images(source.load_data(), class_names=getattr(source, "CLASSES", None))


def main(arguments: list[str] | None = None) -> int:
    """Run the program; return 0, or 1 after an error, or 130 after Ctrl-C."""
    program = Program(
        build,
        load,
        model_options="network",
        step_options="--epochs, --batch-size, --learning-rate or --data",
    )
    return trainer.main(program, parse(arguments), arguments)


if __name__ == "__main__":
    sys.exit(main())
