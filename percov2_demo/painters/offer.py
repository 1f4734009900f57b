"""The painters of a codec: its own, those of its other models, and the stock ones that are offered beside them."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from percov2_demo.checkpoints.fetching import Progress
from percov2_demo.errors import InputError
from percov2_demo.painters.known import Advice, find_known
from percov2_demo.painters.painter import Painter
from percov2_demo.sampling.settings import OWN


Load = Callable[[str, Progress | None], Painter]
"""Loads a stock painter of a folder or repository."""


_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


class Painters:
    """Finds painters by name; of the stock ones, one at a time is loaded, on first use.

    Args:
        own: The codec's own painter.
        load: Loads a stock painter.
        more: Further painters that the codec has itself.

    Attributes:
        apart: Whether the stock painters work on a device of their own, while the codec works on the CPU.
    """

    def __init__(self, own: Painter, load: Load, more: Iterable[Painter] = ()):
        self.own = own
        self._more = {painter.card.name: painter for painter in more}
        self.apart = False
        self._load = load
        self._sources: dict[str, str] = {}
        self._loaded: tuple[str, Painter] | None = None

    @property
    def built_in(self) -> tuple[str, ...]:
        """Names of those that the codec has itself, its own first."""
        return OWN, *self._more

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the painters on offer, the codec's own first; a folder is called by its last part."""
        return *self.built_in, *self._sources

    def offer(self, models: Iterable[str | Path]) -> None:
        """Offer stock painters, none of which is loaded yet.

        Args:
            models: Folders, or repositories on the hub.

        Raises:
            InputError: There is no such folder, or two are called the same.
        """
        for model in models:
            is_folder = Path(model).is_dir()
            # Anything else may be a path, which visitors must not see.
            if not is_folder and not _REPOSITORY.fullmatch(str(model)):
                raise InputError(f"there is no folder {model}, and repositories on the hub are named owner/name")
            name = Path(model).resolve().name if is_folder else str(model)
            if name in self.names:
                raise InputError(f"two painters are called {name}: rename the folder of one")
            self._sources[name] = str(model)

    def find(self, painter: Painter | str | None = None, progress: Progress | None = None) -> Painter:
        """Find a painter, and load it where that is still to be done.

        Args:
            painter: A painter; a name on offer; a folder or repository; None for the codec's own.
            progress: Told of the download.

        Raises:
            ModelError: It cannot be loaded; whichever was loaded before is released all the same.
        """
        if isinstance(painter, Painter):
            return painter
        if painter is None or painter == OWN:
            return self.own
        if painter in self._more:
            return self._more[painter]
        source = self._sources.get(painter, str(painter))
        if self._loaded is None or self._loaded[0] != source:
            self.release()
            self._loaded = source, self._load(source, progress)
        return self._loaded[1]

    def is_loaded(self, name: str) -> bool:
        """Tell whether a painter on offer can begin at once."""
        return name in self.built_in or self._loaded_as(name) is not None

    def _loaded_as(self, name: str) -> Painter | None:
        if self._loaded is None or self._loaded[0] != self._sources.get(name):
            return None
        return self._loaded[1]

    def advise(self, name: str, preset: str) -> Advice | None:
        """Tell a painter's usual settings without loading it; None where they are not known yet.

        Args:
            name: A name on offer.
            preset: Name of the file's preset.
        """
        painter = self.find(name) if name in self.built_in else self._loaded_as(name)
        if painter is not None:
            guidance = painter.card.guidance
            return Advice(
                int(painter.card.steps.default),
                None if guidance is None else guidance.default,
                painter.default_sigma(preset),
            )
        known = find_known(name)
        return None if known is None else Advice(known.steps, known.guidance, known.sigma)

    def release(self) -> None:
        """Free the memory of the loaded stock painter."""
        if self._loaded is not None:
            self._loaded[1].release()
            self._loaded = None
