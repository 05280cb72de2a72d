"""Callbacks: what happens beside training, told of every epoch and batch.

Training knows none of these by name; the progress bar and the history are callbacks like others.
"""

from numcnn.callbacks.base import Callback, CallbackList, Numbers, check_callbacks
from numcnn.callbacks.checkpoint import ModelCheckpoint
from numcnn.callbacks.monitor import (
    EarlyStopping,
    LearningRateScheduler,
    ReduceLROnPlateau,
    TerminateOnNaN,
)
from numcnn.callbacks.record import (
    CSVLogger,
    History,
    LambdaCallback,
    ProgbarLogger,
)
from numcnn.callbacks.tensorboard import TensorBoard

__all__ = [
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "Numbers",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "TensorBoard",
    "TerminateOnNaN",
    "check_callbacks",
]
