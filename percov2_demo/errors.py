"""The errors whose message is written for the user.

Each message is one sentence that says what is wrong and what to do, without a path of this machine and without a
library's own words. Whatever else is raised is a bug of this program: it is logged with its traceback, and the user
is told that something went wrong here.
"""


class PerCoError(Exception):
    """Something that the user can understand and mend; the message is one sentence."""


class InputError(PerCoError):
    """A setting is unknown or out of range, or a file or folder that was named is not what it must be."""


class StreamError(PerCoError):
    """The bytes are not a stream that can be decoded, or not by this model."""


class ImageError(PerCoError):
    """The picture file cannot be used."""


class ModelError(PerCoError):
    """A model cannot be had, or not be used as asked."""


class MetricError(PerCoError):
    """A metric's library or weights are missing, or it cannot compare the pictures."""


class CodecError(PerCoError):
    """A codec to compare with failed."""


class HubError(PerCoError):
    """The hub did not take or give what was asked for."""
