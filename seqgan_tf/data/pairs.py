"""Texts that are generated for something: completions of prompts, answers in dialogues, texts with a label."""

from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np

from seqgan_tf.core.validation import InputError, check_at_least
from seqgan_tf.data.conditions import Labels, Sources, TextConditions, parts_of
from seqgan_tf.data.line_sequence import Chain, LineError
from seqgan_tf.data.parts import Parts
from seqgan_tf.data.records import DIALOGUE, LABELS, PAIRS, TURNS, Records, answers_of
from seqgan_tf.data.text import UNKNOWN_NOTED, TextCorpus, unknown_note
from seqgan_tf.data.tokenizer import TextTokenizer

Pairs = tuple[Sequence[str], Sequence[str]]


class ConditionalCorpus(TextCorpus):
    """A `TextCorpus` with a condition per text. `PairCorpus` and `LabelledCorpus` say how conditions are read.

    Args:
        given: the condition of each text, as text.
        texts: the texts.
        conditions: how the conditions are read. Defaults to None: by the rules of the class, from the training part.
        validation: (conditions, texts) that are held out, instead of a part of the texts. Defaults to None.
        test: (conditions, texts) that metrics are reported on, and that choose nothing. Defaults to None.
        level, vocabulary_size, min_frequency, blanks: as for `TextCorpus`; sources are read in the same way.
        **settings: as for `TextCorpus`.

    Attributes:
        conditions: how the conditions are read, a `Sources` or a `Labels`.
        train, validation, train_by_length: `tf.data.Dataset` of (condition, int32 [B, T]).
        train_condition, validation_condition, held_out_condition: arrays [n, ...], a condition per row of
            `train_token_ids`, `validation_token_ids`, `held_out_token_ids`.
        held_out_given: the conditions of `held_out_token_ids` as text.
        held_out_texts: the texts of `held_out_token_ids`.

    Raises:
        InputError: different numbers of conditions and texts, or as for `TextCorpus`.

    Example:
    ```python
    from seqgan_tf.data.pairs import ConditionalCorpus, LabelledCorpus

    corpus: ConditionalCorpus = LabelledCorpus(["sad", "happy"] * 50, ["it rains", "it shines"] * 50, level="word")
    print(corpus.train_condition.shape)  # (90,)
    ```
    """

    def __init__(
        self,
        given: Sequence[str],
        texts: Sequence[str],
        level: str = "word",
        vocabulary_size: int | None = None,
        min_frequency: int = 2,
        blanks: str = "auto",
        conditions: TextConditions | None = None,
        validation: Pairs | None = None,
        test: Pairs | None = None,
        **settings: Any,
    ):
        name = settings.get("name", "lines")
        for side, part in (("", (given, texts)), ("`validation`: ", validation), ("`test`: ", test)):
            if part is not None and len(part[0]) != len(part[1]):
                raise InputError(
                    f"{name}: {side}expected as many conditions as texts. Received: {len(part[0])} and {len(part[1])}"
                )
        rules: dict[str, Any] = {
            "level": level,
            "vocabulary_size": vocabulary_size,
            "min_frequency": min_frequency,
            "blanks": blanks,
        }
        split = {name: settings[name] for name in ("validation_split", "seed", "groups") if name in settings}
        (own_given, own), (test_given, own_test) = (part or (None, None) for part in (validation, test))
        self.given = Parts.of(given, own_given, test_given, **split)
        super().__init__(texts, **rules, validation=own, test=own_test, **settings)
        self.conditions: TextConditions = conditions or self.read_conditions(*rules.values())
        self.num_conditions_cut = 0
        self.train_condition, self.validation_condition = map(self._encode, self.given[:2])
        self.held_out_given, self.held_out_texts = self.given.validation, self.parts.validation
        self.held_out_condition = self.validation_condition
        if self.given.test is not None and self.parts.test is not None:
            self.held_out_given, self.held_out_texts = self.given.test, self.parts.test
            self.held_out_condition = self._encode(self.given.test)

    def read_conditions(self, level: str, *rules: Any) -> TextConditions:
        """How conditions are read, from those of the training part and the rules of `TextTokenizer.train`."""
        raise NotImplementedError

    def _encode(self, given: Sequence[str]) -> np.ndarray:
        try:
            encoded = self.conditions.encode(given)
        except LineError:
            raise
        except InputError as error:
            raise InputError(f"{self.name}: {error}") from error
        self.num_conditions_cut += self.conditions.num_cut
        return encoded

    @classmethod
    def _of(cls, records: Records, validation: Records | None, test: Records | None, **settings: Any) -> Self:
        parts = (None if part is None else (part.conditions, part.texts) for part in (validation, test))
        own: dict[str, Any] = dict(zip(("validation", "test"), parts, strict=True))
        return cls(records.conditions or (), records.texts, groups=records.groups, **own, **settings)

    @property
    def notes(self) -> list[str]:
        """As for `TextCorpus`, and what is unusual about the conditions."""
        found = super().notes
        for conditions, condition in parts_of(self.conditions, self.held_out_condition):
            if isinstance(conditions, Sources):
                if self.num_conditions_cut:
                    room = conditions.tokenizer.capacity(conditions.source_length)
                    found.append(f"{self.num_conditions_cut} sources are longer than {room} tokens and were cut")
                share = conditions.tokenizer.unknown_share(condition)
                if share > UNKNOWN_NOTED:
                    found.append(unknown_note(share, "the held-out sources"))
        return found


class PairCorpus(ConditionalCorpus):
    """Pairs of texts: translations, questions and answers, prompts and completions.

    Args:
        sources: the source texts; the condition of a pair is its source.
        targets: the target texts.
        source_length: S, the end token included; longer sources are cut. Defaults to None: the length that 99 of 100
            sources do not exceed, and at most 100.
        shared_tokenizer: whether sources and targets have one vocabulary. Defaults to False: each side its own.
        **settings: as for `ConditionalCorpus`.

    Raises:
        InputError: as for `ConditionalCorpus`.

    Example:
    ```python
    import seqgan_tf as sg

    corpus = sg.PairCorpus(["ein hund", "eine katze"] * 50, ["a dog", "a cat"] * 50, level="word")
    print(corpus.train_condition.shape, corpus.train_token_ids.shape)  # (90, 3) (90, 3)
    print(corpus.conditions.encode(["eine katze"]))
    ```
    """

    task = PAIRS

    def __init__(
        self,
        sources: Sequence[str],
        targets: Sequence[str],
        level: str = "word",
        vocabulary_size: int | None = None,
        min_frequency: int = 2,
        blanks: str = "auto",
        source_length: int | None = None,
        shared_tokenizer: bool = False,
        **settings: Any,
    ):
        self.source_length, self.shared_tokenizer = source_length, shared_tokenizer
        rules: dict[str, Any] = {
            "level": level,
            "vocabulary_size": vocabulary_size,
            "min_frequency": min_frequency,
            "blanks": blanks,
        }
        super().__init__(sources, targets, **rules, **settings)

    def train_tokenizer(self, lines: Iterable[str], level: str, *rules: Any) -> TextTokenizer:
        """The tokenizer of the targets; where it is shared, it is trained on the sources of the training part too."""
        if self.shared_tokenizer:
            lines = Chain(lines, self.given.vocabulary_lines(level, are_split=True))
        return super().train_tokenizer(lines, level, *rules)

    def read_conditions(self, level: str, *rules: Any) -> Sources:
        tokenizer = self.tokenizer
        if not self.shared_tokenizer:
            lines = self.given.vocabulary_lines(level, are_split=True)
            tokenizer = TextCorpus.train_tokenizer(self, lines, level, *rules)
        return Sources.of(self.given.train, tokenizer, self.source_length)


class DialogueCorpus(PairCorpus):
    """Answers in dialogues. The condition of an answer is the turns before it, one per line.

    All answers of a dialogue are in one part. Prompts and answers share a tokenizer, unless `shared_tokenizer=False`.

    Args:
        prompts: of each answer the turns before it, one per line, the last turn last.
        answers: the answers.
        **settings: as for `PairCorpus`.

    Raises:
        InputError: as for `PairCorpus`.

    Example:
    ```python
    import seqgan_tf as sg

    dialogues = [["how are you ?", "fine , and you ?", "tired ."], ["hello .", "how are you ?"]] * 50
    corpus = sg.DialogueCorpus.from_dialogues(dialogues, turns=2, level="word")
    print(corpus.held_out_given[0], corpus.held_out_texts[0])
    ```
    """

    task = DIALOGUE

    def __init__(self, prompts: Sequence[str], answers: Sequence[str], **settings: Any):
        super().__init__(prompts, answers, **({"shared_tokenizer": True} | settings))

    @classmethod
    def from_dialogues(
        cls,
        dialogues: Sequence[Sequence[str]],
        turns: int = TURNS,
        validation: Sequence[Sequence[str]] | None = None,
        test: Sequence[Sequence[str]] | None = None,
        **settings: Any,
    ) -> Self:
        """The corpus of dialogues: every turn but the first is an answer.

        Args:
            dialogues: the turns of each dialogue.
            turns: largest number of turns before an answer that are its prompt. Defaults to 3.
            validation, test: dialogues of their own. Default to None.
            **settings: as for the class.
        """
        check_at_least(1, turns=turns)
        prompts, answers, groups = _answers(dialogues, turns)
        parts = {
            name: _answers(part, turns)[:2]
            for name, part in (("validation", validation), ("test", test))
            if part is not None
        }
        return cls(prompts, answers, groups=np.array(groups, np.int32), **parts, **settings)


def _answers(dialogues: Sequence[Sequence[str]], turns: int) -> tuple[list[str], list[str], list[int]]:
    """The prompts, the answers, and the number of the dialogue of each."""
    found = [(number, *pair) for number, dialogue in enumerate(dialogues) for pair in answers_of(dialogue, turns)]
    return [prompt for _, prompt, _ in found], [answer for _, _, answer in found], [number for number, _, _ in found]


class LabelledCorpus(ConditionalCorpus):
    """Texts with a label each, such as a mood, a topic or an author.

    Args:
        labels: the label of each text.
        texts: the texts.
        **settings: as for `ConditionalCorpus`.

    Raises:
        InputError: a held-out text has a label that no training text has, or as for `ConditionalCorpus`.

    Example:
    ```python
    import seqgan_tf as sg

    corpus = sg.LabelledCorpus(["sad", "happy"] * 50, ["it rains", "it shines"] * 50, level="word")
    print(corpus.conditions.labels, corpus.train_condition[:3])
    ```
    """

    task = LABELS

    def read_conditions(self, level: str, *rules: Any) -> Labels:
        return Labels.of(self.given.train)
