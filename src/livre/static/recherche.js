// La recherche dans le cours : les réponses viennent pendant la frappe, page par page, section par
// section. Rien n'est chargé avant le premier mot. L'index est celui de Pagefind (livre/search.py).
"use strict";

(() => {
  const SHOWN = 10; // pages
  const SECTIONS = 3; // par page
  const dialog = document.getElementById("pst-search-dialog");
  const field = dialog.querySelector("input");
  const state = document.getElementById("recherche-etat");
  const list = dialog.querySelector("ol");
  const invitation = state.textContent;
  const root = new URL(document.documentElement.dataset.content_root, document.baseURI);
  let engine;

  // Sans accents ni capitales.
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

  // Faute de mieux, Pagefind raccourcit un mot jusqu'à trouver quelque chose : « nesterov » donne
  // « n'est ». On ne garde une page que si elle contient un bon début de chaque mot.
  function answers(page, query) {
    const text = plain(page.content);
    const words = plain(query).match(/[\p{L}\p{N}]+/gu) ?? [];
    return words.every((word) => text.includes(word.slice(0, Math.max(3, Math.ceil(word.length * 0.6)))));
  }

  function load() {
    engine ??= import(new URL("pagefind/pagefind.js", root)).then(async (found) => {
      await found.options({ baseUrl: root.pathname, excerptLength: 18 });
      return found;
    });
    return engine;
  }

  function link(place, title) {
    const found = document.createElement("a");
    found.href = place;
    found.textContent = title;
    return found;
  }

  // Un extrait : Pagefind y marque les mots trouvés, et rend le reste inoffensif.
  function excerpt(found) {
    const text = document.createElement("p");
    text.innerHTML = found.excerpt;
    return text;
  }

  function item(page) {
    const entry = document.createElement("li");
    entry.append(link(page.url, page.meta.title));
    const sections = page.sub_results.filter((part) => part.url.includes("#"));
    const top = page.sub_results.find((part) => !part.url.includes("#"));
    if (top) entry.append(excerpt(top));
    const inside = document.createElement("ul");
    for (const part of sections.slice(0, SECTIONS)) {
      const line = document.createElement("li");
      line.append(link(part.url, part.title), excerpt(part));
      inside.append(line);
    }
    if (inside.children.length) entry.append(inside);
    return entry;
  }

  function say(query, shown, total) {
    if (!shown) return `Aucune page ne répond à « ${query} ».`;
    if (total > SHOWN) return `Les ${SHOWN} pages qui répondent le mieux à « ${query} », sur ${total}.`;
    return shown === 1 ? `Une page répond à « ${query} ».` : `${shown} pages répondent à « ${query} ».`;
  }

  async function search() {
    const query = field.value.trim();
    if (!query) {
      list.replaceChildren();
      state.textContent = invitation;
      return;
    }
    if (location.protocol === "file:") {
      state.textContent = "Ouverte comme un fichier, la page ne peut pas chercher. Lancez « make servir », puis ouvrez l’adresse affichée.";
      return;
    }
    try {
      const found = await (await load()).debouncedSearch(query, {}, 120);
      if (!found) return; // une autre lettre est venue
      const pages = await Promise.all(found.results.slice(0, SHOWN).map((one) => one.data()));
      if (query !== field.value.trim()) return;
      const kept = pages.filter((page) => answers(page, query));
      list.replaceChildren(...kept.map(item));
      state.textContent = say(query, kept.length, found.results.length);
    } catch {
      state.textContent = "La recherche n’a pas pu se charger. Rechargez la page, puis essayez encore.";
    }
  }

  // Les flèches passent d'une réponse à l'autre ; de la première, on revient au champ.
  function move(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const places = [field, ...list.querySelectorAll("a")];
    const here = places.indexOf(document.activeElement);
    if (!step || here < 0) return;
    event.preventDefault();
    places[Math.min(Math.max(here + step, 0), places.length - 1)].focus();
  }

  field.addEventListener("input", search);
  field.form.addEventListener("submit", (event) => {
    event.preventDefault();
    list.querySelector("a")?.click();
  });
  dialog.addEventListener("keydown", move);
  dialog.querySelector(".recherche-fermer").addEventListener("click", () => dialog.close());
  // Une réponse est parfois dans la page même.
  list.addEventListener("click", (event) => {
    if (event.target.closest("a")) dialog.close();
  });
})();
