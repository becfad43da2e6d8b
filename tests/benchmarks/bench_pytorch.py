"""The likelihood step and the discriminator step of the paper's sizes as plain PyTorch, beside `bench_steps`.

They run where `pip install torch` has been done, with as many threads as TensorFlow takes.
"""

import os

import paper_setting as paper
import pytest

from seqgan_tf.models.conv_discriminator import PAPER_FILTERS

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
torch.set_num_threads(os.cpu_count())


class Generator(nn.Module):
    """Logits [B, T, V] of token ids [B, T], each from the tokens before it."""

    def __init__(self, vocabulary_size, embedding_dim=32, hidden_dim=32):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, embedding_dim)
        self.lstm = nn.LSTM(embedding_dim, hidden_dim, batch_first=True)
        self.projection = nn.Linear(hidden_dim, vocabulary_size)

    def forward(self, token_ids):
        given = F.pad(token_ids[:, :-1], (1, 0))
        return self.projection(self.lstm(self.embedding(given))[0])


class Discriminator(nn.Module):
    """Logits [B] of token ids [B, T]: convolutions, maximum over time, highway, dropout."""

    def __init__(self, vocabulary_size, embedding_dim=64):
        super().__init__()
        features = sum(PAPER_FILTERS.values())
        self.embedding = nn.Embedding(vocabulary_size, embedding_dim)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(embedding_dim, count, width) for width, count in PAPER_FILTERS.items()
        )
        self.transform, self.gate = nn.Linear(features, features), nn.Linear(features, features)
        self.dropout, self.output = nn.Dropout(0.25), nn.Linear(features, 1)

    def forward(self, token_ids):
        x = self.embedding(token_ids).transpose(1, 2)
        x = torch.cat([F.relu(convolution(x).amax(dim=2)) for convolution in self.convolutions], dim=1)
        x = x + torch.sigmoid(self.gate(x)) * (F.relu(self.transform(x)) - x)
        return self.output(self.dropout(x))[:, 0]


def draw(rows):
    return torch.randint(paper.V, [rows, paper.T], generator=torch.Generator().manual_seed(3)).to(DEVICE)


def trained(network, loss, rate, **clip):
    """A function that takes a step of Adam and returns the loss, a tensor on the CPU."""
    network.to(DEVICE).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)

    def step():
        optimizer.zero_grad()
        value = loss()
        value.backward()
        if clip:
            nn.utils.clip_grad_norm_(network.parameters(), **clip)
        optimizer.step()
        return value.detach().cpu()

    return step


def bench_likelihood_step(timed):
    generator, real = Generator(paper.V), draw(paper.B)
    step = trained(generator, lambda: F.cross_entropy(generator(real).flatten(0, 1), real.flatten()), 1e-2, max_norm=5)
    timed("likelihood step, PyTorch", 3 * paper.B * paper.T * paper.generator_flop(paper.make()), step)


@pytest.mark.parametrize("sequences", [64, 128])
def bench_discriminator_step(timed, sequences):
    discriminator, token_ids = Discriminator(paper.V), draw(sequences)
    is_real = torch.arange(sequences, device=DEVICE).lt(sequences // 2).float()

    def loss():  # with the authors' weight decay of the last layer
        decay = 0.1 * sum(weight.square().sum() for weight in discriminator.output.parameters())
        return F.binary_cross_entropy_with_logits(discriminator(token_ids), is_real) + decay

    step = trained(discriminator, loss, 1e-4)
    flop = 3 * sequences * paper.discriminator_flop(paper.make())
    timed(f"discriminator step, {sequences} sequences, PyTorch", flop, step)
