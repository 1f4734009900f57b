"""What is wrong with a model, told to whoever wants to use it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class ModelError(ValueError):
    """A model cannot be had, or not be used as asked; the message is one sentence that says what to do."""


@contextmanager
def damage_as_sentence(folder: Path) -> Iterator[None]:
    """Turns what the libraries raise when a model's files are not what they should be into one sentence.

    They raise errors of all kinds, in the words of Python's types and with the place of the files.

    Args:
        folder: The model's folder.

    Raises:
        ModelError: The files are damaged; or what is wrong, where that is known better.
    """
    try:
        yield
    except ModelError:
        raise
    except Exception as error:
        import torch

        if isinstance(error, MemoryError | torch.OutOfMemoryError | torch.AcceleratorError):
            raise
        raise ModelError(
            f"the files of {folder.resolve().name} are damaged or do not belong together: fetch the model again"
        ) from error
