"""`seqgan-tf export`: a trained run as a model to be served."""

import dataclasses
from pathlib import Path
from typing import Literal

import tyro

from seqgan_tf.cli.flags import RunFlags


@dataclasses.dataclass(frozen=True)
class Export(RunFlags):
    """Write a trained run as a new version of a model for TF Serving, or for ONNX or LiteRT runtimes."""

    target: tyro.conf.Positional[Path]
    """Directory of the served model; its name is the model's name."""
    version: int | None = None
    """Default: one more than the latest there."""
    format: Literal["saved_model", "onnx", "litert"] = "saved_model"
    """saved_model is what TF Serving runs."""
    warmup: bool = False
    """Write the requests with which TF Serving warms up."""
    jit: bool = False
    """Compile the signatures with XLA, for a server that has it."""

    def run(self) -> int:
        from seqgan_tf.runs.directory import load_run

        run = load_run(self.directory)
        print(run.gan.export(self.target, run.tokenizer, self.version, self.format, self.warmup, self.jit))
        return 0
