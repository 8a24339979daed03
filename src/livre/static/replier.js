// « Déplier tout le code » : ouvre d'un coup le code replié de la page, vérifications comprises ; les
// solutions des exercices restent fermées. Sans ce script, chaque repli s'ouvre à la main.
"use strict";

const FOLDED_CODE = [...document.querySelectorAll(
  ".cell:is(.tag_hide-input, .tag_verification) > details.hide")];

function offerToUnfold(line) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "deplier";
  const open = () => FOLDED_CODE.every((fold) => fold.open);
  const name = () => { button.textContent = open() ? "Replier le code" : "Déplier tout le code"; };
  button.addEventListener("click", () => {
    const wanted = !open();
    FOLDED_CODE.forEach((fold) => { fold.open = wanted; });
    name();
  });
  FOLDED_CODE.forEach((fold) => fold.addEventListener("toggle", name));
  name();
  line.append(button);
}

const readingLine = document.querySelector("article .lecture");
if (readingLine && FOLDED_CODE.length) offerToUnfold(readingLine);

// Le thème ne nomme pas ses boîtes de dialogue.
const DIALOGS = {
  "pst-search-dialog": "Recherche",
  "pst-primary-sidebar-modal": "Sommaire du cours",
  "pst-secondary-sidebar-modal": "Sur cette page",
};
for (const [id, name] of Object.entries(DIALOGS)) {
  document.getElementById(id)?.setAttribute("aria-label", name);
}
