// Les figures en grand : un clic sur l'image, ou Entrée sur le bouton de la figure, l'ouvre dans une
// boîte de dialogue ; Échap la referme. L'image elle-même s'y déplace, puis revient à sa place : un
// dessin garde ainsi ses identifiants. Sans ce script, et à l'impression, rien ne change.
"use strict";

const VIEW = document.createElement("dialog");
VIEW.className = "agrandie";
VIEW.innerHTML = '<button type="button" class="fermer" aria-label="Fermer" title="Fermer">✕</button>'
  + '<div class="cadre cell_output"></div>';

// L'image qu'une figure montre : de deux dessins, un large et un étroit, un seul est visible.
function shownImage(figure) {
  return [...figure.querySelectorAll("img, .dessin svg")].find((e) => e.getClientRects().length);
}

// Aussi grande que l'écran le permet, et moitié plus large au moins, quitte à la faire défiler ; sur
// un téléphone, deux fois plus large.
function enlargedWidth({ width, height }) {
  const fits = Math.min((innerWidth - 48) / width, (innerHeight - 96) / height) * width;
  if (innerWidth < 600) return Math.round(Math.max(fits, 2 * width));
  return Math.round(Math.max(fits, Math.min(1.5 * width, innerWidth - 64)));
}

function openFigure(figure, opener) {
  const image = shownImage(figure);
  if (!image || VIEW.open) return;
  const size = image.getBoundingClientRect();
  const hole = document.createElement("div");
  hole.style.height = `${size.height}px`;
  const before = image.getAttribute("style");
  const frame = VIEW.querySelector(".cadre");
  const caption = figure.querySelector("figcaption");
  VIEW.setAttribute("aria-label", caption ? caption.textContent.trim() : "Figure en grand");
  figure.append(VIEW);
  image.replaceWith(hole);
  frame.append(image);
  image.style.cssText += `;width:${enlargedWidth(size)}px;max-width:none;height:auto`;
  VIEW.showModal();
  frame.tabIndex = frame.scrollWidth > frame.clientWidth || frame.scrollHeight > frame.clientHeight
    ? 0 : -1;
  VIEW.onclose = () => {
    if (before === null) image.removeAttribute("style");
    else image.setAttribute("style", before);
    hole.replaceWith(image);
    VIEW.remove();
    opener.focus();
  };
}

function makeEnlargeable(figure) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "agrandir";
  button.title = "Voir en grand";
  button.setAttribute("aria-label", "Voir en grand");
  const caption = figure.querySelector("figcaption");
  if (caption) {
    caption.id ||= `${figure.id}-legende`;
    button.setAttribute("aria-describedby", caption.id);
  }
  button.textContent = "⤢";
  button.addEventListener("click", () => openFigure(figure, button));
  figure.addEventListener("click", ({ target }) => {
    const image = target.closest("img, svg");
    if (image && !VIEW.open && !target.closest("a")) openFigure(figure, button);
  });
  figure.classList.add("agrandissable");
  figure.append(button);
}

VIEW.querySelector(".fermer").addEventListener("click", () => VIEW.close());
VIEW.addEventListener("click", ({ target }) => { if (target === VIEW) VIEW.close(); });
document.querySelectorAll("article figure:has(img, .dessin svg)").forEach(makeEnlargeable);
