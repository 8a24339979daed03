# Les commandes du cours. « make » seul en donne la liste.

PYTHON ?= python3
PORT ?= 8000
PY := .venv/bin/python
PRET := .venv/.pret
SITE := _build/html

# Les chapitres s'exécutent un par cœur : chacun calcule sur un seul.
export OMP_NUM_THREADS := 1

.DEFAULT_GOAL := aide
ARRET := La construction a échoué : chaque ligne WARNING ou ERROR, plus haut, nomme une page et sa ligne. Corrigez-les, puis \
	relancez « make livre ». CONTRIBUER.md, « Si la construction s'arrête », dit ce que chacune veut dire.
# Les mesures de vitesse : un fichier de tests/bench par nom.
BANCS ?= summary probe augmentation
# Les altérations jouées par module : un nombre, ou « toutes ».
PAR_MODULE ?= 12
# Les graines sous lesquelles chaque page est rejouée.
GRAINES ?= 5

.PHONY: aide livre pdf test test-unite test-chapitres test-notebooks test-site test-navigateur test-orthographe test-reseau style \
	references bench audit experiences ecrire servir notebooks epingler graines demonstration propre tout-propre

aide: ## Affiche cette liste
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

# L'environnement se refait quand une version épinglée ou le paquet change ; sinon, rien n'est demandé au réseau.
$(PRET): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Il faut Python 3.11 ou plus récent ; $(PYTHON) est $$($(PYTHON) --version). Essayez : make PYTHON=python3.12 livre"; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv .venv
	@echo "Installation des paquets dans .venv (environ 7 Go, quelques minutes la première fois)…"
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

livre: $(PRET) ## Exécute les chapitres et construit le site dans _build/html
	.venv/bin/jupyter-book build . -W -n --keep-going --quiet || { echo "$(ARRET)"; exit 1; }
	@echo "Le livre est prêt. Ouvrez $(SITE)/index.html, ou lancez « make servir »."

pdf: livre ## Imprime le livre entier dans _build/html/livre.pdf (variable CHROMIUM : son chemin)
	$(PY) -m livre.pdf

test: style test-unite livre test-notebooks test-site ## Tous les tests qui n'ont pas besoin d'un navigateur

style: $(PRET) ## Vérifie la mise en forme, les règles et les types
	.venv/bin/ruff format --check src tests
	.venv/bin/ruff check src tests
	.venv/bin/mypy

test-unite: $(PRET) ## Teste le paquet
	$(PY) -m pytest -n auto --dist loadfile tests/test_*.py tests/reseaux tests/photos tests/experiments tests/livre \
		tests/chapters -q

test-chapitres: $(PRET) ## Vérifie les sources des pages : plan, sommaire, renvois, références (une minute)
	$(PY) -m pytest tests/chapters -q

test-notebooks: $(PRET) ## Rejoue chaque chapitre et compare ses sorties aux références
	$(PY) -m pytest -n auto --dist loadfile --nbval --nbval-cell-timeout=120 \
		--nbval-sanitize-with tests/nbval.cfg -q tests/notebooks

test-site: $(PRET) ## Vérifie le site construit
	$(PY) -m pytest tests/site -q

test-navigateur: $(PRET) ## Vérifie le site dans Chromium (variable CHROMIUM : son chemin)
	$(PY) -m pytest tests/navigateur -q

test-orthographe: $(PRET) ## Cherche chaque mot des pages dans le dictionnaire de hunspell
	$(PY) -m pytest tests/orthographe -q

test-reseau: livre ## Ce que seul le réseau dit : liens externes, paquets de Binder, tâches de publication
	$(PY) -m pytest tests/reseau -q

references: $(PRET) ## Régénère les sorties de référence (CHAPITRES="vgg alexnet" pour en choisir)
	$(PY) -m livre.expected_outputs $(CHAPITRES)

bench: $(PRET) ## Mesure les durées, côte à côte avec d'autres outils (BANCS="probe" pour choisir)
	@for banc in $(BANCS); do $(PY) tests/bench/$$banc.py || exit 1; done

audit: $(PRET) ## Note les pages du site avec Lighthouse (PAGES="vgg"), si npx et Chromium sont là
	$(PY) tests/audit.py $(PAGES)

experiences: $(PRET) ## Mesure ce qui manque aux études (ETUDES="atlas", CASES=10, GRAPPE=tcp://…), ou refait des cases (VERIFIER=12)
	$(PY) -m experiments $(ETUDES) --memoire _build/experiences $(if $(VERIFIER),--verifier $(VERIFIER)) \
		$(if $(GRAINE),--graine $(GRAINE)) $(if $(CASES),--cases $(CASES)) $(if $(REFAIRE),--refaire) $(if $(GRAPPE),--grappe $(GRAPPE))

graines: $(PRET) ## Rejoue les pages sous d'autres graines, et nomme les conclusions qui tombent (PAGES="risque", GRAINES=5)
	$(PY) tests/graines.py $(PAGES) --graines $(GRAINES)

demonstration: $(PRET) ## Altère le code, et montre que les tests le voient (MODULES="reseaux.reuse photos", PAR_MODULE=30)
	$(PY) tests/demonstration.py $(MODULES) --par-module $(PAR_MODULE)

ecrire: $(PRET) ## Ouvre les pages dans JupyterLab, comme des notebooks ; enregistrer n'en change que ce qu'on a changé
	$(PY) -m pip install --quiet --disable-pip-version-check -e ".[auteurs]"
	.venv/bin/jupyter lab --FileContentsManager.pre_save_hook=livre.sources.before_save \
		--LabApp.app_settings_dir=src/livre/jupyterlab

servir: ## Sert le site sur http://localhost:8000 (PORT=… pour changer)
	@test -f $(SITE)/index.html || { echo "Pas de site : lancez d'abord « make livre »."; exit 1; }
	@echo "http://localhost:$(PORT) (Ctrl+C pour arrêter)"
	@$(PYTHON) -m http.server $(PORT) --bind 127.0.0.1 --directory $(SITE)

notebooks: livre ## Copie les notebooks à distribuer dans _build/notebooks
	rm -rf _build/notebooks && cp -R $(SITE)/notebooks _build/notebooks

epingler: $(PRET) ## Tire les versions exactes (site et Binder) des intervalles de pyproject.toml
	.venv/bin/uv pip compile requirements.in --universal --python-version 3.11 --upgrade \
		--no-header --no-emit-index-url --no-emit-find-links --annotation-style line -o requirements.txt
	$(PY) -m livre.binder

propre: ## Efface le site et les exécutions gardées
	rm -rf _build

tout-propre: propre ## Efface aussi l'environnement
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
