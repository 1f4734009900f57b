"""Format measurements as lines for people."""

from typing import Any


GROUPS = {"batches": "pictures in a batch", "captions": "captions of a photo", "threads": "threads"}
"""What `scale` counts up, in words."""


def table(result: dict[str, Any]) -> str:
    """Format a result of `bench` as lines, with parts that were timed before among its own."""
    sweep, refinement = result["sweep"], result["refinement"]
    lines = [_settings_line(result), "", "part                     seconds"]
    lines += [f"{name:24} {seconds:7.3f}" for name, seconds in result["parts"].items()]
    decode = result["decode"]
    lines += [
        "",
        "one picture              seconds  ratio   dB to the exact one   ratio of CPU seconds",
        f"{'plain diffusers loop':24} {decode['diffusers']:7.3f}   1.00   {result['psnr_to_diffusers']:<20.1f}   1.00",
        f"{'this codec, exact':24} {decode['exact']:7.3f}  {result['ratio_to_diffusers']:5.2f}"
        f"{result['cpu_ratio_to_diffusers']:30.2f}",
        f"{'fast mode':24} {decode['fast']:7.3f}  {result['ratio_to_diffusers_fast']:5.2f}"
        f"   {result['psnr_fast']:<20.1f}   {result['cpu_ratio_to_diffusers_fast']:.2f}",
        *(_variant_line(name, row) for name, row in result["variants"].items()),
        "",
        f"{sweep['pictures']} pictures              seconds  ratio",
        f"{'decoded one by one':24} {sweep['separate']:7.3f}",
        f"{'a sweep':24} {sweep['exact']:7.3f}  {result['ratio_of_sweep']:5.2f}",
        f"{'a sweep, fast mode':24} {sweep['fast']:7.3f}  {result['ratio_of_sweep_fast']:5.2f}",
        "",
        f"{refinement['steps']} coded steps            seconds  ratio of CPU seconds",
        f"{'a plain picture':24} {refinement['plain']:7.3f}   1.00",
        f"{'refining':24} {refinement['encode']:7.3f}  {refinement['cpu_ratio_encode']:5.2f}",
        f"{'decoding':24} {refinement['decode']:7.3f}  {refinement['cpu_ratio_decode']:5.2f}",
        "",
        f"peak memory {result['peak_memory_mb']:.0f} MB",
    ]
    return "\n".join(lines)


def _variant_line(name: str, row: dict[str, Any]) -> str:
    if "refused" in row:
        return f"{name:24} {row['refused']}"
    return f"{name:24} {row['seconds']:7.3f}  {row['ratio_to_diffusers']:5.2f}   {row['psnr_to_exact']:.1f}"


def scale_table(result: dict[str, Any]) -> str:
    """Format a result of `scale` as lines, in CPU seconds, which other programs on the machine hardly change."""
    lines = [_settings_line(result), "", "side  way               streams  bytes   encode     read    paint"]
    for row in result["sizes"]:
        parts = "  ".join(f"{seconds:7.3f}" for seconds in row["cpu_seconds"].values())
        lines.append(f"{row['side']:4}  {row['way']:16}  {row['streams']:7}  {row['bytes']:5}  {parts}")
    for group, name in GROUPS.items():
        lines += ["", f"{name:24} seconds"]
        lines += [f"{row['number']:<24} {row['cpu_seconds']:7.3f}" for row in result[group]]
    lines += ["", "transformer, tokens    attention  products     rest"]
    for row in result["transformer"]:
        parts = "  ".join(f"{seconds:8.3f}" for seconds in row["cpu_seconds"].values())
        lines.append(f"{row['tokens']:<21}   {parts}")
    return "\n".join(lines)


def _settings_line(result: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in result["settings"].items())
