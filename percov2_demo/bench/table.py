"""Measurements as lines for people."""

from typing import Any


def table(result: dict[str, Any]) -> str:
    """The lines of a result of `bench`, with parts that came before among its own."""
    settings, sweep = result["settings"], result["sweep"]
    lines = [", ".join(f"{name} {value}" for name, value in settings.items()), "", "part                     seconds"]
    lines += [f"{name:24} {seconds:7.3f}" for name, seconds in result["parts"].items()]
    decode = result["decode"]
    lines += [
        "",
        "one picture              seconds  ratio   dB to the line above",
        f"{'plain diffusers loop':24} {decode['diffusers']:7.3f}",
        f"{'this codec':24} {decode['exact']:7.3f}  {result['ratio_to_diffusers']:5.2f}"
        f"   {result['psnr_to_diffusers']:.1f}",
        f"{'fast mode':24} {decode['fast']:7.3f}  {result['ratio_to_diffusers_fast']:5.2f}"
        f"   {result['psnr_fast']:.1f}",
        "",
        f"{sweep['pictures']} pictures              seconds  ratio",
        f"{'decoded one by one':24} {sweep['separate']:7.3f}",
        f"{'a sweep':24} {sweep['exact']:7.3f}  {result['ratio_of_sweep']:5.2f}",
        f"{'a sweep, fast mode':24} {sweep['fast']:7.3f}  {result['ratio_of_sweep_fast']:5.2f}",
        "",
        f"peak memory {result['peak_memory_mb']:.0f} MB",
    ]
    return "\n".join(lines)
