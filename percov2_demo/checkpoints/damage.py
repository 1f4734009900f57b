"""Tell damaged model files from bugs by the errors that libraries raise."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from percov2_demo.errors import ModelError, PerCoError


@contextmanager
def damage_as_sentence(folder: Path) -> Iterator[None]:
    """Turn the libraries' errors about damaged model files into one sentence.

    They raise errors of many kinds, in the words of Python's types and with the place of the files. What no file
    causes passes: a library or a name in it that is not there, and memory that ran out.

    Args:
        folder: The model's folder.

    Raises:
        ModelError: The files are damaged.
    """
    try:
        yield
    except (PerCoError, ImportError, NameError, MemoryError):
        raise
    except Exception as error:
        import torch

        if isinstance(error, torch.OutOfMemoryError | torch.AcceleratorError):
            raise
        raise ModelError(
            f"the files of {folder.resolve().name} are damaged or do not belong together: fetch the model again"
        ) from error
