"""Pre-trained networks of keras-hub: a causal language model as the generator, an encoder inside a discriminator.

Axes: B batch, T sequence length, V vocabulary, R rows, H width of the backbone.
"""

from typing import Any, Self

import keras
import tensorflow as tf

from seqgan_tf.core import seeds
from seqgan_tf.core.random_state import RandomStateModel
from seqgan_tf.core.sequences import check_length, check_token_ids, mask
from seqgan_tf.core.validation import InputError, real_number, whole_number
from seqgan_tf.models.hub_parts import (
    check_backbone,
    check_causal_lm,
    checked_length,
    empty_cache,
    hub_inputs,
    require_hub,
    seed_dropout,
    with_hub_model,
    without_preprocessor,
)


@keras.saving.register_keras_serializable(package="seqgan_tf")
class HubGenerator(RandomStateModel):
    """The policy G_theta(y_t | Y_1:t-1), a causal language model of keras-hub: GPT-2, Llama, Gemma, Mistral, Qwen, ...

    `call` runs the model on whole sequences. `step` feeds one token to its `call_with_cache`, so that the keys and
    values of earlier tokens are computed once. The weights, the dtype policy and LoRA are those of the given model.

    The state of `step` has a position that all rows share, so roll-outs complete prefixes of different lengths one
    after another (`core.protocols.Generator`), and they keep the cache before every token: T * B caches.

    The attribute `causal_lm` has the backbone of the given model, and no preprocessor, so a `.keras` file holds no
    tokenizer. Of a backbone with LoRA it holds the weights that LoRA has changed; to train on, call `enable_lora` of
    the loaded backbone.

    Args:
        causal_lm: a `keras_hub.models.CausalLM` that takes `token_ids` and `padding_mask` alone and has
            `call_with_cache(token_ids, cache, cache_update_index)`. Its backbone is trained in place.
        sequence_length: T, the size of the cache and the length of the longest sequence, at least 2.
        start_token_id: the token that is fed first; it is no part of a sequence. Defaults to None: the start token of
            `causal_lm.preprocessor.tokenizer`.
        end_token_id: the token that ends a sequence. Defaults to None: the end token of that tokenizer. Without a
            tokenizer sequences fill all positions.
        seed: makes the dropout of the backbone reproducible. Defaults to None: it stays as it is.
        **kwargs: arguments of `keras.Model`, such as `name`; the dtype policy is that of the causal LM.

    Raises:
        MissingExtraError: keras-hub is not installed.
        InputError: the model has no such cache or other inputs, its weights are held in 16 bits, there is no start
            token, or a setting is out of its range.

    Example:
    ```python
    import keras_hub
    import numpy as np

    import seqgan_tf as sg

    sizes = {"num_layers": 2, "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 32}
    backbone = keras_hub.models.GPT2Backbone(vocabulary_size=50, max_sequence_length=8, **sizes)
    causal_lm = keras_hub.models.GPT2CausalLM(backbone)  # or GPT2CausalLM.from_preset(...)
    generator = sg.HubGenerator(causal_lm, sequence_length=4, start_token_id=0, end_token_id=0)
    logits = generator(np.array([[4, 7, 9, 2], [3, 0, -1, -1]]))  # [2, 4, 50]
    ```
    """

    def __init__(
        self,
        causal_lm: keras.Model,
        sequence_length: int,
        start_token_id: int | None = None,
        end_token_id: int | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        require_hub(HubGenerator)
        check_causal_lm(causal_lm)
        super().__init__(**(kwargs | {"dtype": causal_lm.dtype_policy}))
        self.causal_lm = without_preprocessor(causal_lm)
        self.sequence_length = checked_length(sequence_length, causal_lm.backbone)
        self.vocabulary_size = causal_lm.backbone.token_embedding.input_dim
        tokenizer = getattr(causal_lm.preprocessor, "tokenizer", None)
        if start_token_id is None:
            start_token_id = getattr(tokenizer, "start_token_id", None)
        if start_token_id is None:
            raise InputError(
                "`start_token_id` must be given for a causal LM whose tokenizer has no start token, or that has no "
                "tokenizer. Received: None"
            )
        if end_token_id is None:
            end_token_id = getattr(tokenizer, "end_token_id", None)
        self.start_token_id = self._token("start_token_id", start_token_id)
        self.end_token_id = None if end_token_id is None else self._token("end_token_id", end_token_id)
        self.seed = None if seed is None else whole_number("seed", seed)
        seed_dropout(self, seeds.integers(self.seed, seeds.WeightStream.GENERATOR))
        self._empty_cache = empty_cache(self.causal_lm, self.sequence_length)
        self.built = True

    def _token(self, name: str, token: int) -> int:
        token = whole_number(name, token)
        if not 0 <= token < self.vocabulary_size:
            raise InputError(f"`{name}` must be in [0, {self.vocabulary_size}), the vocabulary. Received: {token}")
        return token

    def call(self, token_ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Logits of every position, given the tokens before it.

        Args:
            token_ids: int32 [B, T'], T' <= T, padded after the end token.
            training: whether dropout is on.

        Returns:
            float32 [B, T', V]: position t is predicted from the start token and token_ids[:, :t].

        Raises:
            InputError: T' > T, or (where values are at hand) an id outside the vocabulary.
        """
        check_token_ids(token_ids, self.vocabulary_size)
        token_ids = tf.cast(token_ids, tf.int32)
        check_length(token_ids, self.sequence_length, "generator")
        fed = tf.pad(token_ids[:, :-1], [[0, 0], [1, 0]], constant_values=self.start_token_id)
        return tf.cast(self.causal_lm(hub_inputs(fed, self.causal_lm.input), training=training), tf.float32)

    def initial_state(self, batch_size: int | tf.Tensor) -> dict[str, Any]:
        """The state before the start token.

        Args:
            batch_size: R.

        Returns:
            {"cache" (zeros, as `call_with_cache` takes them: a tensor or a nest of tensors with the leading axis R),
            "position" (int32 scalar, the number of tokens that were fed)}.
        """
        return {"cache": self._empty_cache(batch_size), "position": tf.constant(0)}

    def step(self, token_ids: tf.Tensor, state: dict[str, Any]) -> tuple[tf.Tensor, dict[str, Any]]:
        """Feeds one token per row, and returns the logits of the next token.

        Args:
            token_ids: int32 [R]; the result of a row that feeds padding, as finished rows do, has no meaning.
            state: as `initial_state` returns it; its position is below T.

        Returns:
            (float32 [R, V] logits, the next state).

        Raises:
            InputError: an id is outside the vocabulary (checked where values are at hand).
        """
        check_token_ids(token_ids, self.vocabulary_size)
        cache, position = state["cache"], state["position"]
        fed = tf.maximum(token_ids, 0)[:, tf.newaxis]
        logits, _, following = self.causal_lm.call_with_cache(fed, cache, position)
        following = tf.nest.map_structure(lambda new, old: tf.ensure_shape(new, old.shape), following, cache)
        return tf.cast(logits[:, 0], tf.float32), {"cache": following, "position": position + 1}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "causal_lm": keras.saving.serialize_keras_object(self.causal_lm),
            "sequence_length": self.sequence_length,
            "start_token_id": self.start_token_id,
            "end_token_id": self.end_token_id,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Self:
        return with_hub_model(cls, "causal_lm", config, custom_objects)


@keras.saving.register_keras_serializable(package="seqgan_tf")
class HubDiscriminator(RandomStateModel):
    """D_phi(Y) = sigmoid(logit) by a backbone of keras-hub: BERT, RoBERTa, DistilBERT, DeBERTa, ELECTRA, GPT-2, ...

    The mean of the backbone's outputs over the tokens of a sequence, dropout, one logit. The mean needs no special
    token in front of a sequence, so a backbone of any kind can be used. Padding is masked. Everything after the
    backbone is float32.

    Its vocabulary must be that of the generator: both read the token ids of one tokenizer.

    Args:
        backbone: a `keras_hub.models.Backbone` that takes `token_ids`, `padding_mask` and perhaps `segment_ids`, and
            returns a tensor [B, T, H] or a dict with such a `sequence_output`. It is trained in place.
        sequence_length: T, the length of the longest sequence, at least 2.
        dropout: rate in [0, 1) before the logit, under `training=True`. Defaults to 0.1, that of BERT's classifier.
        seed: makes the initial weights after the backbone, and all dropout, reproducible. Defaults to None: drawn.
        **kwargs: arguments of `keras.Model`, such as `name`; the dtype policy is that of the backbone.

    Raises:
        MissingExtraError: keras-hub is not installed.
        InputError: the backbone has other inputs or outputs, its weights are held in 16 bits, or a setting is out of
            its range.

    Example:
    ```python
    import keras_hub
    import numpy as np

    import seqgan_tf as sg

    sizes = {"num_layers": 2, "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 32}
    backbone = keras_hub.models.BertBackbone(vocabulary_size=50, max_sequence_length=8, **sizes)
    discriminator = sg.HubDiscriminator(backbone, sequence_length=4)  # or BertBackbone.from_preset(...)
    logits = discriminator(np.array([[4, 7, 9, 2], [3, 0, -1, -1]]))  # [2], log-odds that each sequence is real
    ```
    """

    def __init__(
        self,
        backbone: keras.Model,
        sequence_length: int,
        dropout: float = 0.1,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        require_hub(HubDiscriminator)
        check_backbone(backbone)
        super().__init__(**(kwargs | {"dtype": backbone.dtype_policy}))
        self.backbone = backbone
        self.sequence_length = checked_length(sequence_length, backbone)
        self.vocabulary_size = backbone.token_embedding.input_dim
        self.dropout = real_number("dropout", dropout)
        if not 0 <= self.dropout < 1:
            raise InputError(f"`dropout` must be in [0, 1). Received: {dropout}")
        self.seed = None if seed is None else whole_number("seed", seed)
        ints = seeds.integers(self.seed, seeds.WeightStream.DISCRIMINATOR)
        # The logit decides between real and generated, so what it is made of is not rounded to 16 bits.
        precise = keras.DTypePolicy(self.variable_dtype)
        kernel = keras.initializers.GlorotUniform(seed=next(ints))
        self.dropout_layer = keras.layers.Dropout(self.dropout, dtype=precise)
        self.output_layer = keras.layers.Dense(1, kernel_initializer=kernel, dtype=precise, name="output")
        self.output_layer.build((None, self._outputs(backbone.output).shape[-1]))
        seed_dropout(self, ints)
        self.built = True

    def _outputs(self, outputs: Any) -> Any:
        """[B, T, H] of what the backbone returns."""
        found = outputs.get("sequence_output") if isinstance(outputs, dict) else outputs
        if len(getattr(found, "shape", ())) != 3:
            name = type(self.backbone).__name__
            raise InputError(
                f"`backbone` must return [B, T, H], or a dict with such a `sequence_output`. Received: a {name}"
            )
        return found

    def call(self, token_ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Log-odds that the sequences are real.

        Args:
            token_ids: int32 [B, T'], T' <= T, padded after the end token.
            training: whether dropout is on.

        Returns:
            float32 [B].

        Raises:
            InputError: T' > T, or (where values are at hand) an id outside the vocabulary.
        """
        check_token_ids(token_ids, self.vocabulary_size)
        token_ids = tf.cast(token_ids, tf.int32)
        check_length(token_ids, self.sequence_length)
        outputs = self._outputs(self.backbone(hub_inputs(token_ids, self.backbone.input), training=training))
        weights = tf.cast(mask(token_ids), self.variable_dtype)
        total = tf.einsum("bth,bt->bh", tf.cast(outputs, self.variable_dtype), weights)
        mean = tf.math.divide_no_nan(total, tf.reduce_sum(weights, axis=1, keepdims=True))
        return tf.cast(self.output_layer(self.dropout_layer(mean, training=training))[:, 0], tf.float32)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "backbone": keras.saving.serialize_keras_object(self.backbone),
            "sequence_length": self.sequence_length,
            "dropout": self.dropout,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Self:
        return with_hub_model(cls, "backbone", config, custom_objects)
