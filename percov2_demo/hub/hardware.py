"""Hardware of Hugging Face Spaces; free of imports, so that `--help` stays fast."""

HARDWARE = {"cpu-basic": "cpu-basic", "zero-gpu": "zero-a10g"}
"""By name, each with a folder in `spaces_config`: what the hub calls it."""

VARIABLES = {
    "cpu-basic": {"PERCOV2_DEVICE": "cpu"},
    # A plan without offload: ZeroGPU moves the weights itself.
    "zero-gpu": {"PERCOV2_DEVICE": "cuda", "PERCOV2_MEMORY": "32gb"},
}
"""Defaults of the command line on each hardware."""
