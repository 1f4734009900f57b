"""Rates and metrics of a model over a folder of pictures, beside the classical codecs."""

from percov2_demo.evaluation.protocol import (
    Protocol,
    choose_codecs,
    describe_pictures,
    distinct_samplings,
    list_pictures,
)
from percov2_demo.evaluation.run import evaluate, join_processes


__all__ = [
    "Protocol",
    "choose_codecs",
    "describe_pictures",
    "distinct_samplings",
    "evaluate",
    "join_processes",
    "list_pictures",
]
