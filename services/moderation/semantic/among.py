"""The semantic depth among texts that are stored nowhere: each compared with those before it."""

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from os import cpu_count
from uuid import UUID

import numpy as np

from services.moderation.checks.finding import Finding
from services.moderation.semantic import looking, space
from services.moderation.semantic.model import DIMENSIONS, Model, Vectors
from services.moderation.semantic.suggestions import LIKE, Candidate, suggest_same_wishes
from services.moderation.semantic.telling import says_something


@dataclass(slots=True)
class Among:
    """Texts in their order, a piece at a time; a place in the order is what names a text."""

    model: Model
    texts: list[str] = field(default_factory=list)
    _raw: Vectors = field(default_factory=lambda: np.zeros((0, DIMENSIONS), dtype=np.float32))
    _placed: Vectors = field(default_factory=lambda: np.zeros((0, DIMENSIONS), dtype=np.float32))
    _languages: "np.ndarray[tuple[int], np.dtype[np.intp]] | None" = None

    def add(self, texts: Sequence[str]) -> None:
        """Read more texts: a tenth of a second of a core each, on all cores there are."""
        with ThreadPoolExecutor(cpu_count()) as pool:
            made = list(pool.map(lambda text: looking.embed_texts(self.model, [text]), texts))
        self.texts += texts
        self._raw = np.concatenate([self._raw, *made])
        here = space.load_space().drawn_to(self._raw)
        self._placed = here.placed(self._raw)
        self._languages = here.languages(self._raw)

    def suggest(
        self,
        place: int,
        name_of: Callable[[int], tuple[int, str]],
        told: Collection[int] = (),
    ) -> list[Finding]:
        """Return what the text at a place may wish the same as.

        `name_of` gives the place and the name of the text that stands for another and its copies;
        those in `told` are known already.
        """
        if not says_something(self.texts[place]) or self._languages is None:
            return []
        likeness = self._placed[:place] @ self._placed[place]
        near = []
        for other in np.flatnonzero(likeness >= LIKE).tolist():
            first, name = name_of(other)
            near.append(
                Candidate(
                    UUID(int=first),
                    name,
                    self.texts[other],
                    float(likeness[other]),
                    same_language=bool(self._languages[other] == self._languages[place]),
                )
            )
        return suggest_same_wishes(self.texts[place], near, {UUID(int=each) for each in told})
