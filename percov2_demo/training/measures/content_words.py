"""Measure how much captions say about their own pictures: the content words they share with references."""

import re
from collections.abc import Sequence


_STOP_WORDS = """
    a an the this that these those some any each every all both either another other no not
    many much more most several few lot lots couple pair group
    zero one two three four five six seven eight nine ten eleven twelve hundred first second third
    i you he she it we they me him her us them my your his its our their who whom whose which what
    himself herself itself themselves someone something
    is are was were be been being am has have had having do does did doing can could will would shall should may might
    must get gets getting
    about above across after against along alongside amid among around at away back before behind below beneath beside
    besides between beyond by down during for from front in inside into near nearby next of off on onto opposite out
    outside over past side through to together top toward towards under underneath up upon with within without
    and or but nor so as if than then while when where there here very too also just
    photo photos photograph picture pictures image images view
"""

STOP_WORDS = frozenset(_STOP_WORDS.split())
"""Words that say nothing about a picture: articles, other determiners and quantities, number words, pronouns,
auxiliaries, prepositions and the nouns they are made with ("in front of"), conjunctions, and names of pictures."""


def content_words(caption: str) -> set[str]:
    """Return a caption's words of two letters or more that are no stop words, in lower case."""
    return set(re.findall(r"[^\W\d_]{2,}", caption.lower())) - STOP_WORDS


def content_overlap(captions: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Return the share of pictures whose caption shares at least one content word with one of its references.

    Args:
        captions: One caption for each picture.
        references: One or more reference captions for each picture.
    """
    return _mean(
        [bool(content_words(caption) & _words(texts)) for caption, texts in zip(captions, references, strict=True)]
    )


def shuffled_overlap(captions: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Average `content_overlap` of captions that are given to other pictures, over all shifts of the list.

    What stays of the figure here is owed to words that are common, not to looking at the picture.
    """
    shifts = range(1, len(captions))
    return _mean([content_overlap([*captions[n:], *captions[:n]], references) for n in shifts])


def best_constant(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> tuple[str, float]:
    """Return the candidate with the largest `content_overlap` as every picture's caption, and that overlap."""
    words = [_words(texts) for texts in references]
    overlaps = [_mean([bool(content_words(text) & reference) for reference in words]) for text in candidates]
    best = max(range(len(candidates)), key=overlaps.__getitem__)
    return candidates[best], overlaps[best]


def _words(texts: Sequence[str]) -> set[str]:
    return set().union(*map(content_words, texts))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
