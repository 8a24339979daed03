// Les cadres qui peuvent défiler : la touche Tab ne s'y arrête que s'ils défilent vraiment. Le thème
// le fait pour le code ; sans ce script, chaque cadre reste un arrêt, et rien n'est hors d'atteinte.
"use strict";

const FRAMES = ".tableau, .pst-scrollable-table-container, .dessin, .formule-boite";

function setTabStop(frame) {
  const scrolls = frame.scrollWidth > frame.clientWidth || frame.scrollHeight > frame.clientHeight;
  frame.tabIndex = scrolls ? 0 : -1;
}

// Un cadre change de taille avec l'écran, et quand un repli s'ouvre ; son contenu, quand sa fonte
// arrive.
const frames = document.querySelectorAll(FRAMES);
const frameSizes = new ResizeObserver((seen) => seen.forEach(({ target }) => setTabStop(target)));
frames.forEach((frame) => frameSizes.observe(frame));
document.fonts.addEventListener("loadingdone", () => frames.forEach(setTabStop));
