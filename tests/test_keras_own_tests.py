"""Keras's own tests of these layers, losses, metrics and optimizers, with numcnn in Keras's place.

The package keras installs its tests. Here they run as they are, but what they test is numcnn's
class of the same name (keras_own/stand_ins.py). What stops a test is in NOT_HERE, a thing that
numcnn does not have, or in DIFFERENT, with the reason.
"""

import pytest
from keras_own.running import run
from keras_own.stand_ins import MODULES as MODULES_OF_KERAS
from properties.rig import ENGINES

from numcnn import activations, constraints, regularizers

KNOWN = "3.15"  # the version of Keras that the numbers are of

# module: (what stands in for what it tests, how many of its tests pass)
MODULES = {
    "activations.activations_test": ("activations", 49),
    "constraints.constraints_test": ("constraints", 16),
    "layers.activations.activation_test": ("layers", 1),
    "layers.activations.elu_test": ("layers", 3),
    "layers.activations.leaky_relu_test": ("layers", 3),
    "layers.activations.prelu_test": ("layers", 2),
    "layers.activations.relu_test": ("layers", 14),
    "layers.activations.softmax_test": ("layers", 3),
    "layers.convolutional.conv_test": ("layers", 5),
    "layers.convolutional.conv_transpose_test": ("layers", 10),
    "layers.convolutional.depthwise_conv_test": ("layers", 6),
    "layers.convolutional.separable_conv_test": ("layers", 6),
    "layers.core.dense_test": ("layers", 12),
    "layers.normalization.batch_normalization_test": ("layers", 3),
    "layers.pooling.average_pooling_test": ("layers", 13),
    "layers.pooling.global_average_pooling_test": ("layers", 7),
    "layers.pooling.global_max_pooling_test": ("layers", 7),
    "layers.pooling.max_pooling_test": ("layers", 8),
    "layers.regularization.alpha_dropout_test": ("layers", 4),
    "layers.regularization.dropout_test": ("layers", 4),
    "layers.regularization.gaussian_dropout_test": ("layers", 2),
    "layers.regularization.gaussian_noise_test": ("layers", 2),
    "layers.regularization.spatial_dropout_test": ("layers", 2),
    "layers.reshaping.cropping2d_test": ("layers", 25),
    "layers.reshaping.flatten_test": ("layers", 2),
    "layers.reshaping.permute_test": ("layers", 3),
    "layers.reshaping.reshape_test": ("layers", 3),
    "layers.reshaping.up_sampling2d_test": ("layers", 13),
    "layers.reshaping.zero_padding2d_test": ("layers", 14),
    "losses.losses_test": ("losses", 95),
    "metrics.accuracy_metrics_test": ("metrics", 13),
    "metrics.confusion_metrics_test": ("metrics", 19),
    "metrics.hinge_metrics_test": ("metrics", 3),
    "metrics.probabilistic_metrics_test": ("metrics", 13),
    "metrics.regression_metrics_test": ("metrics", 8),
    "optimizers.adadelta_test": ("optimizers", 5),
    "optimizers.adagrad_test": ("optimizers", 5),
    "optimizers.adam_test": ("optimizers", 5),
    "optimizers.adamax_test": ("optimizers", 5),
    "optimizers.adamw_test": ("optimizers", 5),
    "optimizers.nadam_test": ("optimizers", 5),
    "optimizers.rmsprop_test": ("optimizers", 5),
    "optimizers.schedules.learning_rate_schedule_test": ("schedules", 34),
    "optimizers.sgd_test": ("optimizers", 5),
    "regularizers.regularizers_test": ("regularizers", 27),
}

# What numcnn does not have: names of Keras, arguments, and what is no matter of results.
NOT_HERE = set(
    """
    layers.AveragePooling1D layers.AveragePooling3D layers.Conv1D layers.Conv1DTranspose
    layers.Conv3D layers.Conv3DTranspose layers.DepthwiseConv1D layers.GlobalAveragePooling1D
    layers.GlobalAveragePooling3D layers.GlobalMaxPooling1D layers.GlobalMaxPooling3D
    layers.Masking layers.MaxPooling1D layers.MaxPooling3D layers.SeparableConv1D
    layers.SpatialDropout1D layers.SpatialDropout3D
    losses.BinaryFocalCrossentropy losses.CTC losses.CategoricalFocalCrossentropy
    losses.CategoricalGeneralizedCrossEntropy losses.Circle losses.Dice losses.Tversky
    metrics.AUC metrics.PrecisionAtRecall metrics.R2Score metrics.RecallAtPrecision
    metrics.SensitivityAtSpecificity metrics.SpecificityAtSensitivity
    regularizers.OrthogonalRegularizer
    AlphaDropout(noise_shape) BatchNormalization(renorm)
    BatchNormalization(synchronized) Conv2D(groups) Conv2D(lora_rank) CosineSimilarity(axis)
    Dense(lora_rank) Dropout(noise_shape) LossMetric(axis)
    SparseCategoricalCrossentropy(ignore_class) SparseTopKCategoricalAccuracy(from_sorted_ids)
    """.split()
) | {
    "UpSampling2D, bicubic",
    "UpSampling2D, lanczos3",
    "losses in another type",
    "masks",
    "metrics with sample_weight",
    "models of Keras",
    "models that are no row of layers",
    "moving averages",
    "other types",
    "several thresholds",
    "sparse tensors",
    "symbolic tensors",
    "what Keras's objects have inside",
    "SciPy, which is not installed",
}

CLIPPED = "probabilities of 0 and 1 are clipped in float64; in float32 Keras's 1 - 1e-7 is another"
CLASSES_LAST = "classes stand in the last axis"
SAME_SHAPE = "targets need the shape of the outputs"
ONE_SHAPE = "a layer has samples of one shape"
NAME = "a loss object has no name of its own in its configuration"
DIFFERENT = {
    "ActivationsTest.test_get_method": "the function that get returns is not a stand-in",
    "AdamWTest.test_weight_decay_is_none": "weight_decay=None means none",
    "BinaryCrossentropyTest.test_sample_weighted": CLIPPED,
    "BinaryCrossentropyTest.test_scalar_weighted": CLIPPED,
    "BinaryCrossentropyTest.test_unweighted": CLIPPED,
    "ConstraintsTest.test_default_constraint_call": "the base class has no limit to set",
    **{
        f"DenseTest.test_quantize_by_setting_dtype_policy_{name}": "float32 and float64 alone"
        for name in ("float8", "int4", "int8")
    },
    "HuberLossTest.test_config": NAME,
    "KLDivergenceTest.test_config": NAME,
    "LogCoshTest.test_config": NAME,
    "MeanSquaredErrorTest.test_base_function_reduction": SAME_SHAPE,
    "ReLUTest.test_relu_multidimensional_input": ONE_SHAPE,
    "RegularizersTest.test_get_method": "no regularizer that makes rows orthogonal",
    "ReshapeTest.test_reshape_layer_with_varying_input_size_and_minus_one": ONE_SHAPE,
    "SoftmaxTest.test_softmax_correctness_with_mask": "samples do not look at each other",
    "ReshapeTest.test_reshape_with_dynamic_dim_and_minus_one": ONE_SHAPE,
    "SparseCategoricalAccuracyTest.test_reshape_matches": SAME_SHAPE,
    **{
        f"SparseCategoricalCrossentropyTest.test_{name}": CLASSES_LAST
        for name in (
            "binary_segmentation_different_axis",
            "multi_class_segmentation_different_axis",
            "squeezes_singleton_class_dim_on_user_axis",
        )
    },
}


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", MODULES)
def test_the_tests_of_keras_pass(name, engine, monkeypatch, request):
    keras = pytest.importorskip("keras")
    request.config.addinivalue_line("markers", "requires_trainable_backend: of Keras's own tests")
    kind, expected = MODULES[name]
    if kind != "layers" and engine != ENGINES[0]:
        pytest.skip("no engine has a part in it")
    passed, _, failed = run(name, kind, engine, monkeypatch)
    assert not {t: why for t, why in failed.items() if why not in NOT_HERE and t not in DIFFERENT}
    if keras.__version__.startswith(f"{KNOWN}."):
        assert passed >= expected


def test_what_is_not_here_is_not_here():
    """A name that numcnn has by now no longer excuses a test of Keras."""
    for name in NOT_HERE:
        module, _, attribute = name.partition(".")
        if module in MODULES_OF_KERAS:
            assert not hasattr(MODULES_OF_KERAS[module][0], attribute), name


def test_what_keras_finds_in_any_library_is_here_too():
    """What these tests found: where Keras is not installed, they find it no more."""
    assert activations.leaky_relu([-1.0, 2.0], negative_slope=0.5).tolist() == [-0.5, 2.0]
    limit = constraints.MinMaxNorm(0.5, 2.0, rate=0.7, axis=1)
    assert type(limit).from_config(limit.get_config()).get_config() == limit.get_config()
    price = regularizers.get("l1l2")
    assert type(price).from_config({"l1": 0.5, "l2": 0.0}).get_config() == {"l1": 0.5, "l2": 0.0}
