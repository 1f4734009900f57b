"""What an AV1 sequence says of its colours (AV1 bitstream specification, 5.5), for files whose boxes do not say it."""

from percov2_demo.images.colour import Cicp


_SEQUENCE_HEADER = 1
_MAX_BYTES = 200
_TEMPORAL_DELIMITER = b"\x12\0"


def colours_of_sequence(units: bytes) -> Cicp | None:
    """Read the code points of the first sequence header, or None where there is none or it says nothing.

    Args:
        units: Open bitstream units with their sizes, as in the configuration box or the data of AVIF.

    Raises:
        EOFError: They are cut short.
    """
    bits = _Bits(units.removeprefix(_TEMPORAL_DELIMITER)[:_MAX_BYTES])
    bits.take(1)
    kind, has_extension, has_size = bits.take(4), bits.take(1), bits.take(1)
    bits.take(1)
    if kind != _SEQUENCE_HEADER:
        return None
    if has_extension:
        bits.take(8)
    while has_size and bits.take(8) & 0x80:
        pass
    return _read_header(bits)


class _Bits:
    """Bits from the highest of the first byte."""

    def __init__(self, data: bytes):
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        """Read a number of so many bits."""
        self._left -= count
        if self._left < 0:
            raise EOFError("the sequence header is cut short")
        return self._value >> self._left & (1 << count) - 1

    def take_variable(self) -> int:
        """Read a number whose length precedes it in zeros (4.10.3)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
        return self.take(zeros) + (1 << zeros) - 1


def _read_header(bits: _Bits) -> Cicp | None:
    profile = bits.take(3)
    bits.take(1)  # still_picture
    is_reduced = bits.take(1)
    if is_reduced:
        bits.take(5)
    else:
        _skip_operating_points(bits)
    width_bits, height_bits = bits.take(4) + 1, bits.take(4) + 1
    bits.take(width_bits)
    bits.take(height_bits)
    if not is_reduced and bits.take(1):  # frame_id_numbers_present_flag
        bits.take(7)
    bits.take(3)  # Sizes of blocks, and two filters.
    if not is_reduced:
        _skip_tools(bits)
    bits.take(3)  # Three more filters.
    is_deep = bits.take(1)
    if profile == 2 and is_deep:
        bits.take(1)
    if profile != 1:
        bits.take(1)  # mono_chrome
    if not bits.take(1):  # color_description_present_flag
        return None
    return Cicp(bits.take(8), bits.take(8))


def _skip_operating_points(bits: _Bits) -> None:
    delay_bits = 0
    if bits.take(1):  # timing_info_present_flag
        bits.take(64)
        if bits.take(1):  # equal_picture_interval
            bits.take_variable()
        if bits.take(1):  # decoder_model_info_present_flag
            delay_bits = bits.take(5) + 1
            bits.take(42)
    has_delays = bits.take(1)
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > 7:
            bits.take(1)
        if delay_bits and bits.take(1):
            bits.take(2 * delay_bits + 1)
        if has_delays and bits.take(1):
            bits.take(4)


def _skip_tools(bits: _Bits) -> None:
    bits.take(4)
    has_order = bits.take(1)
    if has_order:
        bits.take(2)
    forced_screen_content = 2 if bits.take(1) else bits.take(1)
    if forced_screen_content and not bits.take(1):
        bits.take(1)
    if has_order:
        bits.take(3)
