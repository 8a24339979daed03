"""Le document SVG : léger, complet, le même partout."""

import os
import re
import subprocess
import sys

from torch import nn

import reseaux
from drawings import Read, every_network


@every_network
def test_the_drawing_is_light_and_self_contained(name, drawn):
    _, made = drawn(name)
    for svg in (made.svg, made.narrow):
        assert len(svg.encode()) <= 60_000
        assert not re.search(r"(href|src)=|https?://(?!www\.w3\.org/2000/svg)", svg)


def test_the_same_drawing_in_any_process(drawn):
    code = (
        "import reseaux, sys; n = reseaux.NETWORKS['googlenet'];"
        "s = reseaux.summarize(reseaux.build('googlenet', device='meta'), n.input_size,"
        " title=n.title); sys.stdout.buffer.write(reseaux.draw(s).svg.encode())"
    )
    for seed in ("1", "2"):
        made = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        )
        assert made.stdout == drawn("googlenet")[1].svg.encode()


def test_names_are_escaped():
    net = nn.Sequential(nn.Conv2d(1, 2, 3))
    made = reseaux.draw(reseaux.summarize(net, (1, 8, 8), title='<a> & "b"'))
    assert Read(made).texts("titre") == ['<a> & "b"']
    assert "<a>" not in made._repr_html_()
