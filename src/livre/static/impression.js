// Imprimer une page : sur fond clair, tout déplié, toutes les images là. Après, tout redevient comme avant.
"use strict";

(() => {
  const page = document.documentElement;
  let theme;
  let folded = [];

  function prepare() {
    if (theme !== undefined) return;
    theme = page.dataset.theme;
    page.dataset.theme = "light";
    folded = [...document.querySelectorAll("article details:not([open])")];
    for (const one of folded) one.open = true;
    for (const image of document.images) image.loading = "eager";
  }

  function restore() {
    if (theme === undefined) return;
    page.dataset.theme = theme;
    for (const one of folded) one.open = false;
    theme = undefined;
  }

  window.addEventListener("beforeprint", prepare);
  window.addEventListener("afterprint", restore);

  // Le bouton et le raccourci attendent les images que le lecteur n'a pas encore fait défiler.
  async function print() {
    for (const image of document.images) image.loading = "eager";
    await Promise.all([...document.images].map((image) => image.decode().catch(() => {})));
    window.print();
  }

  document.querySelector(".livre-imprimer")?.addEventListener("click", print);
  window.addEventListener("keydown", (event) => {
    if (event.key !== "p" || event.shiftKey || event.altKey || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    print();
  });
})();
