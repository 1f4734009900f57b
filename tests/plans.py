"""Memory plans as parameters of tests."""

import pytest

from percov2_demo.checkpoints.memory_plans import PLANS


_ENDS = ("8gb", "max")

EACH_PLAN = [name if name in _ENDS else pytest.param(name, marks=pytest.mark.slow) for name in PLANS]
"""The smallest and the largest in every run; those between them do what these do."""
