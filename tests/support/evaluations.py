"""Evaluations of the tiny runs."""

import types

import numpy as np
from exact import sequence_probabilities

from seqgan_tf.reports import evaluate as evaluation
from seqgan_tf.reports.data import read_evaluation_data
from seqgan_tf.runs.directory import open_run

STATES = ["pre-trained", "after 4 rounds"]


def evaluate(directory, settings, data=None):
    """Evaluates a run: its run, data, report and sweeps."""
    run = open_run(directory)
    found = read_evaluation_data(run, settings, data)
    report, sweeps = evaluation.evaluate_run(run, found, settings)
    return types.SimpleNamespace(run=run, data=found, report=report, sweeps=sweeps)


def log_likelihoods(generator, sequences):
    return np.log(sequence_probabilities(generator, sequences))
