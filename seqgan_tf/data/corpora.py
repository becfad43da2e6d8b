"""The corpora of data with conditions, by their tasks."""

from seqgan_tf.data.captions import CaptionCorpus
from seqgan_tf.data.pairs import ConditionalCorpus, DialogueCorpus, LabelledCorpus, PairCorpus

CORPORA: dict[str, type[ConditionalCorpus]] = {
    kind.task: kind for kind in (PairCorpus, DialogueCorpus, LabelledCorpus, CaptionCorpus)
}
