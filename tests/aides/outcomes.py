"""Des réponses toutes faites sur un test : de drôles de noms, beaucoup de classes."""

import numpy as np

from photos.outcome import Outcome


def odd() -> Outcome:
    return Outcome(
        ("5 $ \\et 10 $", "b", "猫" * 40),
        ("f0", "f1", "f2", "f3"),
        np.array([0, 0, 1, 2]),
        np.array([[0.4, 0.6, 0], [0.9, 0.1, 0], [0.8, 0.1, 0.1], [0.0, 0.3, 0.7]]),
    )


def large(classes: int) -> Outcome:
    """Deux images par classe ; la première de chaque classe paire est prise pour la suivante."""
    truth = np.repeat(np.arange(classes), 2)
    answers = truth.copy()
    answers[::4] += 1
    answers %= classes
    files = tuple(f"classe {k}/image {i}.png" for i, k in enumerate(truth))
    names = tuple(f"classe {k}" for k in range(classes))
    return Outcome(names, files, truth, np.eye(classes, dtype=np.float32)[answers])
