"""``summarize`` face à torchinfo et aux compteurs de PyTorch, sur les réseaux classiques.

    make bench BANCS=summary

Quatre concurrents font le même travail sur chaque réseau : ``reseaux.summarize``, torchinfo tel que
l'on l'appelle (poids réels), torchinfo sur « meta », ``FlopCounterMode`` sur « meta ». Un
cinquième sert de plancher : le calcul nu sur « meta », normalisations et activations retirées.
La mémoire est mesurée dans un processus neuf par réseau.
"""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import torch
import torchinfo
from measure import REPEATS, geometric_mean, side_by_side
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import reseaux
from reseaux.anatomy.summary import summarize
from reseaux.formatting import decimal
from reseaux.tables import Table

OURS, DEFAULT, META, FLOPS, BARE = (
    "summarize",
    "torchinfo",
    "torchinfo (meta)",
    "FlopCounterMode",
    "calcul nu",
)
IGNORED = (nn.BatchNorm2d, nn.LocalResponseNorm, nn.ReLU, nn.Tanh, nn.Dropout)


def strip(net: nn.Module) -> nn.Module:
    """Remplace les normalisations et les activations par l'identité."""
    for module in net.modules():
        for name, child in module.named_children():
            if isinstance(child, IGNORED):
                setattr(module, name, nn.Identity())
    return net


def count_flops(net: nn.Module, x: torch.Tensor) -> int:
    """Compte avec l'outil de PyTorch."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(x)
    return counter.get_total_flops()


def run_bare(net: nn.Module, x: torch.Tensor) -> None:
    """Le calcul seul, sans rien noter."""
    with torch.no_grad():
        net(x)


def measure(name: str) -> dict[str, float]:
    """Rend la durée médiane de chaque concurrent pour un réseau, en millisecondes."""
    size = reseaux.NETWORKS[name].input_size
    real = reseaux.build(name).eval()
    meta = reseaux.build(name, device="meta").eval()
    bare = strip(reseaux.build(name, device="meta").eval())
    x = torch.empty(1, *size, device="meta")
    ours, theirs = summarize(meta, size), torchinfo.summary(real, (1, *size), verbose=0)
    assert ours.params == theirs.total_params, name
    assert 2 * ours.macs == count_flops(meta, x), name
    seconds = side_by_side(
        {
            OURS: lambda: summarize(meta, size),
            DEFAULT: lambda: torchinfo.summary(real, (1, *size), verbose=0),
            META: lambda: torchinfo.summary(meta, (1, *size), device="meta", verbose=0),
            FLOPS: lambda: count_flops(meta, x),
            BARE: lambda: run_bare(bare, x),
        }
    )
    return {rival: 1000 * value for rival, value in seconds.items()}


def peak_above_imports(name: str) -> float:
    """Mémoire que ``summarize`` ajoute à celle des imports, en Mo, dans un processus neuf."""
    command = [sys.executable, __file__, "--memoire", name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def print_peak(name: str) -> None:
    """Le processus neuf : écrit, en Mo, ce que le pic dépasse la mémoire d'après les imports."""
    # Un premier réseau, minuscule : ce qu'il charge est encore de l'importation.
    summarize(nn.Sequential(nn.Conv2d(1, 1, 1), nn.Flatten(), nn.Linear(1, 1)), (1, 1, 1))
    import_module(f"reseaux.architectures.{reseaux.NETWORKS[name].factory.split('.')[0]}")
    Path("/proc/self/clear_refs").write_text("5")  # Linux : le pic repart de la valeur présente
    before = memory("VmRSS")
    summarize(reseaux.build(name, device="meta"), reseaux.NETWORKS[name].input_size)
    print((memory("VmHWM") - before) * 1024 / 1e6)


def memory(field: str) -> int:
    """Lit la mémoire du processus, en Kio : « VmRSS » (présente) ou « VmHWM » (la plus haute)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1])


def main() -> None:
    """Mesure tous les réseaux et affiche la table."""
    torch.set_num_threads(1)
    rows, ratios = [], {DEFAULT: [], META: [], FLOPS: [], BARE: []}
    for name in reseaux.NETWORKS:
        found = measure(name)
        for rival, values in ratios.items():
            values.append(found[rival] / found[OURS])
        rows.append([name, *found.values(), peak_above_imports(name)])
        print(f"{name} : mesuré", file=sys.stderr, flush=True)
    columns = ["réseau", *found, "mémoire (Mo)"]
    caption = f"Durée d'un résumé (ms), médiane de {REPEATS} ; mémoire au-dessus des imports"
    print(Table(caption, columns, rows, dict.fromkeys(columns[1:], 1)))
    print("\nMoyenne géométrique des rapports à summarize :")
    for rival, values in ratios.items():
        low, high = decimal(min(values), 2), decimal(max(values), 2)
        print(f"  {rival:18} {decimal(geometric_mean(values), 2):>7}  (de {low} à {high})")
    print("Buts : torchinfo ≥ 10 ; torchinfo (meta) ≥ 5 ; calcul nu ≥ 0,5 ; mémoire ≤ 30 Mo.")


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--memoire":
        print_peak(sys.argv[2])
    else:
        main()
