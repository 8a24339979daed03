"""Les images du site : en WebP, fidèles, dimensionnées, et chargées quand on s'en approche."""

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import skimage.data
from PIL import Image

from livre.pictures import convert, lighten

LINES = np.zeros((40, 60, 4), np.uint8)
LINES[10:20] = (0, 114, 178, 255)


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "image.png"
    Image.fromarray(LINES).save(path)
    return path


def test_a_plot_stays_the_same_to_the_pixel(picture, tmp_path):
    target = tmp_path / "nouveau" / "image.webp"
    assert convert(picture, target) == (60, 40, False)
    with Image.open(target) as image:
        assert image.format == "WEBP"
        assert np.array_equal(np.asarray(image.convert("RGBA")), LINES)


def test_a_photograph_is_close_and_smaller(tmp_path):
    photo = skimage.data.chelsea()
    Image.fromarray(photo).save(tmp_path / "photo.png")
    convert(tmp_path / "photo.png", tmp_path / "photo.webp")
    with Image.open(tmp_path / "photo.webp") as image:
        gap = np.asarray(image.convert("RGB"), float) - photo
    assert 0 < np.abs(gap).mean() < 3
    heavy, light = ((tmp_path / f"photo.{kind}").stat().st_size for kind in ("png", "webp"))
    assert light < heavy / 4


def test_a_plot_is_mostly_white_and_has_few_colours(tmp_path):
    path = tmp_path / "image.png"
    for share, plot in ((0.65, False), (0.75, True)):
        lines = np.full((100, 60, 3), 255, np.uint8)
        lines[: round(100 * (1 - share))] = 90
        Image.fromarray(lines).save(path)
        assert convert(path, tmp_path / f"{share}.webp").plot is plot
    lines[:20, :50] = skimage.data.astronaut()[100:120, 100:150]
    Image.fromarray(np.tile(lines, (8, 8, 1))).save(path)
    assert convert(path, tmp_path / "quelques.webp").plot
    lines = np.full((600, 600, 3), 255, np.uint8)
    lines[:150] = skimage.data.astronaut()[:150, :].repeat(2, 1)[:, :600]
    Image.fromarray(lines).save(path)
    assert not convert(path, tmp_path / "photo.webp").plot


def test_an_older_copy_is_replaced_and_a_recent_one_kept(picture, tmp_path):
    target = tmp_path / "image.webp"
    target.write_bytes(b"ancien")
    os.utime(target, (1, 1))
    convert(picture, target)
    assert target.read_bytes()[:4] == b"RIFF"
    target.write_bytes(b"recent")
    convert(picture, target)
    assert target.read_bytes() == b"recent"


def test_a_page_says_the_size_of_each_picture(picture, tmp_path):
    env = SimpleNamespace(images={str(picture): ({"page"}, "image.png")})
    builder = SimpleNamespace(name="html", images={str(picture): "image.png"})
    app = SimpleNamespace(env=env, builder=builder, outdir=tmp_path, srcdir=tmp_path)
    link = '<a href="../_images/image.png"><img alt="x" src="../_images/image.png" /></a>'
    context = {"body": link}
    lighten(app, "page", "page.html", context, None)
    webp = "../_images/image.webp"
    assert context["body"] == (
        f'<a href="{webp}"><img alt="x" src="{webp}" width="60" height="40" /></a>'
    )
    assert builder.images == {}


def test_every_picture_of_a_page_is_converted(pages, application):
    found = [img for page in pages.values() for img in page.select("img[src*=_images]")]
    rasters = [img for img in found if not img["src"].endswith(".svg")]
    assert rasters
    for img in rasters:
        assert img["src"].endswith(".webp")
        assert int(img["width"]) > 0 < int(img["height"])
    assert not list(Path(application.outdir, "_images").glob("*.png"))
    for page in pages.values():
        for img in page.select("article img[src$='.webp']"):
            assert (img.get("loading") == "lazy") == (img.find_previous("h2") is not None)
