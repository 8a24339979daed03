"""La forme française des entrées et des citations, sur le site."""


def entries(pages) -> list[str]:
    found = pages["a/bib"].select("div.citation p")
    return [entry.get_text().replace("\u00a0", " ") for entry in found]


def test_entries_are_in_the_order_of_authors(pages):
    assert entries(pages) == [
        "Kaiming He, Xiangyu Zhang et Shaoqing Ren. Deep residual learning. "
        "Actes, p. 770–778, 2016. doi:10.1/x",
        "Min Lin. Network in network. arXiv, 2013. arXiv:1312.4400",
        "Mingxing Tan et Quoc V. Le. Eff. Revue, 3(2), 2019. Prix du jury. https://example.org/a",
    ]


def test_links_lead_to_the_publication(pages):
    links = [str(link["href"]) for link in pages["a/bib"].select("div.citation p a.external")]
    assert links == [
        "https://doi.org/10.1/x",
        "https://arxiv.org/abs/1312.4400",
        "https://example.org/a",
    ]


def test_citations(pages):
    text = pages["accueil"].select_one("article section section p").get_text()
    assert text == "Voir Page un, (He et al., 2016\u00a0; Tan et Le, 2019) et Lin (2013)."
