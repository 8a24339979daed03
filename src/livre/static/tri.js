// Le tri des tableaux « triable » : un bouton sur chaque en-tête de colonne, que la souris et le
// clavier actionnent. Sans ce script, le tableau reste tel quel, dans son premier ordre.
"use strict";

const ORDER = new Intl.Collator("fr", { numeric: true, sensitivity: "base" });

// La valeur d'une cellule : un nombre exact s'il y en a un, sinon le texte ; null si elle est vide.
function cellValue(row, column) {
  const cell = row.cells[column];
  const text = cell.textContent.trim();
  return "value" in cell.dataset ? Number(cell.dataset.value) : text || null;
}

function compare(a, b) {
  return typeof a === "number" && typeof b === "number" ? a - b : ORDER.compare(a, b);
}

// Trie les lignes selon une colonne ; les cellules vides restent à la fin, dans les deux sens.
function sortRows(table, column, descending) {
  const rows = [...table.tBodies[0].rows];
  const filled = rows.filter((row) => cellValue(row, column) !== null);
  const empty = rows.filter((row) => cellValue(row, column) === null);
  const sign = descending ? -1 : 1;
  filled.sort((a, b) => sign * compare(cellValue(a, column), cellValue(b, column)));
  table.tBodies[0].append(...filled, ...empty);
}

// Dit le nouvel ordre à qui ne le voit pas.
function announce(table, header, descending) {
  const number = header.classList.contains("nombre");
  const [first, last] = number ? ["plus petit", "plus grand"] : ["premier", "dernier"];
  const [from, to] = descending ? [last, first] : [first, last];
  const told = `Trié par ${header.textContent.trim()}, du ${from} au ${to}`;
  table.parentElement.querySelector(".annonce").textContent = told;
}

// Un premier appui montre d'abord le plus grand nombre, ou le premier nom ; le suivant renverse.
function press(table, header) {
  const before = header.getAttribute("aria-sort");
  const descending = before ? before === "ascending" : header.classList.contains("nombre");
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", descending ? "descending" : "ascending");
  sortRows(table, header.cellIndex, descending);
  announce(table, header, descending);
}

function makeSortable(table) {
  for (const header of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.title = "Trier selon cette colonne";
    button.append(...header.childNodes);
    button.addEventListener("click", () => press(table, header));
    header.append(button);
  }
  const status = document.createElement("p");
  status.className = "annonce";
  status.setAttribute("role", "status");
  table.after(status);
}

document.querySelectorAll(".tableau.triable > table").forEach(makeSortable);
