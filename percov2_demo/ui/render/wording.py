"""Numbers and names as people say them."""

from percov2_demo.sampling.settings import OWN, SCALES


def counted(number: int, noun: str) -> str:
    """Return a number of things: 1 step, 2,304 tokens."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def format_size(size: int, before_noun: bool = False) -> str:
    """Return a number of bytes as people say it: 92 bytes, 53.1 KB, 3.1 MB; before a noun it is 92-byte."""
    if size < 10_000:
        return f"{size:,}-byte" if before_noun else counted(size, "byte")
    if size < 999_950:
        return f"{size / 1e3:.1f} KB"
    return f"{size / 1e6:.1f} MB" if size < 999_950_000 else f"{size / 1e9:.1f} GB"


def painter_label(name: str) -> str:
    """Return a painter's name, or what the codec's own ones are."""
    return {OWN: "own painter", SCALES: "own painter of finer tokens"}.get(name, name)
