"""Rates and metrics of a model over a folder of pictures, beside the classical codecs."""

from percov2_demo.evaluation.protocol import Protocol, choose_codecs, describe_pictures, list_pictures
from percov2_demo.evaluation.run import evaluate, join_processes


__all__ = ["Protocol", "choose_codecs", "describe_pictures", "evaluate", "join_processes", "list_pictures"]
