"""`seqgan-tf generate`: prints samples of a trained run, or writes them as MIDI files."""

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import tyro

from seqgan_tf.cli.flags import RunFlags, encode_conditions
from seqgan_tf.core.files import check_replaceable, whole_directory
from seqgan_tf.core.validation import InputError, MissingExtraError, check_at_least
from seqgan_tf.data.lines import read_lines
from seqgan_tf.data.records import printed

if TYPE_CHECKING:
    from seqgan_tf.data.music_tokenizer import MusicTokenizer

OWN_FLAGS = {"mcts": ("simulations", "exploration", "num_actions"), "resample": ("particles",)}
"""The flags that one strategy alone takes."""


@dataclasses.dataclass(frozen=True)
class Generate(RunFlags):
    """Print samples of a trained run, one per line; of code, each after a line # %%. Tunes also as MIDI files.

    Example:
    ```python
    from seqgan_tf.cli.main import main

    main(["generate", "runs/poems", "--num-samples", "2"])
    ```
    """

    num_samples: Annotated[int | None, tyro.conf.arg(aliases=["-n"])] = None
    """Number of samples, for each condition if there are several. None: 5, or 1 per line of --condition-file."""
    seed: int = 1
    """Random seed. Equal seeds give equal samples."""
    temperature: float = 1.0
    """Sampling temperature. Below 1, likely tokens become likelier."""
    top_k: int | None = None
    """Sample from the k likeliest tokens only. None: from all."""
    top_p: float | None = None
    """Sample from the likeliest tokens with this total probability. None: from all."""
    prompt: str = ""
    """Text that every sample begins with; of a run on music, a MIDI file."""
    prompt_bars: int | None = None
    """Music: number of bars of --prompt that are continued. None: those that fit in half of a sample."""
    output: Path | None = None
    """Music: new directory for a MIDI file and a piano roll of each sample."""
    condition: str | None = None
    """What to generate for: a source text, a label or an image file. The turns of a dialogue are separated by TAB."""
    condition_text: str | None = None
    """The prompt or label beside the image of --condition."""
    condition_file: Path | None = None
    """Text file with a condition per line. What is beside an image is separated by TAB."""
    num_beams: int = 1
    """Above 1: beam search for the most likely text of each condition. Nothing is drawn."""
    length_penalty: float = 1.0
    """Beam search compares log-likelihoods divided by length to the power of this."""
    strategy: Literal["sample", "mcts", "resample"] = "sample"
    """How tokens are chosen. mcts: by a tree search for what the discriminator takes for real. resample: samples are
    chosen in proportion to the discriminator's odds, which keeps them diverse."""
    simulations: int | None = None
    """mcts: completed sequences per token. None: 64."""
    exploration: float | None = None
    """mcts: how much it tries actions that it has rarely tried. None: 2."""
    num_actions: int | None = None
    """mcts: tokens that are tried at each position, the likeliest ones. None: 8."""
    particles: int | None = None
    """resample: samples of which one is chosen. None: 32."""

    def run(self) -> int:
        import tensorflow as tf

        from seqgan_tf.data.conditions import Several
        from seqgan_tf.rewards.strategies import Resampling
        from seqgan_tf.runs.directory import load_run
        from seqgan_tf.runs.music_source import MusicSource

        if self.num_samples is not None:
            check_at_least(1, num_samples=self.num_samples)
        if self.prompt_bars is not None and not self.prompt:
            raise InputError("--prompt-bars needs --prompt, a MIDI file. Received: none")
        if self.output is not None:
            check_replaceable(self.output)
        if self.num_beams > 1 and self.num_samples is not None:
            raise InputError("--num-beams gives one text per condition. Received: --num-samples too")
        own = self._of_strategy()
        given = self._conditions()
        run = load_run(self.directory)
        if self.strategy != "sample" and not int(run.gan.discriminator_optimizer.iterations):
            needed = f"--strategy {self.strategy} needs a run whose discriminator is trained"
            raise InputError(f"{needed}. Received: {self.directory}, whose is not")
        count = self.num_samples or (1 if self.condition_file or self.num_beams > 1 else 5)
        condition = None
        if self.output is not None and not isinstance(run.source, MusicSource):
            raise InputError("--output needs a run on music. Received: a run on other data")
        text_beside = self.condition_text is not None
        if run.source.conditions is not None and text_beside and not isinstance(run.source.conditions, Several):
            raise InputError("--condition-text needs a run with several conditions. Received: a run with one")
        encoded = encode_conditions(run, given, "--condition or --condition-file")
        if encoded is not None:
            condition = tf.nest.map_structure(lambda array: np.repeat(array, count, axis=0), encoded)
        prompt = None
        if self.prompt:
            prompt = run.source.prompt(self.prompt, self.prompt_bars, run.settings.sequence_length)
        found = run.gan.generate(
            count if condition is None else None,
            self.seed,
            prompt,
            condition=condition,
            num_beams=self.num_beams,
            length_penalty=self.length_penalty,
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            suppress_tokens=run.source.suppressed_tokens,
            strategy=self.strategy,
            return_dict=True,
            **own,
        )
        token_ids = found["token_ids"]
        if "effective_sample_size" in found:
            sizes = found["effective_sample_size"]
            shown = f"effective sample size: {np.mean(sizes):.1f} on average, at least {np.min(sizes):.1f}"
            print(f"{shown}, of {own.get('particles', Resampling().particles)} particles", file=sys.stderr)
        if self.output is not None and isinstance(run.source, MusicSource):
            print("\n".join(write_tunes(run.source.music, token_ids, self.output)))
        else:
            print("\n".join(printed(run.decode(token_ids), run.settings.task)))
        return 0

    def _of_strategy(self) -> dict[str, Any]:
        """The flags that belong to the strategy, where they are given."""
        given = {}
        for strategy, names in OWN_FLAGS.items():
            for name in names:
                if (value := getattr(self, name)) is None:
                    continue
                if strategy != self.strategy:
                    flag = f"--{name.replace('_', '-')}"
                    raise InputError(f"{flag} needs --strategy {strategy}. Received: --strategy {self.strategy}")
                given[name] = value
        return given

    def _conditions(self) -> list[str]:
        """The conditions as text, a turn per line."""
        if self.condition is not None and self.condition_file is not None:
            raise InputError("--condition takes one condition. Received: --condition-file too")
        if self.condition_text is not None and self.condition is None:
            raise InputError("--condition-text needs --condition. Received: none")
        lines = [] if self.condition is None else ["\n".join(filter(None, [self.condition, self.condition_text]))]
        if self.condition_file is not None:
            lines = read_lines(self.condition_file)
        return [line.replace("\t", "\n") for line in lines]


def write_tunes(music: "MusicTokenizer", token_ids: np.ndarray, directory: Path) -> list[str]:
    """Writes tunes as MIDI files and, if matplotlib is installed, as piano rolls. All are there, or none.

    Args:
        music: the tokenizer.
        token_ids: int array [n, T].
        directory: where they are. A directory that is there is replaced.

    Returns:
        A line about each tune, and if there are no piano rolls, one that says why.

    Raises:
        InputError: the directory cannot be written.
    """
    from seqgan_tf.reports.plots import plot_piano_roll

    lines, missing = [], set()
    with whole_directory(directory) as folder:
        for path, tune in zip(music.write(token_ids, folder), music.tunes(token_ids), strict=True):
            lines.append(f"{directory / path.name}: {tune.text()}")
            try:
                plot_piano_roll(tune, path.with_suffix(".png"))
            except MissingExtraError as error:
                missing.add(str(error))
    return [*lines, *missing]
