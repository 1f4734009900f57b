"""Names of known captioners; free of imports, so that `--help` stays fast."""

CAPTIONERS = {"blip2": "Salesforce/blip2-opt-2.7b-coco"}
"""Repositories by short name; the papers' is BLIP-2, finetuned on COCO."""

CAPTIONER_WORDS = ("embedded", *CAPTIONERS, "none")
"""Words that name no repository: the model's own captioner, captioners with a short name, and no captioner."""
