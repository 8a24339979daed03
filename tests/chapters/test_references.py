"""La bibliographie : ce qui est cité existe, ce qui existe est complet."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest
from pybtex.database import Entry, parse_file

ROOT = Path(__file__).resolve().parents[2]
BIBLIOGRAPHY = parse_file(str(ROOT / "references.bib"), bib_format="bibtex")
ENTRIES: dict[str, Entry] = dict(BIBLIOGRAPHY.entries.items())

KEY = r"[A-Z][A-Za-z]+\d{2}"
ROLE = re.compile(r"\{cite(?::[a-z]+)?\}`([^`]+)`")
BRACKET = re.compile(rf"\[({KEY})(?=[,;\]])")
# Des noms de réseaux et de classes ont la forme d'une clé : « ResNet18 », « VGG16 ».
NETWORKS = re.compile(r"^(ResNet|ResNeXt|VGG|DenseNet|ViT|ConvNeXt|Inception|Block)")
# Le champ qui dit où l'entrée est parue, selon son type.
VENUE = {"article": "journal", "inproceedings": "booktitle", "misc": "howpublished"}
DOI = re.compile(r"10\.\d{4,9}/[^\s{}\\,]+")
ARXIV = re.compile(r"\d{4}\.\d{4,5}")


def role_keys(text: str) -> set[str]:
    """Les clés des rôles {cite:p}, {cite:t} et {cite} ; un rôle peut en nommer plusieurs."""
    return {key.strip() for keys in ROLE.findall(text) for key in keys.split(",")}


def source_keys(text: str) -> set[str]:
    """Les clés d'un module : rôles, « [He15, §3] » et chaînes réduites à une clé."""
    keys = role_keys(text) - {"…"} | set(BRACKET.findall(text))  # « … » décrit la syntaxe du rôle
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and re.fullmatch(KEY, node.value)
        ):
            keys.add(node.value)
    return {key for key in keys if not NETWORKS.match(key)}


def citations() -> list[tuple[str, str]]:
    """Les couples (fichier, clé) cités dans les chapitres et dans le paquet."""
    found = []
    for pattern, extract in (("chapters/**/*.md", role_keys), ("src/**/*.py", source_keys)):
        for path in sorted(ROOT.glob(pattern)):
            keys = extract(path.read_text(encoding="utf-8"))
            found += [(str(path.relative_to(ROOT)), key) for key in sorted(keys)]
    return found


def test_keys_are_found_in_every_form():
    assert role_keys("{cite:p}`He15, Lin13`, {cite:t}`Pan10` et {cite}`Lee13`.") == {
        "He15",
        "Lin13",
        "Pan10",
        "Lee13",
    }
    module = '"""Voir [Hu18, §2]."""\nSOURCE = "LeCun98"\nNAME = "ResNet18"\nOTHER = "He 2015"\n'
    assert source_keys(module) == {"Hu18", "LeCun98"}


def test_every_citation_has_an_entry():
    found = citations()
    assert len(found) >= 10, "les citations ne sont plus trouvées"
    missing = [f"{where} : {key}" for where, key in found if key not in ENTRIES]
    assert not missing, f"clés absentes de references.bib : {missing}"


@pytest.mark.parametrize("key", sorted(ENTRIES))
def test_entry_is_complete(key):
    entry = ENTRIES[key]
    assert re.fullmatch(KEY, key), "une clé est un nom suivi de deux chiffres"
    assert entry.persons.get("author"), "auteurs"
    assert not any("others" in str(person) for person in entry.persons["author"]), "liste abrégée"
    assert entry.fields.get("title", "").strip(), "titre"
    assert re.fullmatch(r"(19|20)\d{2}", entry.fields.get("year", "")), "année"
    assert entry.type in VENUE, f"type inattendu : {entry.type}"
    assert entry.fields.get(VENUE[entry.type], "").strip(), "lieu de parution"
    assert any(entry.fields.get(name) for name in ("doi", "url", "eprint")), "aucun lien"


@pytest.mark.parametrize("key", sorted(ENTRIES))
def test_links_are_well_formed(key):
    fields = ENTRIES[key].fields
    if "doi" in fields:
        assert DOI.fullmatch(fields["doi"]), "un DOI nu, sans adresse devant"
    if "url" in fields:
        assert re.fullmatch(r"https://[^\s{}]+", fields["url"])
    if "eprint" in fields:
        assert ARXIV.fullmatch(fields["eprint"])
        assert fields.get("archiveprefix") == "arXiv"


def test_links_are_those_that_were_read_again():
    """Un chiffre changé mène à un autre article : chaque lien est écrit deux fois, ici et là."""
    lines = (Path(__file__).parent / "identifiants.tsv").read_text(encoding="utf-8").splitlines()
    links = {key: entry.fields for key, entry in ENTRIES.items()}
    assert lines == [
        f"{key}\t{' '.join(f[name] for name in ('eprint', 'doi', 'url') if name in f)}"
        for key, f in sorted(links.items(), key=lambda pair: pair[0].casefold())
    ]


@pytest.mark.parametrize("key", sorted(ENTRIES))
def test_key_tells_a_year_of_the_entry(key):
    fields = ENTRIES[key].fields
    years = re.findall(r"(?:19|20)\d{2}", fields["year"] + " " + fields.get("note", ""))
    assert key[-2:] in {year[-2:] for year in years}, "ni `year` ni `note` ne dit l'année de la clé"
    if "eprint" in fields:
        # L'identifiant arXiv commence par l'année de la prépublication, jamais après la parution.
        assert 2000 + int(fields["eprint"][:2]) <= int(fields["year"])


def test_no_duplicate():
    # pybtex refuse déjà deux clés égales ; ici, deux clés pour une même publication.
    for name in ("doi", "eprint", "url", "title"):
        values = Counter(
            re.sub(r"\W", "", entry.fields[name]).casefold()
            for entry in ENTRIES.values()
            if name in entry.fields
        )
        assert max(values.values()) == 1, f"{name} répété : {values.most_common(1)}"
    assert len({key.casefold() for key in ENTRIES}) == len(ENTRIES)
