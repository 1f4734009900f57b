"""What captions and references have in common."""

import pytest

from percov2_demo.training.measures.content_words import (
    best_constant,
    content_overlap,
    content_words,
    shuffled_overlap,
)


REFERENCES = [["a red car on a street", "an old car"], ["two dogs in front of a house"], ["a dog on grass"]]


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("a photo of two people in front of it", {"people"}),
        ("The man's RED car.", {"man", "red", "car"}),
        ("there is a group of three", set()),
        ("", set()),
    ],
)
def test_stop_words_are_no_content(caption, words):
    assert content_words(caption) == words


def test_overlap_is_the_share_of_pictures_with_a_word_in_common():
    assert content_overlap(["a car", "a house", "a cat"], REFERENCES) == pytest.approx(2 / 3)
    assert content_overlap(["in front of a", "a dog", "dogs"], REFERENCES) == 0


def test_shuffled_captions_keep_what_is_common_to_all():
    assert shuffled_overlap(["car", "house", "grass"], REFERENCES) == 0
    assert shuffled_overlap(["dog", "dog", "dog"], REFERENCES) == pytest.approx(1 / 3)


def test_best_constant_is_chosen_by_its_overlap():
    assert best_constant(["a cat", "a dog on a street", "a dog"], REFERENCES) == ("a dog on a street", 2 / 3)
