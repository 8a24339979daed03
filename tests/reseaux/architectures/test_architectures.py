"""Le registre : les noms qu'il accepte, ce qu'il refuse, ce qu'il promet des noms d'ailleurs."""

import importlib
import inspect
import re

import numpy as np
import pytest
import timm
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

import reseaux
from reseaux.architectures import network_module, resolve
from reseaux.published import ILSVRC_CLASSES


@pytest.mark.parametrize("name", reseaux.NETWORKS)
def test_every_network_gives_one_score_per_class(name):
    network = reseaux.NETWORKS[name]
    net = reseaux.build(name, num_classes=3, device="meta").eval()
    assert all(tensor.is_meta for tensor in net.state_dict().values())
    assert tuple(net(torch.empty(2, *network.input_size, device="meta")).shape) == (2, 3)


@pytest.mark.parametrize("name", reseaux.NETWORKS)
def test_every_parameter_learns(name):
    net = reseaux.build(name, num_classes=3, device="meta").train()
    net(torch.empty(2, *reseaux.NETWORKS[name].input_size, device="meta")).sum().backward()
    assert [key for key, p in net.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize(
    ("given", "nearest"),
    [
        ("VGG_19", "vgg-e"),
        ("Alex-Net", "alexnet"),
        ("LeNet", "lenet-5"),
        ("lenet5", "lenet-5"),
        ("Inception-v1", "googlenet"),
        ("bninception", "bn-inception"),
        ("inceptionv3", "inception-v3"),
        ("Legacy-Xception", "xception"),
        ("squeezenet1.0", "squeezenet"),
    ],
)
def test_unknown_name_suggests_the_nearest(given, nearest):
    for refuse in (reseaux.build, resolve):
        with pytest.raises(reseaux.ReseauxError, match=f"Vouliez-vous dire « {nearest} »"):
            refuse(given)


ALIASES = [(a, key) for key, network in reseaux.NETWORKS.items() for a in network.aliases]


@pytest.mark.parametrize(("alias", "key"), ALIASES)
def test_another_name_gives_the_network(alias, key):
    assert resolve(alias) == resolve(key) == key
    assert reseaux.build(alias, device="meta").state_dict().keys() == (
        reseaux.build(key, device="meta").state_dict().keys()
    )


def test_names_of_other_libraries_are_known():
    known = {alias for alias, _ in ALIASES}
    assert {"vgg11", "vgg13", "vgg16", "vgg19", "inception_v3", "inception_v4"} <= known
    assert {f"resnet{depth}" for depth in (18, 34, 50, 101, 152)} <= known
    assert {"legacy_xception", "squeezenet1_0", "mobilenet_v2", "tf_efficientnet_lite0"} <= known
    assert len(known) == len(ALIASES)
    assert not known & reseaux.NETWORKS.keys()


def flops(net, size):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(torch.empty(1, *size, device="meta"))
    return counter.get_total_flops()


def elsewhere():
    """Les autres noms que torchvision ou timm connaît, et de quoi construire le leur."""
    for alias, key in ALIASES:
        if alias in models.list_models(module=models):
            options = {"aux_logits": False} if key == "inception-v3" else {}
            yield pytest.param(alias, models.get_model, options, id=f"{alias}-torchvision")
        if timm.is_model(alias):
            yield pytest.param(alias, timm.create_model, {}, id=f"{alias}-timm")


@pytest.mark.filterwarnings("ignore:The default weight initialization")
@pytest.mark.parametrize(("alias", "create", "options"), list(elsewhere()))
def test_another_name_is_really_the_same_network(alias, create, options):
    """Mêmes tenseurs dans le même ordre et mêmes opérations, à la même taille d'image.

    Les formes peuvent différer : les couches connectées du VGG de timm sont des convolutions.
    """
    with torch.device("meta"):
        theirs = create(alias, **options).eval()
    ours = reseaux.build(alias, device="meta").eval()
    sizes = [[t.numel() for t in net.state_dict().values()] for net in (ours, theirs)]
    assert sizes[0] == sizes[1]
    norms = [
        [(m.eps, m.momentum) for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
        for net in (ours, theirs)
    ]
    assert norms[0] == norms[1]  # la seconde n'agit qu'à l'entraînement
    size = reseaux.NETWORKS[resolve(alias)].input_size
    assert flops(ours, size) == flops(theirs, size)


def test_resnet50_is_the_one_of_torchvision_and_resnet_50_the_one_of_the_paper():
    paper, theirs = (
        reseaux.build(name, device="meta").eval() for name in ("resnet-50", "resnet50")
    )
    first = [net.stages[1][0].residual[0].stride for net in (paper, theirs)]
    assert first == [(2, 2), (1, 1)]


@pytest.mark.parametrize(
    ("name", "size", "title"),
    [
        ("lenet-5", (1, 32, 32), "LeNet-5"),
        ("vgg16", (3, 224, 224), "VGG-D"),
        ("resnet-50", (3, 224, 224), "ResNet-50"),
        ("resnet50", (3, 224, 224), "ResNet-50 (resnet50)"),
        ("alexnet", (3, 227, 227), "AlexNet"),  # celui de l'article, avant celui de torchvision
        ("vit_h_14", (3, 224, 224), "vit_h_14 (torchvision)"),
        ("efficientnet_b1", (3, 240, 240), "efficientnet_b1 (torchvision)"),
        ("regnet_y_400mf", (3, 224, 224), "regnet_y_400mf (torchvision)"),
        ("vit_tiny_patch16_384", (3, 384, 384), "vit_tiny_patch16_384 (timm)"),
        ("resnet26.bt_in1k", (3, 224, 224), "resnet26.bt_in1k (timm)"),
    ],
)
def test_network_module_knows_the_three_libraries(name, size, title):
    net, *rest = network_module(name)
    assert rest == [size, title]
    assert not net.training
    assert all(tensor.is_meta for tensor in net.state_dict().values())
    assert net(torch.empty(1, *size, device="meta")).ndim == 2


@pytest.mark.parametrize(
    ("given", "nearest"),
    [
        ("efficientnet_lite7", "efficientnet_lite4"),
        ("convnext_tinny", "convnext_tiny"),
        ("resnet18.nope", "resnet18"),
    ],
)
def test_network_module_suggests_a_name_of_any_library(given, nearest):
    with pytest.raises(reseaux.ReseauxError, match=f"ni de timm.*dire « {nearest} ».*lenet-5"):
        network_module(given)


@pytest.mark.parametrize("num_classes", [0, -1, 2.5, "dix", True, 10**7])
def test_number_of_classes_must_be_positive(num_classes):
    with pytest.raises(reseaux.ReseauxError, match="num_classes"):
        reseaux.build("alexnet", num_classes=num_classes)


@pytest.mark.parametrize("name", reseaux.NETWORKS)
def test_unknown_option_is_named(name):
    with pytest.raises(reseaux.ReseauxError, match="bidule"):
        reseaux.build(name, bidule=1)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("vgg-d", {"configuration": "a"}),
        ("resnet-18", {"depth": 50}),
        ("resnet50", {"v1_5": False}),
    ],
)
def test_option_against_the_identity_is_refused(name, options):
    with pytest.raises(reseaux.ReseauxError, match=f"« {name} » refuse : {next(iter(options))}"):
        reseaux.build(name, **options)


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [("resnet-18", "v1_5", "non"), ("googlenet", "aux_heads", 1), ("inception-v3", "aux_heads", 0)],
)
def test_an_option_of_the_wrong_type_is_named(name, option, value):
    with pytest.raises(reseaux.ReseauxError, match=f"« {option} » vaut .* il faut True ou False"):
        reseaux.build(name, device="meta", **{option: value})


@pytest.mark.parametrize("device", ["bidule", "", "cuda:99", 10**30, "a\0b", [1]])
def test_an_unknown_device_is_named(device):
    with pytest.raises(reseaux.ReseauxError, match="n'est pas un périphérique de cette machine"):
        reseaux.build("lenet-5", device=device)


@pytest.mark.parametrize("name", [2, None, b"vgg16", ["vgg16"], np.array(2)])
def test_a_name_is_a_text(name):
    for refuse in (reseaux.build, resolve, network_module):
        with pytest.raises(reseaux.ReseauxError, match=r"« name » vaut .* il faut un texte"):
            refuse(name)


def test_allowed_options_are_listed():
    with pytest.raises(reseaux.ReseauxError, match="Options permises : v1_5"):
        reseaux.build("resnet-50", bidule=1)


def test_a_bug_inside_a_network_is_not_a_refused_option(monkeypatch):
    def broken(num_classes=1000):
        return len(num_classes)

    monkeypatch.setattr("reseaux.architectures.alexnet.AlexNet", broken)
    with pytest.raises(TypeError, match=re.escape("has no len()")):
        reseaux.build("alexnet")


def test_registry_is_in_order():
    resnets = [f"resnet-{depth}" for depth in (18, 34, 50, 101, 152)]
    vggs = [f"vgg-{letter}" for letter in ("a", "a-lrn", "b", "c", "d", "e")]
    inceptions = ["googlenet", "bn-inception", "inception-v3", "inception-v4", "xception"]
    expected = ["lenet-5", "alexnet", *vggs, "nin", *inceptions, *resnets, "squeezenet"]
    # Un réseau ajouté ne dérange pas l'ordre des premiers.
    assert [name for name in reseaux.NETWORKS if name in expected] == expected
    assert [network.year for network in reseaux.NETWORKS.values()][:3] == [1998, 2012, 2014]


@pytest.mark.parametrize(
    ("name", "options", "published"),
    [
        ("lenet-5", {}, []),
        ("alexnet", {}, [(0.5, (4096,)), (0.5, (4096,))]),  # [Krizhevsky12, §4.2]
        *((f"vgg-{c}", {}, [(0.5, (4096,)), (0.5, (4096,))]) for c in ("a", "a-lrn", *"bcde")),
        ("nin", {}, [(0.5, (384, 6, 6))]),
        ("googlenet", {}, [(0.4, (1024,))]),  # [Szegedy14, table 1 et §5]
        ("googlenet", {"aux_heads": True}, [(0.7, (1024,)), (0.7, (1024,)), (0.4, (1024,))]),
        ("bn-inception", {}, []),  # [Ioffe15, §4.2.1]
        ("inception-v3", {}, [(0.2, (2048,))]),
        ("inception-v4", {}, [(0.2, (1536,))]),  # [Szegedy16, figure 9] : en garder 0,8
        ("xception", {}, [(0.5, (2048,))]),  # [Chollet16, §4.3]
        ("squeezenet", {}, [(0.5, (512, 13, 13))]),  # [Iandola16, §3.3] : après fire9
        *((f"resnet-{depth}", {}, []) for depth in (18, 34, 50, 101, 152)),
        ("mobilenet-v2", {}, [(0.2, (1280,))]),
        ("efficientnet-lite0", {}, [(0.2, (1280,))]),
        ("efficientnet-lite1", {}, [(0.2, (1280,))]),
        ("efficientnet-lite2", {}, [(0.3, (1280,))]),
    ],
)
def test_dropout_has_the_published_rate_and_place(name, options, published):
    """Aucune forme, aucun score en évaluation n'en dépend : (taux, ce qu'il reçoit)."""
    net, found = reseaux.build(name, device="meta", **options).train(), []
    for layer in net.modules():
        if isinstance(layer, nn.Dropout):
            layer.register_forward_hook(
                lambda layer, given, _: found.append((layer.p, tuple(given[0].shape[1:])))
            )
    net(torch.empty(2, *reseaux.NETWORKS[name].input_size, device="meta"))
    assert found == published


@pytest.mark.parametrize("name", reseaux.NETWORKS)
def test_a_class_builds_by_itself_the_network_of_its_paper(name):
    file, _, made = reseaux.NETWORKS[name].factory.partition(".")
    factory = getattr(importlib.import_module(f"reseaux.architectures.{file}"), made)
    default = inspect.signature(factory).parameters["num_classes"].default
    assert default == (10 if file == "lenet" else ILSVRC_CLASSES.value)
