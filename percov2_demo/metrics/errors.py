"""What the metrics that need more than this package raise."""


class MetricUnavailable(ValueError):
    """A metric's library or weights are not here: the message says which, and how to get them."""
