"""The layers: the mathematics of a convolutional network, in NumPy alone.

A reading order for those who want to understand them:

1. dense.py        a matrix product, and how gradients go back through one
2. activations.py  the bends between the products
3. im2col.py       how an image becomes a matrix (with a picture)
4. conv2d.py       the same product as in dense.py, on the windows of an image
5. maxpool2d.py    a layer without parameters whose gradient goes to the winner
6. flatten.py, dropout.py
7. batchnorm.py    every channel measured over the batch and put back into shape
8. base.py         what a layer is, and how to write one

Two conventions run through all of them. In names, d stands for the gradient of the loss: dy is
dloss/dy, one number for each number of y, and dx, dw, db likewise. And each layer has two methods.
`forward` returns y for x, and in training keeps in `kept` what the way back needs. `backward` is
given dy, sets dw and db in `grads` and returns dx, which is the dy of the layer below: that is the
chain rule, one link per layer.
"""

from numcnn.layers.activations import Activation, Linear, ReLU, Sigmoid, Softmax, Tanh
from numcnn.layers.base import Layer
from numcnn.layers.batchnorm import BatchNormalization
from numcnn.layers.conv2d import Conv2D, Convolution2D
from numcnn.layers.dense import Dense
from numcnn.layers.dropout import Dropout
from numcnn.layers.flatten import Flatten, Reshape
from numcnn.layers.input import Input, InputLayer
from numcnn.layers.maxpool2d import MaxPool2D, MaxPooling2D

__all__ = [
    "Activation",
    "BatchNormalization",
    "Conv2D",
    "Convolution2D",
    "Dense",
    "Dropout",
    "Flatten",
    "Input",
    "InputLayer",
    "Layer",
    "Linear",
    "MaxPool2D",
    "MaxPooling2D",
    "ReLU",
    "Reshape",
    "Sigmoid",
    "Softmax",
    "Tanh",
]
