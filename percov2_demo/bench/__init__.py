"""How long the codec takes: part by part, beside the plain diffusers loop, and as the work grows."""

from percov2_demo.bench.measure import bench
from percov2_demo.bench.scaling import Ranges, scale
from percov2_demo.bench.table import scale_table, table


__all__ = ["Ranges", "bench", "scale", "scale_table", "table"]
