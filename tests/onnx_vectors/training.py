"""ONNX's test cases of losses and optimizers."""

import numpy as np
from onnx_vectors.mapping import Unmapped, maps, predicting, to_last, to_second

from numcnn import layers, losses, optimizers, regularizers
from numcnn.models import Sequential


@maps("NegativeLogLikelihoodLoss")
def negative_log_likelihood(case):
    raise Unmapped("a loss of numbers that are no logarithms of probabilities")


@maps("SoftmaxCrossEntropyLoss")
def cross_entropy(case):
    """Each position is a sample; ignored ones weigh nothing, and a mean is one of weights."""
    scores = to_last(case.x).reshape(-1, case.x.shape[1])
    classes = case.input(1).ravel()
    counts = np.ones(len(classes))
    if "ignore_index" in case.attributes:
        counts = (classes != case.get("ignore_index")).astype(float)
    classes = np.where(counts > 0, classes, 0)
    if case.input(2) is not None:
        counts = counts * case.input(2)[classes]
    shape, n = case.input(1).shape, len(classes)
    reduction = case.get("reduction", "mean")

    def run(engine):
        model = Sequential([layers.Linear(input_shape=scores.shape[1:])])
        loss = losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("sgd", loss, engine=engine)
        if reduction == "none":
            value = (counts * model.engine.test_batch(scores, classes)[0]).reshape(shape)
        else:
            total = n * model.evaluate(
                scores, classes, batch_size=n, sample_weight=counts, verbose=0
            )
            value = total if reduction == "sum" else total / counts.sum()
        logs = predicting([layers.LogSoftmax()], [], to_last(case.x), to_second)(engine)
        return [value, *logs][: len(case.outputs)]

    return run


@maps("Adagrad", "Adam", "Momentum")
def optimizer(case):
    """One step of several weights: rate, steps so far, weights, gradients, memory."""
    kind = case.operator
    rate, steps = float(case.x), int(case.input(1))
    arrays = [array.astype(np.float64) for array in case.inputs[2:]]
    n = len(arrays) // {"Adagrad": 3, "Adam": 4, "Momentum": 3}[kind]
    weights, grads, *memory = [arrays[k : k + n] for k in range(0, len(arrays), n)]
    price = regularizers.L2(case.get("norm_coefficient", 0.0) / 2)
    grads = [g + price.gradient(w) for g, w in zip(grads, weights, strict=True)]
    if kind == "Adagrad":
        slots = {"sum_of_squares": 1}
        form = {"epsilon": case.get("epsilon"), "decay": case.get("decay_factor", 0.0)}
    elif kind == "Adam":
        if steps == 0:
            raise Unmapped("Adam without the correction of its means")
        slots, steps = {"mean": 1, "mean_square": 1}, steps - 1
        names = {"beta_1": "alpha", "beta_2": "beta", "epsilon": "epsilon"}
        form = {ours: case.get(theirs) for ours, theirs in names.items()}
    else:
        if steps and case.get("beta") != 1:
            raise Unmapped("a momentum that damps new gradients")
        kind, slots = "SGD", {"velocity": -rate}  # the step of a velocity, and its direction
        form = {"momentum": case.get("alpha"), "nesterov": case.get("mode") == "nesterov"}

    def run(engine):
        ours = getattr(optimizers, kind)(rate, **form)
        after = [w.copy() for w in weights]
        ours.prepare(after)
        ours.iterations = steps
        for (slot, factor), values in zip(slots.items(), memory, strict=True):
            for array, value in zip(ours.slots[slot], values, strict=True):
                array[...] = factor * value
        ours.step(after, grads)
        kept = [array / factor for slot, factor in slots.items() for array in ours.slots[slot]]
        return [*after, *kept]

    return run
