"""L'inventaire, contre les métadonnées de torchvision."""

import math
import re

import pytest
from torchvision import models

from reseaux.anatomy import zoo
from reseaux.formatting import millions


def test_every_torchvision_model_is_there():
    weights = zoo.torchvision_weights()
    assert {w.model for w in weights} == set(models.list_models(module=models))
    assert not any(math.isnan(w.top1) for w in weights)


def test_torchvision_figures_are_the_metadata():
    for w in zoo.torchvision_weights():
        meta = models.get_model_weights(w.model)[w.weights].meta
        assert (w.params, w.gmacs) == (meta["num_params"], meta["_ops"])
        assert (w.top1, w.top5) == tuple(meta["_metrics"]["ImageNet-1K"].values())


def test_what_the_weights_were_trained_on():
    """Oracle : seuls les poids SWAG portent ce nom, et une licence ; ailleurs, aucune autre source.

    Un jeu de poids qu'une version à venir aurait appris sur d'autres images se verrait à sa
    documentation.
    """
    swag = [w for w in zoo.torchvision_weights() if w.data is zoo.TrainingData.SWAG]
    assert (len(swag), len({w.model for w in swag})) == (12, 6)
    for w in zoo.torchvision_weights():
        meta = models.get_model_weights(w.model)[w.weights].meta
        assert (w in swag) == ("SWAG" in w.weights) == ("license" in meta)
        other = re.search(r"transfer|frozen|pre-?train|distill|noisy|2[12]k|JFT", meta["_docs"])
        assert w in swag or other is None, w


def test_families_share_out_the_models():
    members = [model for family in zoo.families() for model in family.members]
    assert sorted(members) == sorted(models.list_models(module=models))
    for family in zoo.families():
        group = [w for w in zoo.torchvision_weights() if w.model in family.members]
        assert {w.family for w in group} == {family.name}
        alone, swag = (
            [w.top1 for w in group if (w.data is zoo.TrainingData.SWAG) == extra]
            for extra in (False, True)
        )
        assert (family.best, family.best_swag) == (max(alone), max(swag, default=None))
        assert family.params == (min(w.params for w in group), max(w.params for w in group))


def test_families_have_their_paper():
    papers = {f.name: (f.year, f.paper) for f in zoo.families()}
    assert papers["squeezenet"][0] == 2016  # son titre contient « < »
    assert all(year and paper for year, paper in papers.values())
    assert [*papers] == sorted(papers, key=lambda name: (papers[name][0], name))


def test_a_family_without_a_paper_comes_last(monkeypatch):
    real = models.get_model_builder
    monkeypatch.setattr(
        models, "get_model_builder", lambda name: object() if name == "alexnet" else real(name)
    )
    last = zoo.families.__wrapped__()[-1]
    assert (last.name, last.paper, last.year) == ("alexnet", None, None)


def test_the_models_table_has_each_model_once_with_its_default_weights():
    table = zoo.models_table()
    assert [row[0] for row in table.rows] == models.list_models(module=models)
    for name, params, gmacs, size, top1, top5, data in table.rows:
        meta = models.get_model_weights(name).DEFAULT.meta
        assert (params * 1e6, gmacs) == pytest.approx((meta["num_params"], meta["_ops"]))
        assert size == meta["_file_size"]
        assert (top1, top5) == tuple(meta["_metrics"]["ImageNet-1K"].values())
        extra = "Instagram, puis " if "license" in meta else ""
        assert data == f"{extra}ILSVRC-2012"
    assert table.sortable


def test_the_tables_are_written_as_the_page_shows_them():
    shown = {row[0]: row for row in zoo.models_table().text_rows()}
    assert shown["resnet18"] == [*("resnet18", "11,7", "1,81", "45", "69,8", "89,1", "ILSVRC-2012")]
    table = zoo.family_table()
    columns = ("famille", "réseaux", "année", "article", "paramètres", "ILSVRC", "Instagram")
    assert tuple(table.columns) == columns
    shown = {row[0]: row for row in table.text_rows()}
    assert shown["vgg"][1:3] == ["8", "2014"]
    assert shown["vgg"][4:] == ["132,9\N{NO-BREAK SPACE}M à 143,7\N{NO-BREAK SPACE}M", "74,2", ""]
    assert shown["vit"][5:] == ["81,1", "88,6"]
    assert shown["alexnet"][4] == "61,1\N{NO-BREAK SPACE}M"


def test_the_family_table_says_what_the_metadata_say():
    groups = {}
    for name in models.list_models(module=models):
        groups.setdefault(zoo.family_name(name), []).append(name)
    rows = {row[0]: row for row in zoo.family_table().rows}
    assert rows.keys() == groups.keys()
    for name, members in groups.items():
        metas = [w.meta for m in members for w in models.get_model_weights(m)]
        swag = [meta["_metrics"]["ImageNet-1K"]["acc@1"] for meta in metas if "license" in meta]
        alone = [m["_metrics"]["ImageNet-1K"]["acc@1"] for m in metas if "license" not in m]
        sizes = [millions(n) for n in sorted(meta["num_params"] for meta in metas)]
        between = f"{sizes[0]} à {sizes[-1]}" if sizes[0] != sizes[-1] else sizes[0]
        best = max(top1 for top1 in alone if not math.isnan(top1))
        bests = (best, max(swag, default=None))
        assert (rows[name][1], *rows[name][4:]) == (len(members), between, *bests)
