"""What is wrong with an objective is one line, and the traceback of the user's function is kept."""

import traceback

import numpy as np
import pytest
from objectives import TOKEN_IDS, decode, estimate, model, values, with_prompt
from tiny import DATA, V

import seqgan_tf as sg

# Errors of the function


def nan_for_b(completions):
    return [float("nan") if text.startswith("b") else 1.0 for text in completions]


def fails(completions):
    raise ZeroDivisionError("no rhyme\nin 猫")


WRONG = [
    (fails, r"`fails\(completions\)` must run on a list of str. Received: ZeroDivisionError: no rhyme in 猫"),
    (nan_for_b, r"`nan_for_b\(completions\)` must return finite numbers. Received: nan for 'b\.__'"),
    (lambda completions: None, r"`<lambda>\(completions\)` must return a list of numbers. Received: NoneType"),
    (lambda completions: 1.0, r"`<lambda>\(completions\)` must return a list of numbers. Received: float"),
    (lambda completions: [1.0], r"`<lambda>\(completions\)` must return a number per text, 3. Received: 1"),
    (lambda completions: ["1"] * 3, r"`<lambda>\(completions\)` must return numbers. Received: str for 'abab'"),
    (lambda completions: [None] * 3, r"`<lambda>\(completions\)` must return numbers. Received: NoneType for 'abab'"),
    (lambda completions: np.ones([3, 1]), r".* must return numbers. Received: ndarray for 'abab'"),
    (lambda completions: [float("inf")] * 3, r".* must return finite numbers. Received: inf for 'abab'"),
    (lambda completions: [10**400] * 3, r".* must return finite numbers. Received: inf for 'abab'"),
    (lambda completions: [1e39] * 3, r".* must return finite numbers. Received: 1e\+39 for 'abab'"),
    (lambda completions, answers: [1.0], r".* must run on a list of str. Received: TypeError: .*'answers'"),
]


@pytest.mark.parametrize(("function", "message"), WRONG)
def test_a_function_that_fails_is_one_line(function, message):
    objective = sg.Objective(function, decode, name="wrong")
    with pytest.raises(sg.InputError, match=f"^{message}$"):
        estimate(sg.TerminalReward(reward=objective), TOKEN_IDS[[0, 1, 3]])


WRONG_TEXTS = [
    (lambda token_ids: "abc", "`decode` must return a list of 3 str, one per row. Received: str"),
    (lambda token_ids: ["a"], "`decode` must return a list of 3 str, one per row. Received: 1"),
    (lambda rows: [b"a"] * 3, "`decode` must return a list of str. Received: bytes in it"),
    (lambda token_ids: {}[0], "`decode` must run on 3 rows. Received: KeyError: 0"),
]


@pytest.mark.parametrize(("decoder", "message"), WRONG_TEXTS)
def test_a_decoder_that_fails_is_one_line(decoder, message):
    with pytest.raises(sg.InputError, match=f"^{message}$"):
        sg.Objective(values, decoder).values(TOKEN_IDS[[0, 1, 3]])
    objective = sg.Objective(with_prompt, decode, decoder)
    with pytest.raises(sg.InputError, match=f"^{message.replace('decode', 'decode_condition')}$"):
        objective.values(TOKEN_IDS[[0, 1, 3]], np.arange(3))


def test_a_function_that_fails_is_refused_before_anything_is_trained():
    with pytest.raises(sg.InputError, match=r"^`fails\(completions\)` must run .*: ZeroDivisionError: no rhyme in 猫$"):
        model(sg.Objective(fails, decode))


class FailsLater:
    """A function that fails after some calls, deep inside."""

    __name__ = "fails_later"

    def __init__(self, calls, failing):
        self.calls, self.failing = calls, failing

    def __call__(self, completions):
        self.calls -= 1
        return self.failing(completions) if self.calls < 0 else [1.0] * len(completions)


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_an_error_in_fit_is_one_line_and_its_traceback_is_kept(run_eagerly):
    gan = model(sg.Objective(FailsLater(2, fails), decode), {"run_eagerly": run_eagerly})
    with pytest.raises(sg.InputError) as found:
        gan.fit(DATA, steps_per_epoch=3, verbose=0)
    message = "`fails_later(completions)` must run on a list of str. Received: ZeroDivisionError: no rhyme in 猫"
    assert str(found.value) == message
    assert isinstance(found.value.__cause__, ZeroDivisionError)
    shown = "".join(traceback.format_exception(found.value))
    assert "in fails\n" in shown  # the line of the user's function that failed


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_a_value_that_is_not_finite_ends_fit_in_one_line(run_eagerly):
    function = FailsLater(1, lambda completions: [float("nan")] * len(completions))
    gan = model(sg.Objective(function, decode), {"run_eagerly": run_eagerly})
    message = r"^`fails_later\(completions\)` must return finite numbers. Received: nan for '.{4}'$"
    with pytest.raises(sg.InputError, match=message) as found:
        gan.fit(DATA, steps_per_epoch=3, verbose=0)
    assert found.value.__cause__ is None


def test_an_error_of_something_else_in_fit_stays_what_it_is():
    gan = model(sg.Objective(values, decode), {})
    with pytest.raises(sg.InputError, match=r"^`fails_later"):
        model(sg.Objective(FailsLater(0, fails), decode))
    with pytest.raises(sg.InputError, match=r"^`data` must be in \[0, 5\), the vocabulary"):
        gan.fit(DATA + V, steps_per_epoch=1, verbose=0)


# Arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"function": "rhyme"}, "`function` must be a function of completions. Received: 'rhyme'"),
        (
            {"function": lambda texts: [1.0], "name": "a"},
            r"`function` must take `completions`, a list of str, by this name. Received: <lambda>\(texts\)",
        ),
        (
            {"function": lambda completions, /: [1.0], "name": "a"},
            r"`function` must take `completions`, a list of str, by this name. Received: <lambda>\(completions\)",
        ),
        (
            {"function": lambda completions: [1.0]},
            "`name` must consist of letters, digits and underscores. Received: '<lambda>'",
        ),
        ({"name": "a/b"}, "`name` must consist of letters, digits and underscores. Received: 'a/b'"),
        ({"name": ""}, "`name` must consist of letters, digits and underscores. Received: ''"),
        (
            {"decode": "utf-8"},
            "`decode` must be a tokenizer or a function that returns a list of str. Received: 'utf-8'",
        ),
        (
            {"decode_condition": 3},
            "`decode_condition` must be a tokenizer or a function that returns a list of str. Received: 3",
        ),
        ({"batch_size": 0}, "`batch_size` must be at least 1. Received: 0"),
        ({"batch_size": 1.5}, "`batch_size` must be an int. Received: 1.5"),
    ],
)
def test_arguments_of_another_kind_are_refused(arguments, message):
    with pytest.raises(sg.InputError, match=f"^{message}$"):
        sg.Objective(**{"function": values, "decode": decode} | arguments)


def test_a_tokenizer_of_another_vocabulary_is_refused():
    tokenizer = sg.TextTokenizer.train(["the cat sees the dog", "a dog sees a cat"])
    with pytest.raises(sg.InputError, match=r"^`decode` must have the generator's 5 tokens. Received: 7$"):
        model(sg.Objective(values, tokenizer))


@pytest.mark.parametrize("control", [lambda estimator: estimator, sg.ConstantReward])
def test_xla_is_refused(control):
    gan = model("log_odds")
    gan.reward_estimator = control(sg.TerminalReward(reward=sg.Objective(values, decode)))
    message = (
        "^`jit_compile` must be False with an `Objective`, because XLA cannot compile its Python function. "
        "Received: True and the objective 'values'$"
    )
    with pytest.raises(sg.InputError, match=message):
        gan.compile(jit_compile=True)
    with pytest.warns(UserWarning, match="^The model cannot be saved"):
        gan.compile(jit_compile="auto")
    assert gan.jit_compile is False
