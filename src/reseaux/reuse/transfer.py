"""Réutiliser un réseau déjà entraîné : caractéristiques, sonde linéaire, réglage fin.

Un réseau se lit comme une suite d'étages. Après chacun, la moyenne spatiale des cartes donne un
vecteur par image : les caractéristiques de cette profondeur. Une *sonde* est une régression
logistique sur ces vecteurs ; le *réglage fin* continue l'entraînement du réseau lui-même.

Tout cela se fait aussi d'une commande, sur un dossier d'images (voir :mod:`photos.command`) :

    python -m photos.command DOSSIER
"""

import copy
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from reseaux.data import LabeledImages
from reseaux.errors import ReseauxError
from reseaux.reuse import checkpoints, training
from reseaux.reuse.weights import Pretrained

Features = NDArray[np.float32]

_CACHED_SETS = 8  # jeux d'images gardés en mémoire ; environ 8 ko par image
_cache: "OrderedDict[str, list[Features]]" = OrderedDict()


def stages(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Découpe le réseau en étages successifs, de l'entrée à la dernière couche de convolution.

    Args:
        model: un EfficientNet de timm, ou un réseau de torchvision fait d'une suite « features »
            (EfficientNet, ConvNeXt, MobileNet…) ou des quatre étages d'un ResNet.

    Returns:
        (nom français, étage) dans l'ordre ; enchaînés, ils sont le réseau sans son classifieur.

    Raises:
        ReseauxError: le réseau n'a aucune de ces structures.
    """
    parts: Any = model
    if isinstance(getattr(model, "features", None), nn.Sequential):
        first, *blocks, last = parts.features
        end = last
    elif all(hasattr(model, name) for name in ("conv1", "maxpool", "layer4", "fc")):
        first = nn.Sequential(parts.conv1, parts.bn1, parts.relu, parts.maxpool)
        *blocks, end = parts.layer1, parts.layer2, parts.layer3, parts.layer4
    else:
        needed = ("conv_stem", "bn1", "blocks", "conv_head", "bn2", "classifier")
        missing = [name for name in needed if not hasattr(model, name)]
        if missing:
            raise ReseauxError(
                f"Le réseau « {type(model).__name__} » n'a pas d'attribut « {missing[0]} » : le "
                "découpage en étages vaut pour les EfficientNet de timm, et pour les réseaux de "
                "torchvision qui ont une suite « features » ou les étages d'un ResNet."
            )
        first = nn.Sequential(parts.conv_stem, parts.bn1)
        blocks = list(parts.blocks)
        end = nn.Sequential(parts.conv_head, parts.bn2)
    middle = [(f"bloc {k}", block) for k, block in enumerate(blocks, start=1)]
    return [("entrée", first), *middle, ("fin", end)]


def new_head(model: nn.Module, classes: int, seed: int) -> nn.Linear:
    """Remplace la dernière couche linéaire, le classifieur, par une neuve ; rend celle-ci.

    Args:
        model: modifié sur place.
        classes: nombre de sorties.
        seed: graine de ses poids ; le hasard de l'appelant n'est pas touché.

    Raises:
        ReseauxError: le réseau n'a pas de couche linéaire.
    """
    linears = [name for name, part in model.named_modules() if isinstance(part, nn.Linear)]
    if not linears:
        raise ReseauxError(
            f"Le réseau « {type(model).__name__} » n'a pas de couche linéaire à remplacer."
        )
    parent, _, name = linears[-1].rpartition(".")
    old: Any = model.get_submodule(linears[-1])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = nn.Linear(old.in_features, classes).to(old.weight.device)
    setattr(model.get_submodule(parent), name, head)
    return head


def depth_names(pretrained: Pretrained) -> tuple[str, ...]:
    """Nom de chaque profondeur, de l'entrée à la fin ; leur nombre est celui des profondeurs."""
    return tuple(name for name, _ in stages(pretrained.model))


def prepare(images: LabeledImages | NDArray[Any], size: int = 64) -> Tensor:
    """Prépare des images grises pour un réseau qui attend trois canaux entre −1 et 1.

    Args:
        images: N×H×L (gris) ou N×H×L×3 (couleur), valeurs entre 0 et 1.
        size: côté en sortie ; l'image est agrandie ou réduite (bicubique).

    Returns:
        N×3×size×size ; le gris est répété dans les trois canaux.

    Raises:
        ReseauxError: forme ou valeurs inattendues.
    """
    array = images.images if isinstance(images, LabeledImages) else np.asarray(images)
    if array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[3] != 3) or not array.size:
        raise ReseauxError(
            f"Images de forme {array.shape} ; il faut N×H×L (gris) ou N×H×L×3 (couleur)."
        )
    if array.min() < 0 or array.max() > 1:
        raise ReseauxError(
            f"Valeurs de {array.min():g} à {array.max():g} ; il les faut entre 0 et 1 "
            "(divisez des octets par 255)."
        )
    tensor = torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
    tensor = tensor[:, None] if array.ndim == 3 else tensor.permute(0, 3, 1, 2)
    if tensor.shape[-2:] != (size, size):
        tensor = F.interpolate(tensor, (size, size), mode="bicubic", antialias=True).clamp(0, 1)
    return ((tensor - 0.5) / 0.5).expand(-1, 3, -1, -1).contiguous()


def features(
    pretrained: Pretrained, images: Tensor, depth: int = -1, batch_size: int = 64
) -> Features:
    """Caractéristiques des images à une profondeur : les moyennes spatiales des cartes.

    Un seul passage calcule toutes les profondeurs ; elles restent en mémoire, et redemander les
    mêmes images au même réseau ne coûte plus rien.

    Args:
        pretrained: le réseau.
        images: N×3×H×L, préparées (voir :func:`prepare`).
        depth: 0 pour l'entrée, −1 pour la fin.
        batch_size: nombre d'images traitées ensemble.

    Returns:
        N×C, C étant le nombre de cartes à cette profondeur.

    Raises:
        ReseauxError: profondeur inconnue.
    """
    count = len(stages(pretrained.model))
    if not -count <= depth < count:
        raise ReseauxError(f"Profondeur {depth} demandée ; il faut entre 0 et {count - 1}, ou −1.")
    return _every_depth(pretrained, images, batch_size)[depth]


def _every_depth(pretrained: Pretrained, images: Tensor, batch_size: int = 64) -> list[Features]:
    """Les caractéristiques à toutes les profondeurs, calculées ou gardées d'un appel précédent."""
    # Les poids comptent : un réseau réentraîné n'a plus la même empreinte.
    key = _digest(*pretrained.model.state_dict().values(), images)
    if key not in _cache:
        _cache[key] = extract_features(pretrained.model, images, batch_size)
        while len(_cache) > _CACHED_SETS:
            _cache.popitem(last=False)
    _cache.move_to_end(key)
    return _cache[key]


def _digest(*tensors: Tensor) -> str:
    """Empreinte de tenseurs, formes comprises."""
    digest = hashlib.blake2b(str([tuple(tensor.shape) for tensor in tensors]).encode())
    for tensor in tensors:
        array: NDArray[Any] = tensor.detach().cpu().contiguous().numpy()
        digest.update(array.data)
    return digest.hexdigest()


@torch.inference_mode()
def extract_features(model: nn.Module, images: Tensor, batch_size: int = 64) -> list[Features]:
    """Traverse le réseau une fois et moyenne les cartes après chaque étage, sans rien garder.

    Returns:
        Pour chaque profondeur, N×C.
    """
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    parts = [part for _, part in stages(model)]
    found: list[list[Tensor]] = [[] for _ in parts]
    for batch in torch.split(images, batch_size):
        # Canaux en dernier : deux fois plus rapide sur un processeur, mêmes nombres.
        x = batch.to(device, memory_format=torch.channels_last)
        for k, part in enumerate(parts):
            x = part(x)
            found[k].append(x.mean(dim=(2, 3)).cpu())
    model.train(was_training)
    return [torch.cat(vectors).numpy() for vectors in found]


def pixels(images: LabeledImages | NDArray[Any]) -> Features:
    """Les pixels bruts, un vecteur par image : ce qu'une sonde apprend sans aucun réseau."""
    array = images.images if isinstance(images, LabeledImages) else np.asarray(images)
    return np.ascontiguousarray(array.reshape(len(array), -1), dtype=np.float32)


def linear_probe(vectors: Features, labels: NDArray[Any], strength: float = 1.0) -> Any:
    """Apprend une sonde : caractéristiques centrées et réduites, puis régression logistique.

    Args:
        vectors: N×C.
        labels: N entiers, au moins deux classes.
        strength: inverse de la régularisation (« C » de scikit-learn).

    Returns:
        Le classifieur scikit-learn ; ``.score(vectors, labels)`` donne son exactitude.

    Raises:
        ReseauxError: une seule classe.
    """
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    if len(np.unique(labels)) < 2:
        raise ReseauxError("Une sonde sépare des classes : il en faut au moins deux.")
    # Moins d'images que de caractéristiques : la solution est dans l'espace des images. Y tourner
    # les axes (ACP sans rien perdre) donne le même classifieur, bien plus vite.
    wide = vectors.shape[1] > vectors.shape[0]
    classifier = make_pipeline(
        StandardScaler(),
        PCA(svd_solver="full") if wide else "passthrough",
        LogisticRegression(C=strength, max_iter=2000),
    )
    # Ces matrices sont petites : plusieurs fils d'exécution passeraient leur temps à s'attendre.
    with threadpool_limits(1, user_api="blas"):
        return classifier.fit(vectors, labels)


def as_linear_layer(classifier: Any) -> nn.Linear:
    """Réécrit une sonde en une seule couche linéaire : de simples nombres, qui se sauvent.

    Centrer, réduire, tourner les axes puis séparer : chaque étape est affine, leur suite aussi.

    Args:
        classifier: ce que rend :func:`linear_probe`.

    Returns:
        Une couche C → K ; le softmax de ses sorties est ``classifier.predict_proba``.
    """
    scaler, rotation, logistic = (step for _, step in classifier.steps)
    weight, bias = logistic.coef_, logistic.intercept_
    if len(logistic.classes_) == 2:  # scikit-learn ne garde que la seconde des deux classes
        weight, bias = np.vstack([0 * weight, weight]), np.concatenate([0 * bias, bias])
    if rotation != "passthrough":
        weight = weight @ rotation.components_
        bias = bias - weight @ rotation.mean_
    weight = weight / scaler.scale_
    bias = bias - weight @ scaler.mean_
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight))
        layer.bias.copy_(torch.from_numpy(bias))
    return layer.requires_grad_(False)


def choose_depth(
    vectors: list[Features], labels: NDArray[Any], folds: int = 4, seed: int = 0
) -> tuple[int, list[float]]:
    """Choisit la profondeur dont la sonde répond le mieux, par validation croisée.

    Args:
        vectors: les caractéristiques à chaque profondeur, N×C.
        labels: N entiers.
        folds: nombre de parts ; les classes y sont réparties également.
        seed: graine du partage.

    Returns:
        La profondeur (à égalité, la plus lointaine) et l'exactitude de chacune.

    Raises:
        ReseauxError: aucune classe n'a deux images, ou une seule classe.
    """
    if len(np.unique(labels)) < 2 or np.bincount(labels).max() < 2:
        raise ReseauxError(
            "Pas assez d'images pour choisir la profondeur : il faut au moins deux classes, et "
            "deux images dans l'une. Donnez la profondeur vous-même."
        )
    rng = np.random.default_rng(seed)
    fold = np.empty(len(labels), np.int64)
    offset = 0  # d'une classe à l'autre, on continue de tourner : les parts restent égales
    for k in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == k))
        fold[members] = (offset + np.arange(len(members))) % folds
        offset += len(members)
    scores = []
    for known in vectors:
        right = 0
        for held in (fold == k for k in range(folds)):
            if held.any() and len(np.unique(labels[~held])) > 1:
                classifier = linear_probe(known[~held], labels[~held])
                right += int((classifier.predict(known[held]) == labels[held]).sum())
        scores.append(right / len(labels))
    best = max(range(len(scores)), key=lambda depth: (scores[depth], depth))
    return best, scores


def by_depth(
    pretrained: Pretrained,
    pool: LabeledImages,
    test: LabeledImages,
    per_class: int,
    draws: int = 5,
    size: int = 64,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Exactitude d'une sonde à chaque profondeur, et sur les pixels bruts, pour plusieurs tirages.

    Args:
        pretrained: le réseau.
        pool: les images où tirer celles d'entraînement.
        test: les images de test, les mêmes pour tous les tirages.
        per_class: nombre d'images d'entraînement par classe.
        draws: nombre de tirages ; leurs graines sont 0, 1, 2…
        size: côté des images données au réseau.

    Returns:
        (tirages × profondeurs, tirages) : exactitudes des caractéristiques, puis des pixels.
    """
    x, z = prepare(pool, size), prepare(test, size)
    # L'empreinte des images et des poids se calcule une fois, et non une par profondeur.
    spaces = list(zip(_every_depth(pretrained, x), _every_depth(pretrained, z), strict=True))
    spaces.append((pixels(pool), pixels(test)))
    # Tirer des numéros plutôt que des images : les caractéristiques sont calculées une fois.
    numbered = LabeledImages(np.arange(len(pool), dtype=np.float32), pool.labels, pool.names)
    scores = []
    for seed in range(draws):
        chosen = numbered.sample(per_class, seed)[0].images.astype(np.int64)
        scores.append(
            [
                linear_probe(train[chosen], pool.labels[chosen]).score(held, test.labels)
                for train, held in spaces
            ]
        )
    table = np.array(scores)
    return table[:, :-1], table[:, -1]


def fine_tune(
    pretrained: Pretrained,
    images: Tensor,
    labels: Tensor,
    classes: int,
    *,
    first_trained: int = 0,
    epochs: int = 8,
    learning_rate: float = 1e-3,
    backbone_rate: float = 1.0,
    batch_size: int = 32,
    seed: int = 0,
    frozen_statistics: bool = False,
    augment: Callable[[Tensor], Tensor] | None = None,
    after_epoch: Callable[[training.Epoch], None] | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    worker: training.Worker = training.ALONE,
) -> nn.Module:
    """Règle une copie du réseau sur une nouvelle tâche, avec un nouveau classifieur.

    Args:
        pretrained: le réseau de départ ; il n'est pas modifié.
        images: N×3×H×L, préparées.
        labels: N entiers de 0 à ``classes - 1``.
        classes: nombre de classes de la nouvelle tâche, au moins 2.
        first_trained: première profondeur qui apprend. 0 : tout le réseau ; une profondeur du
            milieu : la fin du réseau ; le nombre de profondeurs : le classifieur seul.
        epochs: nombre d'époques.
        learning_rate: pas d'apprentissage le plus haut (AdamW, décroissance en cosinus).
        backbone_rate: le pas des étages déjà appris, rapporté à celui du classifieur neuf.
        batch_size: nombre d'images par pas.
        seed: graine du classifieur initial et de l'ordre des images.
        frozen_statistics: garde les statistiques de normalisation d'ImageNet. Une image ne dépend
            alors plus de ses voisines de lot, ni du nombre de processus.
        augment: appliqué à chaque lot d'images, avant le réseau.
        after_epoch: appelé à la fin de chaque époque, une fois la sauvegarde écrite.
        checkpoint: fichier où sauver l'entraînement à chaque époque.
        resume: reprend l'entraînement de ``checkpoint``.
        worker: la part de ce processus (voir :func:`training.train`) ; le rang 0 seul écrit.

    Returns:
        Le réseau réglé.

    Raises:
        ReseauxError: étiquettes ou profondeur hors limites ; reprise d'un autre entraînement.
    """
    count = len(stages(pretrained.model))
    if not 0 <= first_trained <= count:
        raise ReseauxError(
            f"« first_trained » vaut {first_trained} ; il faut entre 0 (tout le réseau) et {count} "
            "(le classifieur seul)."
        )
    if classes < 2 or int(labels.min()) < 0 or int(labels.max()) >= classes:
        raise ReseauxError(
            f"Étiquettes de {int(labels.min())} à {int(labels.max())} pour {classes} classes : "
            "il faut au moins deux classes, numérotées à partir de 0."
        )
    if resume and checkpoint is None:
        raise ReseauxError("Pour reprendre, donnez aussi le fichier de sauvegarde (checkpoint).")
    model = copy.deepcopy(pretrained.model)
    for k, (_, part) in enumerate(stages(model)):
        part.requires_grad_(k >= first_trained)
    head = new_head(model, classes, seed)
    model = model.to(memory_format=torch.channels_last)  # deux fois plus rapide sur un processeur
    new = list(head.parameters())
    known = [p for p in model.parameters() if p.requires_grad and all(p is not q for q in new)]
    groups: list[dict[str, Any]] = [{"params": new}]
    if known:
        groups.insert(0, {"params": known, "lr": learning_rate * backbone_rate})
    optimizer = torch.optim.AdamW(groups, lr=learning_rate, weight_decay=1e-2)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    generator = torch.Generator().manual_seed(seed)
    settings = {
        "classes": classes,
        "profondeur": first_trained,
        "époques": epochs,
        "pas": learning_rate,
        "pas du réseau": backbone_rate,
        "lot": batch_size,
        "graine": seed,
        "statistiques figées": frozen_statistics,
        "images": _digest(images, labels),
    }
    first_epoch = 0
    if resume and checkpoint is not None:
        saved = checkpoints.load(checkpoint)
        _check_same(saved, pretrained.name, settings)
        checkpoints.fill(model, saved.state["model"], checkpoint)
        first_epoch = saved.restore(optimizer, scheduler, generator)

    def keep(epoch: training.Epoch) -> None:
        if checkpoint is not None and worker.rank == 0:
            checkpoints.save(
                checkpoint,
                model,
                optimizer,
                architecture=pretrained.name,
                arguments=settings,
                epoch=epoch.number,
                scheduler=scheduler,
                generator=generator,
            )
        if after_epoch is not None:
            after_epoch(epoch)

    training.train(
        model,
        images.contiguous(memory_format=torch.channels_last),
        labels,
        optimizer=optimizer,
        epochs=epochs,
        batch_size=batch_size,
        generator=generator,
        scheduler=scheduler,
        first_epoch=first_epoch,
        augment=augment,
        after_epoch=keep,
        frozen_statistics=frozen_statistics,
        worker=worker,
    )
    return model.eval()


def _check_same(
    saved: checkpoints.Checkpoint, network: str, settings: Mapping[str, object]
) -> None:
    """Refuse de reprendre un autre entraînement que celui demandé."""
    if saved.architecture != network:
        raise ReseauxError(
            f"« {saved.path.name} » est l'entraînement du réseau « {saved.architecture} », et non "
            f"de « {network} ». Reprenez avec le même réglage, ou recommencez."
        )
    for name, value in settings.items():
        given = saved.arguments.get(name)
        if given != value:
            told = "d'autres images" if name == "images" else f"{name} : {given}, et non {value}"
            raise ReseauxError(
                f"« {saved.path.name} » est un entraînement différent ({told}). "
                "Reprenez avec les mêmes images et les mêmes options, ou recommencez."
            )
