"""Tiny models of keras-hub with random weights so large that every part has an effect. Needs the extra `hub`."""

import numpy as np

V = 7
_PLAIN = {"num_heads": 2, "hidden_dim": 8, "max_sequence_length": 9, "dropout": 0.4}
_GROUPED = {"num_query_heads": 4, "num_key_value_heads": 2, "hidden_dim": 8}  # pairs of heads share keys and values
CACHED = {  # {kind: (its name in the classes, sizes)}
    "gpt2": ("GPT2", _PLAIN | {"hidden_dim": 6}),
    "llama": ("Llama", _GROUPED),
    "gemma": ("Gemma", _GROUPED | {"head_dim": 4}),
    "gemma3": ("Gemma3", _GROUPED | {"head_dim": 4, "image_size": 16, "vision_encoder": None}),
}
OTHERS = {
    "bloom": ("Bloom", _PLAIN),
    "falcon": ("Falcon", {"num_attention_heads": 2, "hidden_dim": 8}),
    "gemma2": ("Gemma", _GROUPED | {"head_dim": 4, "use_sliding_window_attention": True, "sliding_window_size": 2}),
    "gpt_oss": ("GptOss", _GROUPED | {"head_dim": 4, "num_experts": 3, "top_k": 2}),
    "llama3": ("Llama3", _GROUPED),
    "mistral": ("Mistral", _GROUPED | {"sliding_window": 3}),
    "mixtral": ("Mixtral", _GROUPED | {"num_experts": 3, "top_k": 2}),
    "opt": ("OPT", _PLAIN),
    "phi3": ("Phi3", _GROUPED),
    "qwen": ("Qwen", _GROUPED),
    "qwen3": ("Qwen3", _GROUPED | {"head_dim": 4}),
    "qwen_moe": (
        "QwenMoe",
        _GROUPED
        | {"moe_intermediate_dim": 4, "shared_expert_intermediate_dim": 4, "num_experts": 3, "top_k": 2}
        | {"norm_top_k_prob": True, "decoder_sparse_step": 1},
    ),
    "smollm3": (
        "SmolLM3",
        {"hidden_dim": 8, "num_attention_heads": 4, "num_key_value_heads": 2, "attention_bias": False}
        | {"attention_dropout": 0.0, "rope_layer_enabled_list": [True, False], "layer_types": ["attention"] * 2}
        | {"mlp_bias": False, "layer_norm_epsilon": 1e-5, "max_position_embeddings": 20, "rope_theta": 1e4}
        | {"partial_rotary_factor": 1.0},
    ),
}
ENCODERS = ("bert", "roberta", "distilbert", "deberta", "gpt2")


def spiky(network, scale=1.0, seed=5):
    """The network, with weights of which the random ones are drawn anew, from N(0, scale)."""
    rng = np.random.default_rng(seed)
    for weight in network.weights:
        if weight.dtype == "float32" and weight.ndim > 1:  # no scales and biases, and no random state
            weight.assign(rng.normal(scale=scale / np.sqrt(weight.shape[-1]), size=weight.shape))
    return network


def causal_lm(kind="gpt2", vocabulary_size=V, num_layers=2, preprocessor=None, **settings):
    """A `keras_hub.models.CausalLM` of a kind of `CACHED` or `OTHERS`."""
    from keras_hub import models

    name, sizes = (CACHED | OTHERS)[kind]
    sizes = sizes | {"vocabulary_size": vocabulary_size, "num_layers": num_layers, "intermediate_dim": 10, **settings}
    made = getattr(models, f"{name}Backbone")(**sizes)
    return spiky(getattr(models, f"{name}CausalLM")(backbone=made, preprocessor=preprocessor))


def backbone(kind="bert", vocabulary_size=V, **settings):
    """A backbone that reads text."""
    from keras_hub import models

    classes = {
        "bert": models.BertBackbone,
        "roberta": models.RobertaBackbone,
        "distilbert": models.DistilBertBackbone,
        "deberta": models.DebertaV3Backbone,
        "gpt2": models.GPT2Backbone,
        "fnet": models.FNetBackbone,
    }
    sizes = {"vocabulary_size": vocabulary_size, "num_layers": 1, "num_heads": 2, "hidden_dim": 6}
    sizes |= {"intermediate_dim": 10, "max_sequence_length": 9, "dropout": 0.4, **settings}
    if kind == "fnet":
        del sizes["num_heads"]
    return spiky(classes[kind](**sizes))


def tokenizer():
    """A `GPT2Tokenizer` with as many tokens as `V`."""
    from keras_hub import models

    vocabulary = {"<|endoftext|>": 0, "a": 1, "b": 2, "ab": 3, "Ġ": 4, "Ġa": 5, "c": 6}
    return models.GPT2Tokenizer(vocabulary, ["a b", "Ġ a"])


def preprocessor():
    """What puts a `tokenizer` into a causal language model."""
    from keras_hub import models

    return models.GPT2CausalLMPreprocessor(tokenizer(), sequence_length=8)
