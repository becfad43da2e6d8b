"""The likelihood step and the discriminator step beside the same steps in plain PyTorch: a Markdown table.

    pip install torch
    python tests/benchmarks/pytorch.py [--turns 3]

Sizes and optimizers are those of `paper_setting`. The two take turns, each in a process of its own with the threads
that it takes by itself; a row is the median over all steps of all turns.
"""

import argparse
import json
import os
import subprocess
import sys
import time

import numpy as np

# `paper_setting` says these too, but a process that imports both libraries may crash.
V, T, B = 5_000, 20, 64
FILTERS = {1: 100, 2: 200, 3: 200, 4: 200, 5: 200, 6: 100, 7: 100, 8: 100, 9: 100, 10: 100, 15: 160, 20: 160}
ROUNDS, FIRST = 20, 3  # timed steps of a turn, and steps before them
ROWS = ("likelihood step, 64 sequences", "discriminator step, 64 sequences", "discriminator step, 128 sequences")


def tensorflow_steps():
    """{row: a function that takes a step and returns its loss as a number}."""
    import paper_setting as paper

    from seqgan_tf.core import steps

    gan = paper.make()
    real = {rows: paper.draw(gan, rows) for rows in (32, 64)}
    likelihood = paper.compiled(lambda: gan.likelihood_step(real[64])["nll"])

    def discriminator_step(rows):
        networks = gan.discriminator, gan.discriminator_optimizer
        step = paper.compiled(
            lambda: steps.discriminator_step(*networks, real[rows], real[rows][::-1])["discriminator_loss"]
        )
        return lambda: float(step())

    return dict(zip(ROWS, [lambda: float(likelihood()), *map(discriminator_step, real)], strict=True))


def pytorch_steps():
    """The same of modules that are written as one writes them in PyTorch."""
    import torch
    import torch.nn.functional as F
    from torch import nn

    device = "cuda" if torch.cuda.is_available() else "cpu"

    class Generator(nn.Module):
        """Logits [B, T, V] of token ids [B, T], each from the tokens before it."""

        def __init__(self, embedding_dim=32, hidden_dim=32):
            super().__init__()
            self.embedding = nn.Embedding(V, embedding_dim)
            self.lstm = nn.LSTM(embedding_dim, hidden_dim, batch_first=True)
            self.projection = nn.Linear(hidden_dim, V)

        def forward(self, token_ids):
            given = F.pad(token_ids[:, :-1], (1, 0))
            return self.projection(self.lstm(self.embedding(given))[0])

    class Discriminator(nn.Module):
        """Logits [B] of token ids [B, T]: convolutions, maximum over time, highway, dropout."""

        def __init__(self, embedding_dim=64):
            super().__init__()
            features = sum(FILTERS.values())
            self.embedding = nn.Embedding(V, embedding_dim)
            self.convolutions = nn.ModuleList(
                nn.Conv1d(embedding_dim, count, width) for width, count in FILTERS.items()
            )
            self.transform, self.gate = nn.Linear(features, features), nn.Linear(features, features)
            self.dropout, self.output = nn.Dropout(0.25), nn.Linear(features, 1)

        def forward(self, token_ids):
            x = self.embedding(token_ids).transpose(1, 2)
            x = torch.cat([F.relu(convolution(x).amax(dim=2)) for convolution in self.convolutions], dim=1)
            x = x + torch.sigmoid(self.gate(x)) * (F.relu(self.transform(x)) - x)
            return self.output(self.dropout(x))[:, 0]

    def draw(rows):
        numbers = torch.Generator().manual_seed(3)
        return torch.randint(V, [rows, T], generator=numbers).to(device)

    def trained(network, loss, rate, clipnorm=None):
        network.to(device).train()
        optimizer = torch.optim.Adam(network.parameters(), lr=rate)

        def step():
            optimizer.zero_grad()
            value = loss()
            value.backward()
            if clipnorm:
                nn.utils.clip_grad_norm_(network.parameters(), clipnorm)
            optimizer.step()
            return value.item()

        return step

    def likelihood_step():
        generator, real = Generator(), draw(B)
        return trained(generator, lambda: F.cross_entropy(generator(real).flatten(0, 1), real.flatten()), 1e-2, 5.0)

    def discriminator_step(sequences):
        discriminator, token_ids = Discriminator(), draw(sequences)
        is_real = torch.arange(sequences, device=device).lt(sequences // 2).float()

        def loss():  # with the authors' penalty of the last layer
            penalty = 0.1 * sum(weight.square().sum() for weight in discriminator.output.parameters())
            return F.binary_cross_entropy_with_logits(discriminator(token_ids), is_real) + penalty

        return trained(discriminator, loss, 1e-4)

    return dict(zip(ROWS, [likelihood_step(), discriminator_step(64), discriminator_step(128)], strict=True))


LIBRARIES = {"TensorFlow, ours": tensorflow_steps, "PyTorch": pytorch_steps}


def measure(library):
    """{row: seconds of each step}, in this process."""
    found = {}
    for row, step in LIBRARIES[library]().items():
        losses, seconds = [], []
        for _ in range(FIRST + ROUNDS):
            start = time.perf_counter()
            losses.append(step())
            seconds.append(time.perf_counter() - start)
        if not losses[-1] < losses[0]:
            raise RuntimeError(f"{library}, {row}: the loss did not fall: {losses}")
        found[row] = seconds[FIRST:]
    return found


def main(turns):
    """A process for each library and turn, and the table."""
    seconds = {library: {row: [] for row in ROWS} for library in LIBRARIES}
    for _ in range(turns):
        for library, rows in seconds.items():
            command = [sys.executable, __file__, "--one", library]
            output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            for row, found in json.loads(output.splitlines()[-1]).items():
                rows[row] += found
    print(f"{os.cpu_count()} cores, {turns} turns of {ROUNDS} steps; medians.\n")
    print(f"| | {' | '.join(LIBRARIES)} | ratio |\n| --- | --- | --- | --- |")
    for row in ROWS:
        ours, theirs = (1e3 * np.median(rows[row]) for rows in seconds.values())
        print(f"| {row} | {ours:.1f} ms | {theirs:.1f} ms | {ours / theirs:.2f} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--one", choices=list(LIBRARIES), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.one)))
    else:
        main(arguments.turns)
