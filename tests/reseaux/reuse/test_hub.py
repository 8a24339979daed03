"""Les poids de torchvision, servis par un serveur local : torchvision lui-même sert d'oracle."""

import hashlib
import os
import pickle
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torchvision import models

from local_server import Server, serve
from reseaux import data
from reseaux.errors import ReseauxError
from reseaux.reuse import distributed, hub, weights
from reseaux.reuse.download import DownloadError
from reseaux.reuse.imagenet import categories, categories_fr

NAME = "mobilenet_v3_small"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    with serve() as server:
        yield server


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Le cache de ``torch.hub``, vide."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub" / "checkpoints"


def publish(server: Server, path: Path, content: Any) -> str:
    """Met un objet en ligne, sous un nom qui porte son empreinte ; rend son adresse."""
    torch.save(content, path)
    prefix = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    server.files[f"/alea-{prefix}.pth"] = path.read_bytes()
    return f"{server.url}/alea-{prefix}.pth"


@pytest.fixture
def original() -> nn.Module:
    """Des poids au hasard, mais des réponses tranchées : deux probabilités ne se confondent pas."""
    torch.manual_seed(0)
    model = models.mobilenet_v3_small().eval()
    nn.init.normal_(model.classifier[-1].weight, std=100)
    return model


def test_a_served_network_is_the_original(
    server: Server, original: nn.Module, tmp_path: Path, home: Path
) -> None:
    url = publish(server, tmp_path / "p", original.state_dict())
    net = weights.load(NAME, url=url, progress=False)
    assert net.name == "mobilenet_v3_small:IMAGENET1K_V1"
    assert not net.model.training
    photo = data.photo("coffee")
    official = models.MobileNet_V3_Small_Weights.IMAGENET1K_V1
    batch = official.transforms()(photo)[None]
    assert torch.equal(net.transform(photo)[None], batch)
    assert net.transform(photo.convert("L")).shape == (3, 224, 224)
    with torch.inference_mode():
        logits = original(batch)
        assert torch.equal(net.model(batch), logits)
    best = net.predict(photo, top=1)[0]
    assert best.english == official.meta["categories"][int(logits.argmax())]
    assert best.french == categories_fr()[int(logits.argmax())]
    # La seconde fois, tout vient du cache de torch.hub.
    again = weights.load(f"{NAME}:IMAGENET1K_V1", url=url, progress=False)
    assert len(server.asked) == 1
    assert [f.name for f in home.iterdir()] == [url.rsplit("/", 1)[1]]
    with torch.inference_mode():
        assert torch.equal(again.model(batch), logits)


@pytest.mark.parametrize("name", ["googlenet", "densenet121", "squeezenet1_1"])
def test_built_as_torchvision_builds_it(name: str, home: Path) -> None:
    """Les cas particuliers (sorties auxiliaires, anciens noms) sont ceux de torchvision."""
    model, official = hub.resolve(name)
    torch.manual_seed(0)
    extra = {"init_weights": False, "aux_logits": True} if name == "googlenet" else {}
    state = models.get_model(name, **extra).state_dict()
    if name == "densenet121":  # les noms de l'époque : « norm.1 » au lieu de « norm1 »
        old = re.compile(r"(denselayer\d+\.(?:norm|conv))(\d)")
        kept = [key for key in state if not key.endswith("num_batches_tracked")]
        state = {old.sub(r"\1.\2", key): state[key] for key in kept}
    home.mkdir(parents=True)
    file = home / official.url.rsplit("/", 1)[1]
    torch.save(state, file, _use_new_zipfile_serialization=False)
    theirs, ours = (
        models.get_model(name, weights=official).eval(),
        hub.build_network(model, official, file, hashlib.sha256(file.read_bytes()).hexdigest()),
    )
    batch = torch.randn(1, 3, 224, 224)
    with torch.inference_mode():
        assert torch.equal(ours(batch), theirs(batch))
    assert "get_state_dict" not in vars(official)  # l'énumération est rendue comme elle était


def test_every_file_carries_its_hash_and_the_same_classes() -> None:
    names = models.list_models(module=models)
    for name in names:
        for w in models.get_model_weights(name):
            assert len(hub.hash_prefix(w.url)) >= 8
            if w.meta["categories"]:
                assert tuple(w.meta["categories"]) == categories()
                assert hub.resolve(f"{name}:{w.name}") == (name, w)
        assert hub.resolve(name)[1].meta["categories"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ResNet-50", "« ResNet-50 » n'est pas.*« resnet50 ».*efficientnet-lite0"),
        ("resnet50:V3", "« V3 » ne désigne pas un jeu de poids de « resnet50 ».*IMAGENET1K_V2"),
        ("vgg16:IMAGENET1K_FEATURES", "Noms permis : IMAGENET1K_V1"),
        ("", "n'est pas un réseau préentraîné connu"),
    ],
)
def test_unknown_names(name: str, message: str) -> None:
    with pytest.raises(ReseauxError, match=message):
        weights.load(name, fallback=True)


def test_without_the_file_the_shipped_network_is_offered(server: Server, home: Path) -> None:
    url = f"{server.url}/absente-01234567.pth"
    with pytest.raises(DownloadError, match=r"code 404.*fallback=True"):
        weights.load("resnet50", url=url, progress=False)
    with pytest.warns(UserWarning, match=r"code 404.*« efficientnet-lite0 », livré avec le cours"):
        net = weights.load("resnet50", url=url, fallback=True, progress=False)
    assert net.name == "efficientnet-lite0"
    assert net.predict(data.photo("coffee"), top=1)[0].english == "espresso"
    assert not (home / "absente-01234567.pth").exists()
    with pytest.raises(ReseauxError, match="ne désigne pas un réseau livré avec le cours"):
        weights.load("resnet50", url=url, fallback="vgg16")


def test_a_good_download_does_not_warn(server: Server, original: nn.Module, tmp_path: Path) -> None:
    url = publish(server, tmp_path / "p", original.state_dict())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net = weights.load(NAME, url=url, fallback=True, progress=False)
    assert net.name.startswith(NAME)


def test_the_weights_of_another_network(
    server: Server, original: nn.Module, tmp_path: Path
) -> None:
    url = publish(server, tmp_path / "p", original.state_dict())
    with pytest.raises(ReseauxError, match=r"alea-.* ne sont pas ceux de « squeezenet1_1 »"):
        weights.load("squeezenet1_1", url=url, progress=False)


def test_a_hostile_file_is_not_run(server: Server, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(tmp_path / "trace"),)

    url = publish(server, tmp_path / "p", Trap())
    with pytest.raises(ReseauxError, match="pourrait exécuter du code"):
        weights.load(NAME, url=url, progress=False)
    assert not (tmp_path / "trace").exists()
    with pytest.raises(FileNotFoundError):  # le piège fonctionne : ici, on le laisse trébucher
        pickle.loads(pickle.dumps(Trap()).replace(b"trace", b"un/un"))


def test_of_a_group_one_process_downloads_and_all_agree(
    server: Server, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deux processus de torchrun : une seule demande, et le même échec pour tous."""
    good, bad = publish(server, tmp_path / "p", {}), f"{server.url}/absente-01234567.pth"
    program = tmp_path / "programme.py"
    program.write_text(
        """
import sys
from reseaux.reuse import distributed, hub
from reseaux.reuse.download import DownloadError
with distributed.joined():
    for address in sys.argv[1:]:
        try:
            said = hub.fetch(address, False).name
        except DownloadError as error:
            said = error
        sys.stdout.write(f"{said}\\n")
""",
        encoding="utf-8",
    )
    shown = distributed.torchrun(program, good, bad, folder=tmp_path).splitlines()
    assert sorted(server.asked) == sorted(["/" + url.rsplit("/", 1)[1] for url in (good, bad)])
    assert [line for line in shown if "code 404" not in line] == [good.rsplit("/", 1)[1]] * 2
    assert sum("code 404" in line for line in shown) == 2
    assert (home / good.rsplit("/", 1)[1]).is_file()


def test_the_first_process_of_a_machine_downloads(
    server: Server, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Un groupe d'un seul processus : premier de sa machine, il télécharge ; second, il attend."""
    url = publish(server, tmp_path / "p", {})
    address = (tmp_path / "rendez-vous").as_uri()
    dist.init_process_group("gloo", init_method=address, rank=0, world_size=1)
    try:
        monkeypatch.setenv("LOCAL_RANK", "1")
        target = hub.fetch(url, False)
        assert server.asked == []
        monkeypatch.delenv("LOCAL_RANK")
        assert hub.fetch(url, False) == target
    finally:
        dist.destroy_process_group()
    assert [file.name for file in home.iterdir()] == [target.name]


@pytest.mark.parametrize(
    "url", ["http://[::1", "reseaux/r-01234567.pth", "http://h/\0-01234567.pth"]
)
def test_a_malformed_address(url: str) -> None:
    with pytest.raises(ReseauxError, match=r"Vérifiez l'adresse|ne porte pas"):
        weights.load(NAME, url=url, progress=False)


def test_an_address_must_carry_the_hash(server: Server) -> None:
    with pytest.raises(ReseauxError, match="ne porte pas le début de son empreinte"):
        weights.load(NAME, url=f"{server.url}/poids.pth")
    assert server.asked == []


def test_a_file_already_there_is_checked(
    original: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "p.pth"
    torch.save(original.state_dict(), file)
    with pytest.raises(ReseauxError, match=r"p\.pth.*n'est pas le fichier attendu"):
        weights.load(NAME, file=file)
    prefix = hashlib.sha256(file.read_bytes()).hexdigest()[:8]
    monkeypatch.setattr(hub, "hash_prefix", lambda _: prefix)
    assert weights.load(NAME, file=file).name.startswith(NAME)
