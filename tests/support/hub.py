"""Tiny models of keras-hub with random weights so large that every part has an effect. Needs the extra `hub`."""

import numpy as np

V = 7
CACHED = ("gpt2", "llama", "gemma", "gemma3")
ENCODERS = ("bert", "roberta", "distilbert", "deberta", "gpt2")


def spiky(network, scale=1.0, seed=5):
    """The network, with weights of which the random ones are drawn anew, from N(0, scale)."""
    rng = np.random.default_rng(seed)
    for weight in network.weights:
        if weight.dtype == "float32" and weight.ndim > 1:  # no scales and biases, and no random state
            weight.assign(rng.normal(scale=scale / np.sqrt(weight.shape[-1]), size=weight.shape))
    return network


def causal_lm(kind="gpt2", vocabulary_size=V, num_layers=2, preprocessor=None, **settings):
    """A `keras_hub.models.CausalLM`. GPT-2 has 2 heads and dropout, the others 4 heads, of which two share keys."""
    from keras_hub import models

    sizes = {"vocabulary_size": vocabulary_size, "num_layers": num_layers, "intermediate_dim": 10, **settings}
    grouped = {"hidden_dim": 8, "num_query_heads": 4, "num_key_value_heads": 2}
    if kind == "gpt2":
        sizes = {"hidden_dim": 6, "num_heads": 2, "max_sequence_length": 9, "dropout": 0.4} | sizes
        network, backbone = models.GPT2CausalLM, models.GPT2Backbone(**sizes)
    elif kind == "llama":
        network, backbone = models.LlamaCausalLM, models.LlamaBackbone(**grouped | sizes)
    elif kind == "gemma":
        network, backbone = models.GemmaCausalLM, models.GemmaBackbone(head_dim=4, **grouped | sizes)
    else:  # its cache is a nest of tensors
        network = models.Gemma3CausalLM
        backbone = models.Gemma3Backbone(head_dim=4, image_size=16, vision_encoder=None, **grouped | sizes)
    return spiky(network(backbone=backbone, preprocessor=preprocessor))


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
