"""Apprendre avec peu de données : augmentation, épisodes, méta-apprentissage."""
