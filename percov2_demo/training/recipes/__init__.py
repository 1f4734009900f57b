"""Recipes: a config and the stages that make a model of it."""
