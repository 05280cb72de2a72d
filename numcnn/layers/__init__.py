"""The layers: the mathematics of a convolutional network, in NumPy alone.

A network is a row of layers. Numbers go in at one end, for instance the pixels of an image, each
layer makes new numbers y of its numbers x, and at the other end a loss (numcnn/losses/) says with
one number how wrong the outcome is. To learn is to lower the loss by changing the layers' weights.
For that each weight must know its gradient: by how much the loss rises when it rises by a little.

A reading order, and the question that each file answers:

1. dense.py        How does a layer compute, and how do its weights get their gradients?
                   A matrix product forward, two matrix products back.
2. activations.py  Why are ten such layers more than one? They are bent: ReLU, Sigmoid, Tanh. And
                   how does a gradient pass through a bend?
3. softmax.py      How do scores become probabilities, and what is the gradient where every output
                   depends on every input?
4. im2col.py       How does a sliding window become a matrix, and where do gradients go on the way
                   back? With a picture; also strides, padding, dilation.
5. conv2d.py       What is a convolution, and what is its gradient? The product of dense.py on the
                   windows of im2col.py, told from the start, with all numbers by hand.
6. maxpool2d.py    How does an image become smaller, and who gets the gradient? The winner.
7. flatten.py      How does an image become the row that Dense takes? Nothing is computed.
8. dropout.py      Why silence units at random, and why does prediction need no correction?
9. input.py        How does a model know the shape of its samples?
10. base.py        What is a layer, and how does one write one's own?
    names.py       What does activation="relu" mean?
    arguments.py   What does a layer accept as an argument? The checks; nothing to learn here.
    roles.py       Which weight does kernel_regularizer mean?
    older.py       And what did older Keras call its arguments?
    attributes.py  And its attributes?

That is a whole network. Beyond it:

11. averagepool2d.py, globalpool2d.py
                   And if every pixel of the window has a say, or the window is the whole image?
12. batchnorm.py   Why measure each channel over the batch, and how does a gradient pass through a
                   mean and a variance?
13. borders.py, upsampling2d.py, permute.py
                   How does an image get a border, lose one, grow, or exchange its axes?
14. rectifiers.py, gates.py, gauss.py, curves.py, bends.py, shrinks.py, sparsemax.py
                   What other bends are there, and what does each of them do better than ReLU?
15. depthwiseconv2d.py, separableconv2d.py, conv2dtranspose.py
                   What if filters do not mix channels, or an image is to become larger again?
16. noise.py       And if dropout silences whole channels, or blurs?
17. rescaling.py   How do pixels become numbers of a size that suits?
18. activityregularization.py
                   What if it is the answers that are to be small?

Then losses/ (where the first gradient comes from) and optimizers/ (what is done with the last).

Two conventions run through all files.

Names. d stands for the gradient of the loss: dy holds for each number of y by how much the loss
rises per unit of that number, and dx, dw, db likewise. An array and its gradient have the same
shape. The slope of one number in another, where the loss is not meant, is written ∂y/∂x.

Methods. `build` makes the weights, in `params`, once the shape of a sample is known. `forward`
returns y for x, and in training keeps in `kept` what the way back needs. `backward` takes that out
again with `recall`, is given dy, sets dw and db in `grads` and returns dx, which is the dy of the
layer below. (The other methods have to do with shapes and with saving; base.py lists them.)
`backward` rests on one rule, the chain rule: a number moves the loss through everything that it
went into, so its gradient is a sum over those,

    dx[i] = sum over k of dy[k] * ∂y[k]/∂x[i].

All else is to find out, for one layer at a time, which y[k] a number went into, and how steeply.
In each file a comment in `backward` quotes the line of `forward` that the next lines differentiate.
Whether the outcome is right can be measured without any calculus: see numcnn/gradcheck/.
"""

from numcnn.layers.activations import Linear, ReLU, Sigmoid, Tanh
from numcnn.layers.activityregularization import ActivityRegularization
from numcnn.layers.averagepool2d import AveragePooling2D, AvgPool2D
from numcnn.layers.base import Layer
from numcnn.layers.batchnorm import BatchNormalization
from numcnn.layers.bends import HardTanh, SparsePlus, SparseSigmoid, Squareplus
from numcnn.layers.borders import Cropping2D, ZeroPadding2D
from numcnn.layers.conv2d import Conv2D, Convolution2D
from numcnn.layers.conv2dtranspose import Conv2DTranspose, Convolution2DTranspose
from numcnn.layers.curves import (
    Exponential,
    HardSigmoid,
    LogSigmoid,
    LogSoftmax,
    Softplus,
    Softsign,
)
from numcnn.layers.dense import Dense
from numcnn.layers.depthwiseconv2d import DepthwiseConv2D
from numcnn.layers.dropout import Dropout
from numcnn.layers.flatten import Flatten, Reshape
from numcnn.layers.gates import GELU, HardSwish, Mish, Swish
from numcnn.layers.globalpool2d import (
    GlobalAveragePooling2D,
    GlobalAvgPool2D,
    GlobalMaxPool2D,
    GlobalMaxPooling2D,
)
from numcnn.layers.input import Input, InputLayer
from numcnn.layers.maxpool2d import MaxPool2D, MaxPooling2D
from numcnn.layers.names import Activation
from numcnn.layers.noise import AlphaDropout, GaussianDropout, GaussianNoise, SpatialDropout2D
from numcnn.layers.permute import Permute
from numcnn.layers.rectifiers import CELU, ELU, SELU, LeakyReLU, PReLU
from numcnn.layers.rescaling import Rescaling
from numcnn.layers.separableconv2d import SeparableConv2D, SeparableConvolution2D
from numcnn.layers.shrinks import HardShrink, SoftShrink, TanhShrink, ThresholdedReLU
from numcnn.layers.softmax import Softmax
from numcnn.layers.sparsemax import Sparsemax
from numcnn.layers.upsampling2d import UpSampling2D

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "SELU",
    "Activation",
    "ActivityRegularization",
    "AlphaDropout",
    "AveragePooling2D",
    "AvgPool2D",
    "BatchNormalization",
    "Conv2D",
    "Conv2DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Cropping2D",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "Exponential",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling2D",
    "GlobalAvgPool2D",
    "GlobalMaxPool2D",
    "GlobalMaxPooling2D",
    "HardShrink",
    "HardSigmoid",
    "HardSwish",
    "HardTanh",
    "Input",
    "InputLayer",
    "Layer",
    "LeakyReLU",
    "Linear",
    "LogSigmoid",
    "LogSoftmax",
    "MaxPool2D",
    "MaxPooling2D",
    "Mish",
    "PReLU",
    "Permute",
    "ReLU",
    "Rescaling",
    "Reshape",
    "SeparableConv2D",
    "SeparableConvolution2D",
    "Sigmoid",
    "SoftShrink",
    "Softmax",
    "Softplus",
    "Softsign",
    "SparsePlus",
    "SparseSigmoid",
    "Sparsemax",
    "SpatialDropout2D",
    "Squareplus",
    "Swish",
    "Tanh",
    "TanhShrink",
    "ThresholdedReLU",
    "UpSampling2D",
    "ZeroPadding2D",
]
