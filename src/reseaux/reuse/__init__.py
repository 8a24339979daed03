"""Réutiliser un réseau : ses poids, sa sauvegarde, son entraînement, le transfert."""
