"""Les données du cours : de vraies images, livrées par des paquets Python, donc sans réseau.

- ``photo`` : des photographies (scikit-image, scikit-learn) ;
- ``fragments`` : « de quelle photographie vient ce morceau ? », une tâche proche d'ImageNet ;
- ``digits``, ``mnist`` : de vrais chiffres manuscrits numérisés, une tâche éloignée d'ImageNet ;
- ``glyphs`` : des lettres imprimées, dans les polices que livre matplotlib ;
- ``solar_cells`` : des cellules photovoltaïques, saines ou défectueuses, que seul livre l'extra
  « cellules » : leur licence interdit l'usage commercial.

D'autres se téléchargent, quand on le demande : ``torchvision_images``.
"""

from reseaux.data.handwriting import digits as digits
from reseaux.data.handwriting import mnist as mnist
from reseaux.data.labeled import LabeledImages as LabeledImages
from reseaux.data.letters import ALPHABETS as ALPHABETS
from reseaux.data.letters import fonts as fonts
from reseaux.data.letters import glyphs as glyphs
from reseaux.data.online import torchvision_images as torchvision_images
from reseaux.data.photos import PHOTOS as PHOTOS
from reseaux.data.photos import Photo as Photo
from reseaux.data.photos import fragments as fragments
from reseaux.data.photos import photo as photo
from reseaux.data.solar import SolarCells as SolarCells
from reseaux.data.solar import solar_cells as solar_cells
