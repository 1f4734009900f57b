"""Who writes captions, by name; nothing is imported, so that the command line's help is quick."""

CAPTIONERS = {"blip2": "Salesforce/blip2-opt-2.7b-coco"}
"""Repositories by short name; the papers' is BLIP-2, finetuned on COCO."""

CAPTIONER_WORDS = ("embedded", *CAPTIONERS, "none")
"""What is no repository: the model's own captioner, those with a short name, and nobody."""
