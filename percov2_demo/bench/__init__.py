"""How long the codec takes, part by part, and beside the plain diffusers loop."""

from percov2_demo.bench.measure import bench
from percov2_demo.bench.table import table


__all__ = ["bench", "table"]
