"""Names of the stages in the order of the recipes; free of imports, so that `--help` stays fast."""

_IS_TIMED = {
    "photo-statistics": False,
    "autoencoder": True,
    "latents": False,
    "tokenizer": False,
    "hyper": True,
    "flow": True,
    "joint": True,
    "edits": True,
    "painter": True,
    "strength": False,
    "leverage": False,
    "indices": False,
    "entropy": True,
    "scales": True,
    "caption-coder": True,
    "captioner": True,
    "curves": False,
    "results": False,
    "export": False,
}

STAGES = tuple(_IS_TIMED)

TIMED_STAGES = tuple(name for name, is_timed in _IS_TIMED.items() if is_timed)
"""Those that train: they end with a time budget, and leave a state and a curve."""

WRITING_STAGES = ("photo-statistics", "results", "export")
"""Those that write a folder beside the work folder."""
