"""Optimizers: how a gradient becomes a step.

After backward every parameter p, which is a weight or a bias and no output as in losses/, has its
gradient g: by how much the loss rises per unit of p. Let all parameters move by a small step. The
loss then changes by about

    sum over all parameters of g * step,

and among all steps of one length this is lowest for the step that points against g:

    p -= lr * g.

The learning rate lr says how far to go. "About" holds near by only: too long a step overshoots and
the loss rises. All rules here are this one, with a memory of earlier gradients that makes the steps
steadier or gives each parameter a length of its own.

`step(params, grads)` changes the parameters in place. What an optimizer remembers between steps
stands in `slots`: for each kind of memory one array per parameter.

A reading order:

1. base.py              what an optimizer is, and how to write one
2. gradient_descent.py  SGD: the rule above; momentum, the ball that rolls on
3. root_mean_square.py  RMSprop: every parameter a step of like length
4. adaptive_moments.py  Adam: both together, right from the first step on
5. adaptive_sums.py     Adagrad and Adadelta, which came before
6. adaptive_variants.py AdamW, Adamax, Nadam, which came after
7. schedules.py         a rate that changes from step to step
8. clipping.py          gradients that are too long
9. names.py, arguments.py, rate.py
"""

from numcnn.optimizers import schedules
from numcnn.optimizers.adaptive_moments import Adam
from numcnn.optimizers.adaptive_sums import Adadelta, Adagrad
from numcnn.optimizers.adaptive_variants import Adamax, AdamW, Nadam
from numcnn.optimizers.arguments import epsilon_or_default, non_negative, number, positive, share
from numcnn.optimizers.base import Optimizer
from numcnn.optimizers.clipping import clip
from numcnn.optimizers.gradient_descent import SGD
from numcnn.optimizers.names import OPTIMIZERS, get
from numcnn.optimizers.root_mean_square import RMSprop

# As Keras 2 before 2.3 also called them.
sgd, rmsprop, adam, adagrad = SGD, RMSprop, Adam, Adagrad
adadelta, adamax, nadam = Adadelta, Adamax, Nadam

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "adadelta",
    "adagrad",
    "adam",
    "adamax",
    "clip",
    "epsilon_or_default",
    "get",
    "nadam",
    "non_negative",
    "number",
    "positive",
    "rmsprop",
    "schedules",
    "sgd",
    "share",
]
