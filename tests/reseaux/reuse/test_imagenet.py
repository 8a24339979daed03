"""Les noms français des classes d'ILSVRC, comparés à torchvision et à timm."""

import re
from collections import Counter
from importlib import resources

import pytest
from timm.data import ImageNetInfo
from torchvision.models import ResNet18_Weights

from reseaux.reuse.imagenet import categories, categories_fr

HEADER = ["index", "wnid", "english", "french"]
TEXT = (resources.files("reseaux.reuse") / "imagenet_fr.tsv").read_bytes().decode()
LINES = TEXT.split("\n")
ROWS = [line.split("\t") for line in LINES[1:-1]]
FRENCH = [row[-1] for row in ROWS]

# Les noms que le français écrit comme l'anglais, à la casse, aux espaces et aux tirets près.
SAME = """
    abaya; affenpinscher; agaric; ambulance; axolotl; bagel; banjo; basenji; beagle; bikini; bison;
    border collie; border-terrier; bouvier des Flandres; boxer; bulbul; bullmastiff; burrito;
    catamaran; cheeseburger; chihuahua; chiton; coucal; coyote; dhole; dingo; dugong; gazelle;
    geyser; gibbon; golden retriever; gong; guacamole; guillotine; hamster; harmonica; hot-dog;
    iPod; impala; indri; jacamar; jaguar; jean; jeep; junco; kimono; koala; komondor; kuvasz;
    langur; leonberg; limousine; lion; lotion; lynx; macaque; marimba; menu; microphone; minibus;
    missile; modem; ocarina; orange; oscilloscope; parachute; patas; pick-up; pizza; poncho; prison;
    projectile; restaurant; revolver; rottweiler; saint-bernard; sarong; schipperke; scorpion;
    shih tzu; shoji; siamang; ski; sombrero; stupa; sweat-shirt; toucan; trench-coat; tricycle;
    trifle; trilobite; trimaran; trolleybus; trombone; vase; wallaby; whippet; wok; wombat;
    yorkshire-terrier
"""
SAME_NAMES = {" ".join(name.split()) for name in SAME.split(";")}

# Des mots que deux noms anglais au moins emploient, et que le français emploie aussi.
SHARED = """
    alligator blue boa border cardigan cassette collie hound king lion locomotive machine maillot
    panda pot puzzle radio retriever schnauzer setter ski springer staffordshire table terrier toy
    web
"""
SHARED_TOKENS = set(SHARED.split())


def letters(name: str) -> str:
    return re.sub(r"\W", "", name.casefold())


def tokens(name: str) -> set[str]:
    """Les mots d'un nom ; un mot composé (« hot-dog ») n'en fait qu'un."""
    return set(re.findall(r"[\w-]+", name.casefold()))


def test_a_thousand_lines():
    assert LINES[0].split("\t") == HEADER
    assert LINES[-1] == "", "le fichier finit par un retour à la ligne"
    assert "\r" not in TEXT
    assert len(ROWS) == 1000
    assert all(len(row) == len(HEADER) for row in ROWS)


def test_index_is_contiguous():
    assert [row[0] for row in ROWS] == [str(k) for k in range(1000)]


def test_wnid_is_the_one_of_timm():
    assert [row[1] for row in ROWS] == ImageNetInfo("imagenet-1k").label_names()


def test_english_is_the_one_of_torchvision():
    assert [row[2] for row in ROWS] == ResNet18_Weights.IMAGENET1K_V1.meta["categories"]


def test_package_reads_the_same_names():
    assert list(categories_fr()) == FRENCH


def test_french_names_are_unique():
    repeated = [name for name, count in Counter(map(letters, FRENCH)).items() if count > 1]
    assert not repeated


def test_french_names_are_clean():
    for name in FRENCH:
        assert name, "un nom est vide"
        assert name == re.sub(r"\s+", " ", name).strip(), f"espace de trop : « {name} »"
        assert re.fullmatch(r"[A-Za-zàâçèéêëîïôûœ' ()-]+", name), (
            f"caractère inattendu : « {name} »"
        )
        assert name.count("(") == name.count(")") <= 1
        assert "(" not in name or re.fullmatch(r"[^()]+ \([^()]+\)", name)


def test_names_start_in_lower_case():
    proper = {"Ford T"}
    assert [name for name in FRENCH if name[0].isupper() and name not in proper] == []


def test_no_english_name_is_left():
    same = {row[3] for row in ROWS if letters(row[2]) == letters(row[3])}
    assert same - SAME_NAMES == set(), "ces noms sont restés en anglais"
    assert SAME_NAMES - same == set(), "ces exceptions ne servent plus"


def test_no_english_word_is_left():
    counts = Counter(token for row in ROWS for token in tokens(row[2]))
    english = {token for token, count in counts.items() if count > 1}
    left = {token for name in FRENCH for token in tokens(name) & english}
    assert left - SHARED_TOKENS == set(), "ces mots sont restés en anglais"
    assert SHARED_TOKENS - left == set(), "ces exceptions ne servent plus"


@pytest.mark.parametrize(
    ("index", "french"),
    [
        (7, "coq"),
        (97, "canard mâle"),
        (134, "grue (oiseau)"),
        (235, "berger allemand"),
        (264, "welsh corgi cardigan"),
        (474, "cardigan (vêtement)"),
        (517, "grue (engin de levage)"),
        (542, "baguette de tambour"),
        (673, "souris d'ordinateur"),
        (677, "clou"),
        (714, "médiator"),
        (725, "pichet"),
    ],
)
def test_ambiguous_words(index, french):
    # Ce que l'anglais seul ne dit pas : « drake », « crane », « mouse », « nail », « pick »…
    assert FRENCH[index] == french


def test_a_thousand_names_in_order() -> None:
    from timm.data import ImageNetInfo

    assert len(categories()) == len(categories_fr()) == 1000
    # Oracle : les noms que timm livre, dans l'ordre des sorties.
    descriptions = ImageNetInfo().label_descriptions()
    differing = [
        (ours, theirs)
        for ours, theirs in zip(categories(), descriptions, strict=True)
        if ours.lower() not in theirs.lower()
    ]
    assert len(differing) < 10, differing[:12]
