"""ONNX's own test vectors, computed by numcnn on both engines.

Each case of the installed package onnx whose operator numcnn has something for is run, or stands
below with the reason why numcnn cannot compute it.
"""

from functools import cache

import numpy as np
import pytest
from onnx_vectors import images, rows, training  # noqa: F401 (they enter their mappers)
from onnx_vectors.cases import cases as read_cases
from onnx_vectors.mapping import MAPPERS, Unmapped, runner
from properties.rig import ENGINES

onnx = pytest.importorskip("onnx", reason="needs the extra onnx")

KNOWN = "1.23"  # the version of onnx whose cases are listed here
MAPPED, NOT_MAPPED = 235, 150  # of that version
TOLERANCE = 1e-5
ONLY_FIRST_OUTPUT = {"Dropout": "a mask", "MaxPool": "the places of the maxima"}

# ONNX's names, without the test_ in front of each.
UNMAPPED = {
    "groups of several channels": """
        Conv1d_groups Conv2d_groups Conv2d_groups_thnn
    """,
    "images of three axes": """
        AvgPool3d AvgPool3d_stride AvgPool3d_stride1_pad0_gpu_input Conv3d Conv3d_dilated
        Conv3d_dilated_strided Conv3d_groups Conv3d_no_bias Conv3d_stride Conv3d_stride_padding
        MaxPool3d MaxPool3d_stride MaxPool3d_stride_padding averagepool_3d_default
        averagepool_3d_dilations_large_count_include_pad_is_0_ceil_mode_is_False
        averagepool_3d_dilations_large_count_include_pad_is_0_ceil_mode_is_True
        averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_False
        averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_True
        averagepool_3d_dilations_small convtranspose_3d maxpool_3d_default maxpool_3d_dilations
        maxpool_3d_dilations_use_ref_impl maxpool_3d_dilations_use_ref_impl_large
    """,
    "groups of a transposed convolution": """
        convtranspose_group_2 convtranspose_group_2_image_3
    """,
    "ceil_mode=1": """
        averagepool_2d_ceil averagepool_2d_ceil_last_window_starts_on_pad maxpool_2d_ceil
        maxpool_2d_ceil_output_size_reduce_by_one
    """,
    "pools with dilations": """
        MaxPool1d_stride_padding_dilation MaxPool2d_stride_padding_dilation
        averagepool_2d_dilations maxpool_2d_dilations
    """,
    "pads of a pool that are not those of 'same'": """
        averagepool_2d_pads maxpool_2d_pads
    """,
    "a border that is not of zeros": """
        ConstantPad2d ReflectionPad2d ReplicationPad2d constant_pad constant_pad_axes
        constant_pad_negative_axes edge_pad operator_pad reflect_pad wrap_pad
    """,
    "slices that leave channels out": """
        slice_default_axes slice_default_steps slice_negative_axes
    """,
    "slices that leave pixels out": """
        slice_neg_steps
    """,
    "slices without a pixel": """
        slice_start_out_of_bounds
    """,
    "images that do not grow by whole factors": """
        resize_downsample_scales_cubic resize_downsample_scales_cubic_A_n0p5_exclude_outside
        resize_downsample_scales_cubic_align_corners resize_downsample_scales_cubic_antialias
        resize_downsample_scales_linear resize_downsample_scales_linear_align_corners
        resize_downsample_scales_linear_antialias
        resize_downsample_scales_linear_half_pixel_symmetric resize_downsample_scales_nearest
        resize_downsample_sizes_cubic resize_downsample_sizes_cubic_antialias
        resize_downsample_sizes_linear_antialias
        resize_downsample_sizes_linear_pytorch_half_pixel resize_downsample_sizes_nearest
        resize_downsample_sizes_nearest_not_larger resize_downsample_sizes_nearest_not_smaller
        resize_tf_crop_and_resize resize_tf_crop_and_resize_axes_2_3
        resize_tf_crop_and_resize_axes_3_2 resize_tf_crop_and_resize_extrapolation_value
        resize_upsample_scales_linear_half_pixel_symmetric resize_upsample_sizes_cubic
        resize_upsample_sizes_nearest resize_upsample_sizes_nearest_axes_2_3
        resize_upsample_sizes_nearest_axes_3_2 resize_upsample_sizes_nearest_not_larger
    """,
    "interpolations that UpSampling2D does not have": """
        resize_upsample_scales_cubic resize_upsample_scales_cubic_A_n0p5_exclude_outside
        resize_upsample_scales_cubic_align_corners resize_upsample_scales_cubic_asymmetric
        resize_upsample_scales_linear_align_corners
        resize_upsample_sizes_nearest_ceil_half_pixel
        resize_upsample_sizes_nearest_floor_align_corners
        resize_upsample_sizes_nearest_round_prefer_ceil_asymmetric
    """,
    "samples mixed with other axes": """
        reshape_allowzero_reordered reshape_negative_extended_dims reshape_one_dim
        reshape_reordered_all_dims transpose_all_permutations_2 transpose_all_permutations_3
        transpose_all_permutations_4 transpose_all_permutations_5 transpose_default
    """,
    "random numbers of another generator": """
        training_dropout training_dropout_default training_dropout_default_mask
        training_dropout_mask
    """,
    "a bias of its own for each sample": """
        gemm_default_matrix_bias
    """,
    "products of other arrays than rows with a matrix": """
        matmul_1d_1d matmul_1d_3d matmul_3d matmul_4d matmul_4d_1d matmul_bcast
    """,
    "whole numbers below zero": """
        clip_default_int8_inbounds clip_default_int8_inbounds_expanded clip_default_int8_max
        clip_default_int8_min
    """,
    "lists of arrays": """
        identity_opt identity_sequence
    """,
    "celu with an alpha of its own": """
        celu
    """,
    "numbers of 16 bits": """
        celu_bfloat16 celu_float16
    """,
    "limits that are not 0 below": """
        clip clip_default_max clip_example clip_inbounds clip_min_greater_than_max
        clip_outbounds clip_splitbounds operator_clip
    """,
    "a hard sigmoid that is not x / 6 + 1 / 2": """
        hardsigmoid hardsigmoid_default hardsigmoid_example
    """,
    "selu with an alpha and a scale of its own": """
        selu selu_example
    """,
    "a loss of numbers that are no logarithms of probabilities": """
        nllloss_NC nllloss_NCd1 nllloss_NCd1_ii nllloss_NCd1_mean_weight_negative_ii
        nllloss_NCd1_weight nllloss_NCd1_weight_ii nllloss_NCd1d2
        nllloss_NCd1d2_no_weight_reduction_mean_ii nllloss_NCd1d2_reduction_mean
        nllloss_NCd1d2_reduction_sum nllloss_NCd1d2_with_weight
        nllloss_NCd1d2_with_weight_reduction_mean nllloss_NCd1d2_with_weight_reduction_sum
        nllloss_NCd1d2_with_weight_reduction_sum_ii nllloss_NCd1d2d3_none_no_weight_negative_ii
        nllloss_NCd1d2d3_sum_weight_high_ii nllloss_NCd1d2d3d4d5_mean_weight
        nllloss_NCd1d2d3d4d5_none_no_weight
    """,
    "Adam without the correction of its means": """
        adam adam_multiple
    """,
}
REASONS = {f"test_{name}": reason for reason, some in UNMAPPED.items() for name in some.split()}


@cache
def cases():
    return read_cases(MAPPERS)


def reason_against(case):
    """Return why numcnn cannot compute a case, or None."""
    try:
        runner(case)
    except Unmapped as why:
        return str(why)
    return None


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("operator", MAPPERS)
def test_what_onnx_expects_is_computed(operator, engine):
    for case in cases()[operator]:
        if reason_against(case):
            continue
        found = runner(case)(engine)
        if operator not in ONLY_FIRST_OUTPUT:
            assert len(found) == len(case.outputs), case.name
        for ours, theirs in zip(found, case.outputs, strict=False):
            assert np.shape(ours) == np.shape(theirs), case.name
            np.testing.assert_allclose(
                ours, theirs, rtol=TOLERANCE, atol=TOLERANCE, err_msg=case.name
            )


@pytest.mark.parametrize("operator", MAPPERS)
def test_what_cannot_be_computed_is_listed_with_its_reason(operator):
    found = {case.name: reason_against(case) for case in cases()[operator]}
    assert found, f"onnx {onnx.__version__} has no case of {operator}"
    new = sorted(name for name, why in found.items() if why and name not in REASONS)
    assert {n: w for n, w in found.items() if n not in new} == {
        n: REASONS.get(n) for n in found if n not in new
    }
    if new:
        assert not onnx.__version__.startswith(f"{KNOWN}."), new
        pytest.skip(f"onnx {onnx.__version__} has cases that are new here: {new}")


def test_the_list_has_nothing_that_is_not_there():
    if not onnx.__version__.startswith(f"{KNOWN}."):
        pytest.skip(f"the list is that of onnx {KNOWN}, this is {onnx.__version__}")
    found = {case.name: reason_against(case) for some in cases().values() for case in some}
    assert len(found) == sum(len(some) for some in cases().values()) == MAPPED + NOT_MAPPED
    assert {name for name, why in found.items() if why} == set(REASONS)
    assert len(REASONS) == NOT_MAPPED
