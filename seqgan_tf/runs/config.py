"""The settings of a run with their defaults.

A setting named `kind` selects the class that is built; `runs.build` maps kinds to classes.

The command line shows the docstrings of this module as its help texts.
"""

import dataclasses
from pathlib import Path
from typing import Any, Literal

from seqgan_tf.core.log_odds import CLIP
from seqgan_tf.core.validation import InputError


@dataclasses.dataclass(frozen=True)
class DataSettings:
    """The real sequences.

    Example:
    ```python
    from seqgan_tf.runs import config

    settings = config.RunSettings(corpus=config.DataSettings(sequence_length=12, min_frequency=1))
    ```
    """

    vocabulary_size: int | None = None
    """Text: maximum size of the vocabulary. The most frequent tokens are kept. Level ids: the number of ids. None:
    10,000; level ids: the largest id, plus 1."""
    min_frequency: int = 2
    """Text: words and characters that occur less often become the unknown token."""
    blanks: Literal["auto", "tokens", "separators"] = "auto"
    """Text, level char: whether blanks are tokens, or separate the characters. auto follows the lines."""
    validation_split: float = 0.1
    """Fraction of the lines, or of the tunes, that is held out."""
    sequence_length: int | None = None
    """Number of tokens, with the end token. Longer lines are cut. None: fits 99 of 100 lines, or pieces of corpus.bars;
    20 for the oracle; music without bars: 128, pitches: 32."""
    source_length: int | None = None
    """Pairs and dialogue: number of tokens of a source. Longer ones are cut. None: fits 99 of 100 sources."""
    shared_tokenizer: bool = False
    """Pairs and dialogue: sources and targets have one vocabulary."""
    image_size: int = 64
    """Captions: height and width that images are resized to, in pixels."""
    turns: int = 3
    """Dialogue: maximum number of turns before an answer that it is given."""
    encoding: Literal["remi", "pitches"] = "remi"
    """Music: remi has tokens of bars, positions, pitches and durations; pitches has one pitch per time step."""
    tracks: Literal["all", "melody"] = "all"
    """Music: melody reads only the track with the highest mean pitch."""
    bars: int | None = None
    """Music: number of bars of a piece. None: as many whole bars as fit in the sequence length."""
    transpose: int = 0
    """Music: also train on copies that are up to this many semitones higher and lower."""
    velocities: bool = False
    """Music, remi: loudness has tokens."""
    step_seconds: float = 0.4
    """Music, pitches: seconds per token."""
    oracle_sequences: int = 10_000
    """Oracle: number of training sequences."""
    oracle_seed: int = 0
    """Oracle: seed of the built-in oracle's weights. The seed of the run does not change them."""


@dataclasses.dataclass(frozen=True)
class GeneratorSettings:
    """The generator. A setting of another kind than the chosen one must have its default.

    Example:
    ```python
    from seqgan_tf.runs import config

    settings = config.RunSettings(generator=config.GeneratorSettings(cell="gru", hidden_dim=64))
    ```
    """

    kind: Literal["recurrent", "transformer"] = "recurrent"
    """recurrent: an LSTM or GRU. transformer: self-attention over all tokens before."""
    embedding_dim: int = 32
    """Size of the token embeddings."""
    embeddings: Path | None = None
    """Text file of word vectors (layout of GloVe or word2vec) that the token embeddings start from. None: drawn."""
    hidden_dim: int = 32
    """Units of each layer."""
    num_layers: int = 1
    """Number of layers."""
    dropout: float = 0.0
    """Dropout rate. recurrent: on the input of each layer and of the output layer. transformer: on the embeddings and
    the output of each part of a layer."""
    initializer_stddev: float | None = 0.1
    """Initial weights are drawn from N(0, stddev), as by the authors. None: the initializers of Keras."""
    embedding_range: float = 0.05
    """r. With the initializers of Keras, the initial embeddings are drawn from U(-r, r)."""
    cell: Literal["lstm", "gru"] = "lstm"
    """recurrent: type of the layers."""
    attention: Literal["luong"] | None = "luong"
    """recurrent, with conditions: how each position reads from all positions of the source. None: not at all."""
    num_heads: int = 4
    """transformer: heads of the attention. They share the units of a layer equally."""
    positions: Literal["rotary", "learned"] = "rotary"
    """transformer: how a token knows its position: by rotated queries and keys, or by an embedding of the position."""
    tie_embeddings: bool = False
    """The matrix of the output layer is that of the embeddings. Needs embedding_dim equal to hidden_dim."""
    embedding_dropout: float = 0.0
    """recurrent: rate of the tokens of the vocabulary whose embedding is 0 in a batch."""
    recurrent_dropout: float = 0.0
    """recurrent: rate of the weights of the recurrent matrices that are 0 in a batch, at all positions."""
    output_dropout: float | None = None
    """recurrent: dropout rate on the input of the output layer. None: dropout."""


@dataclasses.dataclass(frozen=True)
class EncoderSettings:
    """The encoders of conditions, one of the generator and one of the discriminator.

    Example:
    ```python
    from seqgan_tf.runs import config

    settings = config.RunSettings(encoder=config.EncoderSettings(hidden_dim=128, cell="lstm"))
    ```
    """

    embedding_dim: int = 64
    """Size of the embeddings of source tokens, or of labels."""
    embeddings: Path | None = None
    """Text file of word vectors that the embeddings of source tokens start from. None: drawn."""
    hidden_dim: int = 64
    """Units of each direction of each recurrent layer. Captions: width of the memory."""
    cell: Literal["lstm", "gru"] = "gru"
    """Type of the recurrent layers."""
    num_layers: int = 1
    """Number of bidirectional layers."""
    dropout: float = 0.0
    """Dropout rate on the input of each recurrent layer, and on features of images."""
    filters: tuple[int, ...] = (32, 64, 128)
    """Captions: number of filters of each convolution. Each halves the image."""


@dataclasses.dataclass(frozen=True)
class DiscriminatorSettings:
    """The discriminator. A setting of another kind than the chosen one must have its default.

    Example:
    ```python
    from seqgan_tf.runs import config

    settings = config.RunSettings(discriminator=config.DiscriminatorSettings(widths=(1, 2, 3), filters=(50, 50, 50)))
    ```
    """

    kind: Literal["cnn", "recurrent", "ngram"] = "cnn"
    """cnn: the paper's convolutions. recurrent: a bidirectional GRU or LSTM. ngram: tokens and pairs of tokens."""
    embedding_dim: int = 64
    """Size of the token embeddings."""
    embeddings: Path | None = None
    """Text file of word vectors that the token embeddings start from. None: drawn."""
    embedding_range: float = 1.0
    """r. The initial embeddings are drawn from U(-r, r)."""
    widths: tuple[int, ...] | None = None
    """cnn: widths of the convolution windows. None: the paper's (1 to 10, 15 and 20), up to the sequence length."""
    filters: tuple[int, ...] | None = None
    """cnn: number of filters for each width. None: the paper's."""
    dropout: float = 0.25
    """Dropout rate before the output layer; recurrent: on the input of each recurrent layer too; ngram: on the
    embeddings."""
    l2: float = 0.2
    """cnn: weight of the L2 regularization of the output layer."""
    hidden_dim: int = 128
    """recurrent: units of each direction of each layer."""
    cell: Literal["lstm", "gru"] = "gru"
    """recurrent: type of the layers."""
    num_layers: int = 1
    """recurrent: number of bidirectional layers."""
    distances: int = 3
    """ngram: largest distance of the tokens of a pair."""
    members: int = 1
    """ngram: number of members of an ensemble, whose logits are averaged."""


@dataclasses.dataclass(frozen=True)
class EstimatorSettings:
    """How the reward of each token is estimated.

    Example:
    ```python
    from seqgan_tf.runs import config

    settings = config.RunSettings(estimator=config.EstimatorSettings("terminal"))
    ```
    """

    kind: Literal["rollout", "tree", "terminal", "next_token"] = "rollout"
    """rollout: complete every prefix by roll-outs. tree: search for good completions of every prefix. terminal: each
    token gets the reward of its whole sequence. next_token: all possible next tokens get what they add to the logit of
    the discriminator, which must be of kind ngram."""
    simulations: int = 16
    """Kind tree: completions of every prefix."""
    exploration: float = 2.0
    """Kind tree: weight of actions that were tried less often, in units of the reward."""
    num_actions: int = 8
    """Kind tree: tokens that are tried after a prefix, the most probable ones."""


@dataclasses.dataclass(frozen=True)
class RolloutSettings:
    """The reward of a sequence, and the roll-outs.

    Example:
    ```python
    from seqgan_tf.runs import config

    settings = config.RunSettings(rollout=config.RolloutSettings(num_rollouts=16, reward="log_odds"))
    ```
    """

    num_rollouts: int = 4
    """N, the number of completions of every prefix."""
    update_rate: float = 0.0
    """Lag of the roll-out policy behind the generator, in [0, 1); 0 means no lag."""
    reward: Literal["log_odds", "probability"] = "probability"
    """Reward of a whole sequence: the discriminator's log-odds, or its probability (as in the paper)."""
    clip: float = CLIP
    """The log-odds are clipped to [-clip, clip]."""
    stride: int = 1
    """Complete only the prefixes whose length is a multiple of this."""
    chunk_size: int = 64
    """Number of sequences whose roll-outs are in memory at once."""


@dataclasses.dataclass(frozen=True)
class RewardSettings:
    """An objective of the user's own, beside the discriminator.

    Example:
    ```python
    from seqgan_tf.runs import config

    settings = config.RunSettings(reward=config.RewardSettings("my_package.rewards:length", objective_weight=0.5))
    ```
    """

    objective: str | None = None
    """package.module:function. A Python function of the texts, whose values are rewards too. None: there is none."""
    objective_weight: float = 1.0
    """Weight of the objective in the reward."""
    discriminator_weight: float = 1.0
    """Weight of the discriminator in the reward, with an objective."""


@dataclasses.dataclass(frozen=True)
class PretrainSettings:
    """Maximum likelihood training of the generator, then training of the discriminator.

    Example:
    ```python
    from seqgan_tf.runs import config

    settings = config.RunSettings(pretrain=config.PretrainSettings(epochs=40, patience=3))
    ```
    """

    epochs: int = 20
    """Maximum number of epochs of the generator."""
    patience: int | None = None
    """Stop after this many epochs without a lower held-out NLL, and restore the best epoch. None: never stop."""
    learning_rate: float = 1e-2
    """Learning rate of the generator's maximum likelihood steps."""
    schedule: Literal["constant", "cosine"] = "constant"
    """cosine: the learning rate falls to 0 over all epochs, along half a cosine."""
    warmup_steps: int = 0
    """Number of first steps over which the learning rate rises to its value, in equal parts."""
    weight_decay: float = 0.0
    """Weight decay of AdamW in the generator's maximum likelihood steps, of matrices alone. 0: Adam."""
    ema_momentum: float | None = None
    """m. Validation and the end of the pre-training take moving averages of the weights: m * average + (1 - m) * weight
    after each step. None: the weights themselves."""
    token_frequencies: bool = False
    """Start from the frequencies of the tokens in the training data, by the initial bias of the output layer."""
    by_length: bool = False
    """Batches of sequences of similar length, as wide as the longest. Faster where lengths differ."""
    clip_norm: float = 5.0
    """Maximum gradient norm of the generator, also in the adversarial phase."""
    discriminator_steps: int = 300
    """Training steps of the discriminator before the adversarial phase."""
    discriminator_learning_rate: float = 1e-4
    """Learning rate of the discriminator, also in the adversarial phase."""
    copy_embedding: bool = False
    """The discriminator starts from the token embeddings of the pre-trained generator, scaled to the spread of its own
    initial ones. Needs discriminator.embedding_dim equal to generator.embedding_dim."""
    discriminator_weight_decay: float = 0.0
    """Weight decay of AdamW in the steps of the discriminator, of matrices alone. 0: Adam."""


@dataclasses.dataclass(frozen=True)
class AdversarialSettings:
    """The adversarial phase.

    Example:
    ```python
    from seqgan_tf.runs import config

    settings = config.RunSettings(adversarial=config.AdversarialSettings(rounds=50, baseline="leave_one_out"))
    ```
    """

    rounds: int = 15
    """Number of rounds: policy gradient steps of the generator, then training steps of the discriminator."""
    patience: int | None = None
    """Stop after this many rounds without a lower held-out NLL, and restore the generator with the lowest one, which
    may be the pre-trained one. It is measured every evaluate_every rounds. None: never stop."""
    generator_steps: int = 1
    """Policy gradient steps per round."""
    generator_batch_size: int | None = None
    """Sequences per policy gradient step. None: batch_size."""
    discriminator_steps: int = 10
    """Training steps of the discriminator per round."""
    likelihood_steps: int = 0
    """Maximum likelihood steps of the generator per round, at the learning rate of the pre-training."""
    learning_rate: float = 2e-2
    """Learning rate of the policy gradient steps."""
    baseline: Literal["none", "batch_mean", "leave_one_out", "moving_average"] = "none"
    """Baseline that is subtracted from the rewards."""
    entropy_weight: float = 0.0
    """Weight of the mean entropy of the next-token distribution in the generator's objective."""
    kl_weight: float = 0.0
    """Weight of KL(G || G_0) in the generator's objective."""
    kl_reference: Literal["pretrained", "round"] = "pretrained"
    """G_0. pretrained: the pre-trained generator. round: the generator at the start of each round."""
    mismatched: bool = True
    """With conditions: the discriminator also learns that the condition of another sequence does not fit."""
    control: Literal["none", "constant", "noise"] = "none"
    """Ablation. constant: rewards are replaced by their batch mean. noise: by those of another sample, or token."""
    evaluate_every: int = 5
    """Number of rounds between two evaluations."""


@dataclasses.dataclass(frozen=True)
class RunSettings:
    """All settings of a run. On one machine, two runs with equal settings are equal.

    Example:
    ```python
    import dataclasses

    from seqgan_tf.runs import config, presets

    settings = dataclasses.replace(presets.preset("quick", "oracle"), seed=3)
    print(config.difference(config.RunSettings(), settings))  # {"seed": (0, 3)}
    ```
    """

    data: Path | None = None
    """File to train on: text, a sequence per line, or .tsv, .csv, .jsonl, .parquet. Code: a folder, or a pattern in
    quotes such as 'src/**/*.py'. Music: a folder or zip of MIDI files. Captions: a folder of images. None: an oracle is
    the data."""
    target: Path | None = None
    """Text file with the targets of the lines of --data, its sources."""
    validation: Path | None = None
    """File that decides when the pre-training stops. None: a part of --data."""
    validation_target: Path | None = None
    """The targets of --validation."""
    test: Path | None = None
    """File that metrics are reported on. None: the validation part."""
    test_target: Path | None = None
    """The targets of --test."""
    images: Path | None = None
    """Captions: folder of the images that --data names. None: the folder that --data is in."""
    image_cache: Path | None = None
    """Captions: folder that keeps decoded images for the next run. None: they are decoded in each."""
    task: Literal["oracle", "text", "pairs", "labels", "dialogue", "captions", "code", "music"] | None = None
    """What the sequences are generated for. code: functions of Python files. None: what --data and its fields say, or
    without --data the oracle."""
    level: Literal["char", "word", "whitespace", "bpe", "ids"] = "word"
    """Unit of a token of text: a character, a word, or a byte pair. ids: integers, which are the token ids."""
    oracle_weights: Path | None = None
    """.npz file of oracle weights. None: the built-in oracle, with weights drawn from N(0, 1)."""
    seed: int = 0
    """Random seed."""
    dtype_policy: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """Keras dtype policy of both networks. The weights are always float32."""
    jit_compile: bool = False
    """Compile the training steps with XLA."""
    batch_size: int = 64
    """Number of real sequences per step."""
    corpus: DataSettings = DataSettings()
    generator: GeneratorSettings = GeneratorSettings()
    encoder: EncoderSettings = EncoderSettings()
    discriminator: DiscriminatorSettings = DiscriminatorSettings()
    estimator: EstimatorSettings = EstimatorSettings()
    rollout: RolloutSettings = RolloutSettings()
    reward: RewardSettings = RewardSettings()
    pretrain: PretrainSettings = PretrainSettings()
    adversarial: AdversarialSettings = AdversarialSettings()

    @property
    def sequence_length(self) -> int:
        """`corpus.sequence_length`, which is set in the settings of every created run.

        Raises:
            InputError: it is None.
        """
        if self.corpus.sequence_length is None:
            raise InputError("expected corpus.sequence_length. Received: no such key")
        return self.corpus.sequence_length


BRANCHING = ("adversarial.", "estimator.", "reward.", "rollout.")
"""Prefixes of the settings in which a run may differ from the run whose pre-training it uses."""


FILES = ("data", "target", "validation", "validation_target", "test", "test_target", "images", "image_cache")
"""The settings that are files or folders of the user."""


def difference(settings: Any, others: Any, prefix: str = "") -> dict[str, tuple[Any, Any]]:
    """The settings that differ: {dotted key: (value of the first, value of the second)}."""
    found: dict[str, tuple[Any, Any]] = {}
    for field in dataclasses.fields(settings):
        a, b = getattr(settings, field.name), getattr(others, field.name)
        if dataclasses.is_dataclass(a):
            found |= difference(a, b, f"{prefix}{field.name}.")
        elif a != b:
            found[prefix + field.name] = (a, b)
    return found
