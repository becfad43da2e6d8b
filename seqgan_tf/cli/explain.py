"""`seqgan-tf explain`: why a sequence was generated, and what the discriminator goes by."""

import dataclasses
import json
import warnings
from pathlib import Path
from typing import Annotated

import tyro

from seqgan_tf.cli.flags import RunFlags, encode_conditions
from seqgan_tf.core.files import check_writable, write_text
from seqgan_tf.core.validation import InputError, check_at_least


@dataclasses.dataclass(frozen=True)
class Explain(RunFlags):
    """Explain a text, or samples of a run: what each token is worth, and what the discriminator goes by.

    Example:
    ```python
    from seqgan_tf.cli.main import main

    main(["explain", "runs/poems", "--rollouts", "4", "--json"])
    ```
    """

    text: str | None = None
    """Text to explain. None: samples of the run."""
    condition: str | None = None
    """What the text is for: a source text, a label or an image file. Turns, or what is beside an image, after a TAB."""
    num_samples: Annotated[int | None, tyro.conf.arg(aliases=["-n"])] = None
    """Number of samples. None: 1."""
    seed: int = 1
    """Random seed of the samples and of the roll-outs."""
    rollouts: int = 16
    """Completions of each beginning of a sequence."""
    top_k: int = 3
    """Number of alternatives of each token."""
    output: Path | None = None
    """File to write: a page, such as page.html, or a heat map, such as map.png. None: a table is printed."""
    json: bool = False
    """Print the explanations as JSON and nothing else."""

    def run(self) -> int:
        import numpy as np
        import tensorflow as tf

        from seqgan_tf.cli import console
        from seqgan_tf.reports.evaluate import plain
        from seqgan_tf.reports.explain import explain, token_ids_of
        from seqgan_tf.reports.explanation_page import explanation_page
        from seqgan_tf.reports.explanation_text import explanation_markdown
        from seqgan_tf.reports.heat_map import plot_explanations
        from seqgan_tf.runs.directory import open_run

        if self.output is not None:
            if self.output.suffix not in (".html", ".png"):
                raise InputError(f"--output must end with .html or .png. Received: {self.output}")
            check_writable(self.output)
        check_at_least(1, rollouts=self.rollouts, top_k=self.top_k)
        if self.num_samples is not None:
            check_at_least(1, num_samples=self.num_samples)
            if self.text is not None:
                raise InputError("--num-samples is for samples of the run. Received: --text too")
        run = open_run(self.directory)
        state = run.restore()
        for note in state.notes:
            warnings.warn(note, stacklevel=2)
        state.check_discriminator("explanations")
        count = self.num_samples or 1
        given = [] if self.condition is None else [self.condition.replace("\t", "\n")]
        condition = encode_conditions(run, given, "--condition")
        if condition is not None:
            condition = tf.nest.map_structure(lambda array: np.repeat(array, count, axis=0), condition)
        if self.text is not None:
            token_ids = token_ids_of(run, self.text)
        else:
            suppressed = run.source.suppressed_tokens
            number = count if condition is None else None
            token_ids = run.gan.generate(number, self.seed, condition=condition, suppress_tokens=suppressed)
        explanations = explain(run, token_ids, condition, self.rollouts, self.top_k, self.seed)
        if self.output is not None:
            if self.output.suffix == ".html":
                write_text(self.output, explanation_page(explanations, f"Explained by {self.directory}"))
            else:
                plot_explanations(explanations, self.output)
        if self.json:
            # Without the pixels, which are in a file of the user.
            without = [{name: part for name, part in vars(found).items() if name != "image"} for found in explanations]
            print(json.dumps(plain(without), ensure_ascii=False))
        elif self.output is not None:
            console.console.print(f"written to {self.output}")
        else:
            console.print_markdown(explanation_markdown(explanations))
        return 0
