"""Properties of tokenizers at every level, for any text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgan_tf.core.sequences import lengths, mask
from seqgan_tf.data.tokenizer import TextTokenizer
from seqgan_tf.data.tokenizer_file import COUNTED_LEVELS

SIGNS = "ab1_ .,'\"<>-#\t\u3000é春!/"
WORDS = st.sampled_from(["a", "the", "cat's", "##", "C#4", "<end>", "<unk>", "12", "x-y", "春", "...", '"', "end", "<"])
TEXTS = st.text(st.sampled_from(SIGNS), max_size=25) | st.lists(WORDS, max_size=9).map(" ".join) | st.text(max_size=9)


def trained(lines, level):
    return TextTokenizer.train([*lines, "a b"], level, vocabulary_size=400, min_frequency=1)


@given(texts=st.lists(TEXTS, min_size=1, max_size=5))
def test_byte_pairs_give_any_text_back(texts):
    for tokenizer in (trained(texts, "bpe"), trained(["a b"], "bpe")):
        assert tokenizer.decode(tokenizer.encode(texts)) == texts


@given(texts=st.lists(TEXTS.filter(lambda t: "<end>" not in t and "<unk>" not in t), min_size=1, max_size=5))
def test_characters_give_a_text_of_the_vocabulary_back(texts):
    tokenizer = TextTokenizer.train([*texts, "ab"], "char", 400, 1, blanks="tokens")
    assert tokenizer.decode(tokenizer.encode(texts)) == texts
    assert all(len(ids) == len(text) for ids, text in zip(tokenizer.encode(texts), texts, strict=True))


@given(texts=st.lists(st.lists(WORDS.filter(lambda w: w not in ("<end>", "<unk>")), max_size=9).map(" ".join)))
def test_whitespace_gives_words_between_single_blanks_back(texts):
    tokenizer = trained(texts, "whitespace")
    assert tokenizer.decode(tokenizer.encode(texts)) == texts
    assert [len(ids) for ids in tokenizer.encode(texts)] == [len(text.split()) for text in texts]


@given(texts=st.lists(TEXTS, min_size=1, max_size=5))
def test_words_lose_blanks_alone(texts):
    tokenizer = trained(texts, "word")
    decoded = tokenizer.decode(tokenizer.encode(texts))
    for text, found in zip(texts, decoded, strict=True):
        if "<end>" not in text:
            assert _without_blanks(found) == _without_blanks(text)


@pytest.mark.parametrize("level", COUNTED_LEVELS)
@given(texts=st.lists(TEXTS, min_size=1, max_size=5))
def test_a_decoded_text_has_the_same_tokens_again(level, texts):
    tokenizer = trained(texts, level)
    ids = tokenizer.encode(texts)
    assert tokenizer.encode(tokenizer.decode(ids)) == ids


@pytest.mark.parametrize("level", COUNTED_LEVELS)
@given(texts=st.lists(TEXTS, min_size=1, max_size=5), others=st.lists(TEXTS, min_size=1, max_size=3))
def test_unknown_parts_are_empty_where_no_token_is_unknown(level, texts, others):
    tokenizer = trained(texts, level)
    for text in [*texts, *others]:
        (ids,) = tokenizer.encode([text])
        parts = tokenizer.unknown_parts(text)
        assert bool(parts) == (tokenizer.unknown_token_id in ids)
        assert all(part in text for part in parts)
        assert 0 not in ids


@pytest.mark.parametrize("level", COUNTED_LEVELS)
@given(texts=st.lists(TEXTS, max_size=5), length=st.integers(2, 9))
def test_padding_follows_the_end_token_and_masks_count_tokens(level, texts, length):
    tokenizer = trained(["the cat's hat, 春"], level)
    padded, cut = tokenizer.encode_padded(texts, length)
    assert padded.shape == (len(texts), length)
    counts = [len(ids) + 1 for ids in tokenizer.encode(texts)]
    assert cut == sum(count > length for count in counts)
    for row, count, ids in zip(padded.tolist(), counts, tokenizer.encode(texts), strict=True):
        assert row == [*ids, 0, *[-1] * length][:length] if count <= length else row == ids[:length]
    expected = [min(count, length) for count in counts]
    assert mask(padded).numpy().sum(axis=1).astype(int).tolist() == lengths(padded).numpy().tolist() == expected
    share = np.sum(padded == 1) / max(sum(expected), 1) if tokenizer.unknown_token_id else 0.0
    assert tokenizer.unknown_share(padded) == share


@pytest.mark.parametrize("level", COUNTED_LEVELS)
@given(texts=st.lists(TEXTS, min_size=1, max_size=4))
def test_a_saved_tokenizer_is_the_same(level, texts, tmp_path):
    tokenizer = trained(texts, level)
    tokenizer.save(tmp_path / "tokenizer.json")
    loaded = TextTokenizer.load(tmp_path / "tokenizer.json")
    assert loaded.tokens == tokenizer.tokens
    assert (loaded.spacing, loaded.blanks, loaded.level) == (tokenizer.spacing, tokenizer.blanks, tokenizer.level)
    assert loaded.decode(loaded.encode(texts)) == tokenizer.decode(tokenizer.encode(texts))


def _without_blanks(text):
    return "".join(c for c in text if not c.isspace() or c in "\x1c\x1d\x1e\x1f")
