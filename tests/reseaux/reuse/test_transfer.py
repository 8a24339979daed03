"""Caractéristiques, sonde et réglage fin, contre timm, scikit-learn et la définition."""

import numpy as np
import pytest
import torch
from torch import nn

from reseaux import data
from reseaux.errors import ReseauxError
from reseaux.reuse import training, transfer, weights


@pytest.fixture(scope="module")
def net() -> weights.Pretrained:
    return weights.load()


@pytest.fixture(scope="module")
def few() -> data.LabeledImages:
    return data.digits().sample(2, seed=0)[0]


def test_stages_are_the_whole_network(net: weights.Pretrained) -> None:
    names = transfer.depth_names(net)
    assert len(names) == 9
    assert (names[0], names[-1]) == ("entrée", "fin")
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        y = x
        for _, part in transfer.stages(net.model):
            y = part(y)
        torch.testing.assert_close(y, net.model.forward_features(x))  # type: ignore[operator]


def test_last_features_feed_the_classifier(net: weights.Pretrained) -> None:
    """Oracle : le classifieur de timm appliqué aux caractéristiques rend les scores de timm."""
    x = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    last = torch.from_numpy(transfer.features(net, x))
    with torch.inference_mode():
        torch.testing.assert_close(
            net.model.classifier(last),  # type: ignore[operator]
            net.model(x),
            rtol=1e-4,
            atol=1e-4,
        )


def test_feature_sizes(net: weights.Pretrained) -> None:
    x = torch.zeros(1, 3, 32, 32)
    sizes = [transfer.features(net, x, d).shape[1] for d in range(9)]
    assert sizes == [32, 16, 24, 40, 80, 112, 192, 320, 1280]  # table 1 de Tan & Le 2019


def test_features_are_computed_once_and_follow_the_weights(
    net: weights.Pretrained, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    real = transfer.extract_features
    monkeypatch.setattr(transfer, "extract_features", lambda *a: (calls.append(1), real(*a))[1])
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    first = transfer.features(net, x, 3)
    assert transfer.features(net, x.clone(), 3) is first
    transfer.features(net, x, 8)
    assert len(calls) == 1
    bias = net.model.bn1.bias
    with torch.no_grad():
        bias += 1  # type: ignore[operator]
        changed = transfer.features(net, x, 3)
        bias -= 1  # type: ignore[operator]
    assert len(calls) == 2
    assert not np.allclose(first, changed)


def test_batches_do_not_change_features(net: weights.Pretrained) -> None:
    x = torch.randn(5, 3, 32, 32, generator=torch.Generator().manual_seed(3))
    one, many = (
        transfer.extract_features(net.model, x, 1),
        transfer.extract_features(net.model, x, 5),
    )
    for a, b in zip(one, many, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_prepare_repeats_grey_and_scales() -> None:
    images = np.zeros((2, 8, 8), np.float32)
    images[1] = 1
    out = transfer.prepare(images, 24)
    assert out.shape == (2, 3, 24, 24)
    assert torch.equal(out[0], torch.full((3, 24, 24), -1.0))
    torch.testing.assert_close(out[1], torch.ones(3, 24, 24))
    color = np.random.default_rng(0).random((1, 6, 6, 3)).astype(np.float32)
    kept = transfer.prepare(color, 6)
    np.testing.assert_allclose(kept[0].permute(1, 2, 0).numpy(), 2 * color[0] - 1, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "value", "message"),
    [
        ((2, 8), 0, "forme"),
        ((2, 8, 8, 4), 0, "forme"),
        ((0, 8, 8), 0, "forme"),
        ((1, 8, 8), 255, "divisez"),
    ],
)
def test_prepare_refuses(shape: tuple[int, ...], value: float, message: str) -> None:
    with pytest.raises(ReseauxError, match=message):
        transfer.prepare(np.full(shape, value, np.float32))


@pytest.mark.parametrize("depth", [9, -10])
def test_unknown_depth(net: weights.Pretrained, depth: int) -> None:
    with pytest.raises(ReseauxError, match="entre 0 et 8"):
        transfer.features(net, torch.zeros(1, 3, 32, 32), depth)


def test_other_networks_are_refused() -> None:
    with pytest.raises(ReseauxError, match="« Linear » n'a pas d'attribut « conv_stem »"):
        transfer.stages(nn.Linear(2, 2))


def test_probe_does_not_depend_on_the_scale_of_a_feature() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 5)).astype(np.float32)
    y = (x[:, 0] + 0.3 * rng.normal(size=60) > 0).astype(np.int64)
    scaled = x * np.array([1000, 1, 1, 1, 1], np.float32)
    assert np.array_equal(
        transfer.linear_probe(x, y).predict(x), transfer.linear_probe(scaled, y).predict(scaled)
    )
    assert transfer.linear_probe(x, y).score(x, y) > 0.85
    with pytest.raises(ReseauxError, match="au moins deux"):
        transfer.linear_probe(x, np.zeros(60, np.int64))


def test_wide_probe_is_plain_logistic_regression() -> None:
    """Oracle : la régression logistique de scikit-learn, sans le changement d'axes."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 200)), np.repeat([0, 1, 2], 10)
    x[:, 0] += y
    held = rng.normal(size=(50, 200))
    scaler = StandardScaler().fit(x)
    plain = LogisticRegression(max_iter=1000, tol=1e-6).fit(scaler.transform(x), y)
    ours = transfer.linear_probe(x, y).predict_proba(held)
    np.testing.assert_allclose(ours, plain.predict_proba(scaler.transform(held)), atol=5e-3)


def test_middle_of_the_network_wins_far_from_imagenet(net: weights.Pretrained) -> None:
    train, test = data.digits().sample(20, seed=0)
    test, _ = test.sample(20, seed=0)
    x, z = transfer.prepare(train), transfer.prepare(test)
    scores = [
        transfer.linear_probe(transfer.features(net, x, d), train.labels).score(
            transfer.features(net, z, d), test.labels
        )
        for d in (0, 5, 8)
    ]
    assert scores[1] > scores[0] + 0.1
    assert scores[1] > scores[2] + 0.04


@pytest.mark.parametrize("first", [0, 5, 9])
def test_fine_tune_moves_only_what_is_thawed(
    net: weights.Pretrained, few: data.LabeledImages, first: int
) -> None:
    x, y = transfer.prepare(few, 32), torch.from_numpy(few.labels)
    before = {k: v.clone() for k, v in net.model.state_dict().items()}
    tuned = transfer.fine_tune(net, x, y, 10, first_trained=first, epochs=1)
    assert all(torch.equal(before[k], v) for k, v in net.model.state_dict().items())
    pairs = zip(transfer.stages(net.model), transfer.stages(tuned), strict=True)
    for k, ((_, old), (_, new)) in enumerate(pairs):
        states = zip(old.state_dict().values(), new.state_dict().values(), strict=True)
        # Poids ET statistiques de normalisation : un étage gelé ne bouge pas du tout.
        assert all(torch.equal(a, b) for a, b in states) == (k < first)
    assert tuned.classifier.out_features == 10  # type: ignore[union-attr]
    assert not tuned.training


def test_fine_tune_is_reproducible_and_learns(
    net: weights.Pretrained, few: data.LabeledImages
) -> None:
    x, y = transfer.prepare(few, 32), torch.from_numpy(few.labels)
    state = torch.get_rng_state()
    a, b = (
        transfer.fine_tune(net, x, y, 10, first_trained=7, epochs=12, batch_size=10)
        for _ in range(2)
    )
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    assert torch.equal(state, torch.get_rng_state())  # le hasard de l'appelant est intact
    assert training.accuracy(a, x, y) > 0.5


def test_fine_tune_refuses(net: weights.Pretrained) -> None:
    x, y = torch.zeros(2, 3, 32, 32), torch.tensor([0, 1])
    with pytest.raises(ReseauxError, match="« first_trained » vaut 10"):
        transfer.fine_tune(net, x, y, 2, first_trained=10)
    with pytest.raises(ReseauxError, match="numérotées à partir de 0"):
        transfer.fine_tune(net, x, y + 1, 2)


def test_training_loop_matches_plain_gradient_descent() -> None:
    """Oracle : la régression logistique, dont le gradient s'écrit à la main."""
    rng = torch.Generator().manual_seed(0)
    x, y = torch.randn(12, 4, generator=rng), torch.randint(0, 3, (12,), generator=rng)
    model = nn.Linear(4, 3, bias=False)
    nn.init.zeros_(model.weight)
    training.train(
        model, x, y, optimizer=torch.optim.SGD(model.parameters(), lr=0.5), epochs=3, batch_size=12
    )
    w = torch.zeros(3, 4)
    for _ in range(3):
        w -= 0.5 * ((x @ w.T).softmax(1) - nn.functional.one_hot(y, 3)).T @ x / 12
    torch.testing.assert_close(model.weight.detach(), w)


def test_training_loop_refuses_and_reports() -> None:
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e30)
    x, y = torch.randn(4, 2) * 1e10, torch.tensor([0, 1, 0, 1])
    with pytest.raises(ReseauxError, match="autant"):
        training.train(model, x, y[:3], optimizer=optimizer, epochs=1)
    with pytest.raises(ReseauxError, match="Diminuez le pas"):
        training.train(model, x, y, optimizer=optimizer, epochs=5, batch_size=2)
