"""What is raised for bytes that are no stream."""


class BitstreamError(ValueError):
    """The bytes are not a stream that can be decoded; the message is one sentence for the person who gave them."""
