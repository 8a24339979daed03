"""La sonde sur caractéristiques gardées, face à la boucle habituelle sur un réseau gelé.

    make bench BANCS=probe

Même tâche, même réseau, mêmes images. La boucle habituelle est celle du tutoriel de PyTorch
« Transfer Learning for Computer Vision » : 25 époques, le réseau gelé retraversé à chacune, puis
les images de test évaluées. Deux écarts, en sa faveur : des lots de 32 au lieu de 4, et Adam au
lieu de SGD, qui atteint son plateau en 25 époques. Une boucle soignée va plus vite à nombre
d'époques égal (canaux en dernier, test à la fin seulement) : elle dit la part du gain que l'on doit
aux caractéristiques gardées. La même boucle sur des caractéristiques gardées fait le même calcul :
même exactitude, aux arrondis près. La régression logistique, elle, est un autre classifieur.
"""

import copy
import sys

import torch
from measure import side_by_side
from torch import nn
from torch.nn import functional as F

from reseaux import data
from reseaux.formatting import decimal, integer, percent
from reseaux.reuse import training, transfer, weights
from reseaux.tables import Table

EPOCHS, PER_CLASS, TEST, SIZE, BATCH, REPEATS = 25, 20, 20, 64, 32, 5
CACHED, PROBE, USUAL, CAREFUL = (
    "même boucle, caractéristiques gardées",
    "sonde (régression logistique)",
    "boucle habituelle",
    "boucle soignée",
)


Sets = tuple[torch.Tensor, torch.Tensor]  # images ou vecteurs, étiquettes


def fit(model: nn.Module, head: nn.Linear, known: Sets, held: Sets, test_each: bool) -> float:
    """Entraîne le classifieur d'un réseau gelé, époque après époque ; rend l'exactitude."""
    (x, labels), (z, truth) = known, held
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    generator = torch.Generator().manual_seed(0)
    model.eval()  # gelé, normalisations comprises
    score = 0.0
    for epoch in range(EPOCHS):
        for chosen in torch.randperm(len(x), generator=generator).split(BATCH):
            loss = F.cross_entropy(model(x[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
        if test_each or epoch == EPOCHS - 1:
            score = training.accuracy(model, z, truth, BATCH)
    return score


def loop(net: weights.Pretrained, known: Sets, held: Sets, careful: bool) -> float:
    """La boucle des tutoriels : les images retraversent le réseau à chaque époque."""
    model = copy.deepcopy(net.model).requires_grad_(False)
    head = transfer.new_head(model, int(known[1].max()) + 1, seed=0)
    kind = torch.channels_last if careful else torch.contiguous_format
    model = model.to(memory_format=kind)
    sets = [(x.to(memory_format=kind), labels) for x, labels in (known, held)]
    return fit(model, head, *sets, test_each=not careful)


def cached(net: weights.Pretrained, known: Sets, held: Sets) -> float:
    """Un passage dans le réseau, puis la même boucle sur les caractéristiques."""
    sets = [
        (torch.from_numpy(transfer.extract_features(net.model, x)[-1]), y) for x, y in (known, held)
    ]
    head = transfer.new_head(copy.deepcopy(net.model), int(known[1].max()) + 1, seed=0)
    return fit(head, head, *sets, test_each=True)


def probe(net: weights.Pretrained, known: Sets, held: Sets) -> float:
    """Traverse le réseau une fois, apprend une régression logistique ; rend l'exactitude."""
    vectors, answers = (
        transfer.extract_features(net.model, images)[-1] for images, _ in (known, held)
    )
    return float(transfer.linear_probe(vectors, known[1].numpy()).score(answers, held[1].numpy()))


def main(repeats: int = REPEATS) -> None:
    """Mesure les trois façons et affiche la table."""
    torch.set_num_threads(1)
    net = weights.load()
    pool, rest = data.digits().sample(PER_CLASS, seed=0)
    sets = [pool, rest.sample(TEST, seed=0)[0]]
    known, held = ((transfer.prepare(net, s, SIZE), torch.from_numpy(s.labels)) for s in sets)
    net.model.to(memory_format=torch.channels_last)  # comme au chapitre
    found: dict[str, float] = {}
    rivals = {
        CACHED: lambda: found.update({CACHED: cached(net, known, held)}),
        PROBE: lambda: found.update({PROBE: probe(net, known, held)}),
        USUAL: lambda: found.update({USUAL: loop(net, known, held, careful=False)}),
        CAREFUL: lambda: found.update({CAREFUL: loop(net, known, held, careful=True)}),
    }
    transfer.extract_features(
        net.model, held[0]
    )  # les premières allocations ne comptent pour personne
    seconds = side_by_side(rivals, repeats=repeats, warmup=0)
    rows = [
        (
            name,
            decimal(seconds[name], 2),
            percent(found[name]),
            decimal(seconds[name] / seconds[CACHED]),
        )
        for name in rivals
    ]
    print(
        Table(
            f"Durée médiane de {repeats} mesures ; {integer(len(known[0]))} images d'entraînement, "
            f"{integer(len(held[0]))} de test, {SIZE} pixels, {EPOCHS} époques",
            ("façon", "durée (s)", "exactitude", "rapport"),
            rows,
        )
    )
    print("But : boucle habituelle ≥ 20 fois la même boucle sur caractéristiques gardées.")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
