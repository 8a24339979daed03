"""``python -m reseaux …`` : la même chose que la commande ``reseaux`` (:mod:`photos.command`).

C'est la seule porte du paquet vers l'application ; personne n'importe ce module.
"""

from photos.entry import run

run()
