"""L'inventaire, contre les métadonnées de torchvision."""

import math

import pytest
from torchvision import models

from reseaux.anatomy import zoo
from reseaux.formatting import decimal, millions


def test_every_torchvision_model_is_there():
    weights = zoo.torchvision_weights()
    assert {w.model for w in weights} == set(models.list_models(module=models))
    assert not any(math.isnan(w.top1) for w in weights)


def test_torchvision_figures_are_the_metadata():
    for w in zoo.torchvision_weights():
        meta = models.get_model_weights(w.model)[w.weights].meta
        assert (w.params, w.gmacs) == (meta["num_params"], meta["_ops"])
        assert (w.top1, w.top5) == tuple(meta["_metrics"]["ImageNet-1K"].values())


def test_families_share_out_the_models():
    members = [model for family in zoo.families() for model in family.members]
    assert sorted(members) == sorted(models.list_models(module=models))
    for family in zoo.families():
        group = [w for w in zoo.torchvision_weights() if w.model in family.members]
        assert {w.family for w in group} == {family.name}
        assert family.best == max(w.top1 for w in group)
        assert family.params == (min(w.params for w in group), max(w.params for w in group))


def test_families_have_their_paper():
    papers = {f.name: (f.year, f.paper) for f in zoo.families()}
    assert papers["squeezenet"][0] == 2016  # son titre contient « < »
    assert all(year and paper for year, paper in papers.values())
    assert [*papers] == sorted(papers, key=lambda name: (papers[name][0], name))


def test_the_models_table_has_each_model_once_with_its_default_weights():
    table = zoo.models_table()
    assert [row[0] for row in table.rows] == models.list_models(module=models)
    for name, params, gmacs, size, top1, top5 in table.rows:
        meta = models.get_model_weights(name).DEFAULT.meta
        assert (params * 1e6, gmacs) == pytest.approx((meta["num_params"], meta["_ops"]))
        assert size == meta["_file_size"]
        assert (top1, top5) == tuple(meta["_metrics"]["ImageNet-1K"].values())
    assert table.sortable


def test_the_tables_are_written_as_the_page_shows_them():
    shown = {row[0]: row for row in zoo.models_table().text_rows()}
    assert shown["resnet18"] == ["resnet18", "11,7", "1,81", "45", "69,8", "89,1"]
    table = zoo.family_table()
    columns = ("famille", "réseaux", "année", "article", "paramètres", "meilleur top-1")
    assert tuple(table.columns) == columns
    shown = {row[0]: row for row in table.text_rows()}
    assert shown["vgg"][1:3] == ["8", "2014"]
    assert shown["vgg"][4:] == ["132,9\N{NO-BREAK SPACE}M à 143,7\N{NO-BREAK SPACE}M", "74,2"]
    assert shown["alexnet"][4] == "61,1\N{NO-BREAK SPACE}M"


def test_the_family_table_says_what_the_metadata_say():
    groups = {}
    for name in models.list_models(module=models):
        groups.setdefault(zoo.family_name(name), []).append(name)
    rows = {row[0]: row for row in zoo.family_table().rows}
    assert rows.keys() == groups.keys()
    for name, members in groups.items():
        metas = [w.meta for m in members for w in models.get_model_weights(m)]
        precisions = [meta["_metrics"]["ImageNet-1K"]["acc@1"] for meta in metas]
        sizes = [millions(n) for n in sorted(meta["num_params"] for meta in metas)]
        between = f"{sizes[0]} à {sizes[-1]}" if sizes[0] != sizes[-1] else sizes[0]
        best = decimal(max(top1 for top1 in precisions if not math.isnan(top1)))
        assert (rows[name][1], *rows[name][4:]) == (len(members), between, best)
