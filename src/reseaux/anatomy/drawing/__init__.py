"""Le dessin d'un réseau : choisir les blocs, les placer, les écrire en SVG."""
