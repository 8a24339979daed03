"""La feuille unique garde tout ce qui sert, et rien qu'une page n'emploie."""

import pytest

from livre.stylesheet import reduce_styles

KEPT = [
    (".a{color:red}", ".a{color:red}"),
    (".a .b, p{color:red}", "p{color:red}"),
    ("#x,.a:not(.b)>i::before{top:0}", ".a:not(.b)>i::before{top:0}"),
    ("[class*=col-] .a:hover{top:0}", "[class*=col-] .a:hover{top:0}"),
    (".b{color:red}", ""),
    ("@media print{.a{top:0}.b{top:0}}", "@media print{.a{top:0}}"),
    ("@media print{.b{top:0}}", ""),
    ("@media print{@supports (top:0){.a{top:0}}}", "@media print{@supports (top:0){.a{top:0}}}"),
    ("@keyframes tourne{to{top:0}}", "@keyframes tourne{to{top:0}}"),
    ('@charset "utf-8";/* note */.a{top:0}', ".a{top:0}"),
    (".a{margin:calc(1px + 2px) /* x */ auto}", ".a{margin:calc(1px + 2px) auto}"),
    (".w-1\\.5{top:0}", ""),
]


@pytest.mark.parametrize(("given", "expected"), KEPT)
def test_what_no_page_names_goes(given, expected):
    assert reduce_styles([("livre.css", given)], {"a"}) == expected + "\n"


def test_sheets_stay_in_order_and_their_addresses_hold():
    text = (
        '.a{background:url(../i/x.png)}.a{src:url("y.woff2")}.a{src:url(data:image/png;base64,A)}'
    )
    reduced = reduce_styles([("styles/un.css", text), ("deux.css", ".a{top:0}")], {"a"})
    assert reduced.index("top:0") > reduced.index("data:")
    assert 'url("i/x.png")' in reduced
    assert 'url("styles/y.woff2")' in reduced
    assert "url(data:image/png;base64,A)" in reduced


def test_licences_stay_each_once():
    text = "/*! Licence\n * MIT */.b{top:0}/* note */.a{top:0}"
    reduced = reduce_styles([("un.css", text), ("deux.css", text)], {"a"})
    assert reduced == "/*! Licence\n * MIT */\n.a{top:0}\n.a{top:0}\n"
