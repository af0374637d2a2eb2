"""Exits on networks that nobody has seen: a ResNet, a ViT, and Hugging Face's encoders."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import (
    AlbertConfig,
    AlbertForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    DebertaV2Config,
    DebertaV2ForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    ElectraConfig,
    ElectraForSequenceClassification,
    MPNetConfig,
    MPNetForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from banditsplit_envs import ExitNetwork, HiddenState, SplitCost, SplitLayer, attach_exits

CLASSES = 3


class BasicBlock(nn.Module):
    """As torchvision writes it."""

    def __init__(self, inplanes: int, planes: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample: nn.Module | None = None
        if stride != 1 or inplanes != planes:
            self.downsample = nn.Sequential(
                nn.Conv2d(inplanes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes)
            )

    def forward(self, x: Tensor) -> Any:
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += identity
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(BasicBlock(4, 4), BasicBlock(4, 4))
        self.layer2 = nn.Sequential(BasicBlock(4, 6, 2), BasicBlock(6, 6))
        self.layer3 = nn.Sequential(BasicBlock(6, 8, 2), BasicBlock(8, 8))
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Any:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class ViT(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, 4)
        self.cls_token = nn.Parameter(torch.randn(1, 1, 8))
        self.pos_embed = nn.Parameter(torch.randn(1, 17, 8))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(8, 2, 16, 0.1, batch_first=True, norm_first=True)
            for _ in range(4)
        )
        self.norm = nn.LayerNorm(8)
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.fc = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Any:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], 1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.fc(self.norm(x)[:, 0] * self.scale)


SMALL: Any = {
    "vocab_size": 40,
    "max_position_embeddings": 20,
    "hidden_size": 16,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "num_labels": CLASSES,
}
SHORT: Any = {
    "vocab_size": 40,
    "max_position_embeddings": 20,
    "dim": 16,
    "hidden_dim": 32,
    "n_layers": 4,
    "n_heads": 2,
    "num_labels": CLASSES,
}


def images(batch: int) -> Tensor:
    return torch.rand(batch, 3, 16, 16, generator=torch.Generator().manual_seed(batch))


def text(batch: int, *, tokens: int = 9) -> dict[str, Tensor]:
    """Return sentences of 2 to ``tokens`` tokens, and padding."""
    draws = torch.Generator().manual_seed(batch)
    ids = torch.randint(3, 40, (batch, tokens), generator=draws)
    lengths = torch.randint(2, tokens + 1, (batch, 1), generator=draws)
    lengths[0] = tokens
    mask = (torch.arange(tokens) < lengths).long()
    return {"input_ids": ids * mask, "attention_mask": mask}


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    """Return a network with weights of its own, batch norms that have seen images, in eval."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = make()
        if any(isinstance(module, nn.BatchNorm2d) for module in network.modules()):
            for _ in range(3):
                network(images(16))
    return network.eval()


KINDS: dict[str, tuple[Callable[[], nn.Module], Any, Callable[[int], Any]]] = {
    "ResNet": (ResNet, ["layer1", "layer2", "layer3"], images),
    "ResNet, every block": (
        ResNet,
        [f"layer{i}.{j}" for i in (1, 2, 3) for j in (0, 1)],
        images,
    ),
    "ViT": (ViT, "blocks", images),
    "BERT": (
        lambda: BertForSequenceClassification(BertConfig(**SMALL)),
        "bert.encoder.layer",
        text,
    ),
    "RoBERTa": (
        lambda: RobertaForSequenceClassification(RobertaConfig(**SMALL)),
        "roberta.encoder.layer",
        text,
    ),
    "ELECTRA": (
        lambda: ElectraForSequenceClassification(ElectraConfig(**SMALL)),
        "electra.encoder.layer",
        text,
    ),
    "MPNet": (
        lambda: MPNetForSequenceClassification(MPNetConfig(**SMALL)),
        "mpnet.encoder.layer",
        text,
    ),
    "DeBERTa": (
        lambda: DebertaV2ForSequenceClassification(DebertaV2Config(**SMALL)),
        "deberta.encoder.layer",
        text,
    ),
    "DistilBERT": (
        lambda: DistilBertForSequenceClassification(DistilBertConfig(**SHORT)),
        "distilbert.transformer.layer",
        text,
    ),
}

every_kind = pytest.mark.parametrize("kind", KINDS)


def attached(kind: str, **how: Any) -> tuple[nn.Module, ExitNetwork, Callable[[int], Any]]:
    make, blocks, inputs = KINDS[kind]
    network = seeded(make)
    return network, attach_exits(network, blocks, inputs(2), **how), inputs


def original(network: nn.Module, x: Any) -> Tensor:
    output = network(**x) if isinstance(x, dict) else network(x)
    logits = getattr(output, "logits", output)
    assert isinstance(logits, Tensor)
    return logits


# ----- Head, exit, tail


@every_kind
@pytest.mark.parametrize("batch", [1, 2, 7])
def test_head_then_tail_is_the_original_network_to_the_last_bit(kind: str, batch: int) -> None:
    """Of a copy that no exit was ever attached to."""
    make, _, inputs = KINDS[kind]
    _, exits, _ = attached(kind)
    x = inputs(batch)
    with torch.inference_mode():
        wanted, whole = original(seeded(make), x), exits(x)
        assert torch.equal(whole[-1], wanted)
        for split in range(exits.exits):
            state = exits.head(x, split)
            assert torch.equal(exits.tail(state, split), wanted)
            assert torch.equal(exits.exit(state, split), whole[split])


@every_kind
def test_the_network_is_shared_and_goes_on_as_before(kind: str) -> None:
    network, exits, inputs = attached(kind)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    x = inputs(4)
    with torch.inference_mode():
        wanted = original(network, x)
        exits(x)
        assert torch.equal(original(network, x), wanted)
    assert exits.network is network
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(0.5)
        assert torch.equal(exits(x)[-1], original(network, x))
        assert not torch.equal(exits(x)[-1], wanted)


def test_a_network_may_have_two_sets_of_exits() -> None:
    network, exits, inputs = attached("BERT")
    other = attach_exits(network, "bert.encoder.layer", at=[0, 3], seed=4)
    x = inputs(3)
    with torch.inference_mode():
        assert torch.equal(other(x)[-1], exits(x)[-1])
        assert torch.equal(other.head(x, 0).hidden, exits.head(x, 0).hidden)


@every_kind
def test_a_copy_has_weights_of_its_own(kind: str) -> None:
    _, exits, inputs = attached(kind)
    x = inputs(3)
    with torch.no_grad():
        wanted, other = exits(x), copy.deepcopy(exits)
        for parameter in other.parameters():
            parameter.mul_(0.5)
        assert torch.equal(exits(x), wanted)
        assert torch.equal(other(x)[-1], original(other.network, x))


@every_kind
def test_saved_and_loaded_it_is_the_same_network(kind: str, tmp_path: Path) -> None:
    make, blocks, inputs = KINDS[kind]
    _, exits, _ = attached(kind, seed=3)
    exits.temperature.fill_(2.0)
    exits.save(tmp_path / "weights")
    other = attach_exits(make().eval(), blocks, inputs(2))
    x = inputs(4)
    with torch.inference_mode():
        assert not torch.equal(other(x), exits(x))
        other.load(tmp_path / "weights")
        assert torch.equal(other(x), exits(x))
    assert torch.equal(other.temperature, exits.temperature)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    attached("BERT")[1].save(tmp_path / "weights")
    with pytest.raises(ValueError, match="must hold an exit network, got another network's"):
        attached("DistilBERT")[1].load(tmp_path / "weights")


@pytest.mark.parametrize("kind", ["BERT", "ViT"])
def test_it_is_played_live(kind: str) -> None:
    """Sentences as well as images; with a threshold of 0 every exit says what it thinks."""
    _, exits, inputs = attached(kind)
    env = SplitLayer(exits, inputs(6), threshold=0.0, cost=SplitCost(evaluates="all"))
    env.reset(seed=0)
    with torch.inference_mode():
        best = exits.probabilities(exits(inputs(6))).max(-1)
    said = best.values.T.numpy()
    for _ in range(6):
        _, reward, _, _, info = env.step(np.int64(3))
        side = info["side_observations"]["reward"]
        assert abs(said - [*side[:3], reward]).max(1).min() < 1e-5


@pytest.mark.parametrize("kind", ["BERT", "RoBERTa", "MPNet", "DeBERTa", "DistilBERT"])
@pytest.mark.parametrize("pool", ["first", "mean"])
def test_padding_changes_no_exit(kind: str, pool: str) -> None:
    """A short sentence alone, and beside long ones: the mask travels with the state."""
    _, exits, _ = attached(kind, pool=pool)
    x = text(5)
    with torch.inference_mode():
        together = exits(x)
        for row, length in enumerate(x["attention_mask"].sum(1)):
            alone = {name: value[row : row + 1, :length] for name, value in x.items()}
            torch.testing.assert_close(exits(alone)[:, 0], together[:, row])


def test_a_state_of_some_samples_is_the_state_of_these_samples() -> None:
    _, exits, _ = attached("BERT", pool="mean")
    x, rows = text(6), torch.tensor([4, 1])
    with torch.inference_mode():
        part = exits.head(x, 1)[rows]
        torch.testing.assert_close(exits.tail(part, 1), exits(x)[-1, rows])
        torch.testing.assert_close(exits.exit(part, 1), exits(x)[1, rows])


def test_as_many_tokens_as_samples_confuse_no_one() -> None:
    """A position bias `[1, tokens, width]`, or without the 1: not one for each sample."""

    class Biased(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bias = nn.Parameter(torch.randn(5, 4))
            self.blocks = nn.ModuleList(AddBias() for _ in range(2))
            self.fc = nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Any:
            bias = self.bias
            for block in self.blocks:
                x = block(x, bias)
            return self.fc(x[:, 0])

    class AddBias(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x: Tensor, bias: Tensor) -> Any:
            return self.layer(x) + bias

    x = torch.randn(5, 5, 4)
    exits = attach_exits(Biased(), "blocks", x[:2])
    with torch.inference_mode():
        rows = torch.tensor([3, 0])
        part = exits.head(x, 0)[rows]
        torch.testing.assert_close(exits.tail(part, 0), exits(x)[-1, rows])


def test_hidden_states_weigh_what_must_be_sent() -> None:
    _, exits, _ = attached("BERT")
    state = exits.head(text(3), 0)

    assert isinstance(state, HiddenState)
    assert len(state) == 3
    assert state.nbytes == 3 * 9 * 16 * 4 + 3 * 9 * 9  # floats, and a mask of bools
    repeated = HiddenState(torch.zeros(3, 4), (torch.zeros(1, 5).expand(3, 5),))
    assert repeated.nbytes == 3 * 4 * 4 + 5 * 4


# ----- What can be chosen


def test_a_network_without_logits_gets_a_last_exit_of_its_own() -> None:
    network = seeded(lambda: BertModel(BertConfig(**SMALL)))
    exits = attach_exits(network, "encoder.layer", classes=5)

    assert exits.exits == len(exits.classifiers) == 4
    assert exits(text(3)).shape == (4, 3, 5)


def test_a_head_can_be_left_behind() -> None:
    _, exits, inputs = attached("ViT", keep_head=False, classes=7)
    assert len(exits.classifiers) == 4
    assert exits(inputs(2)).shape == (4, 2, 7)


def test_blocks_without_an_exit_belong_to_the_next_split() -> None:
    network, exits, inputs = attached("BERT", at=[1, 3])
    x = inputs(3)
    assert exits.splits == ("bert.encoder.layer.1", "bert.encoder.layer.3")
    with torch.inference_mode():
        hidden = network(**x, output_hidden_states=True).hidden_states
        assert torch.equal(exits.head(x, 0).hidden, hidden[2])
        assert torch.equal(exits.tail(exits.head(x, 0), 0), original(network, x))


def test_an_exit_is_made_of_the_width_that_it_sees() -> None:
    asked = []

    def make(width: int, classes: int) -> nn.Module:
        asked.append((width, classes))
        return nn.Sequential(nn.Linear(width, 5), nn.ReLU(), nn.Linear(5, classes))

    _, exits, inputs = attached("ResNet", exit=make)
    assert asked == [(4, CLASSES), (6, CLASSES)]
    assert exits(inputs(2)).shape == (3, 2, CLASSES)


def test_exits_see_channel_means_of_maps_and_the_first_of_tokens() -> None:
    _, maps, inputs = attached("ResNet")
    state = maps.head(inputs(2), 1)
    assert torch.equal(maps.exit(state, 1), maps.classifiers[1](state.hidden.mean((2, 3))))
    _, tokens, inputs = attached("ViT")
    state = tokens.head(inputs(2), 1)
    assert torch.equal(tokens.exit(state, 1), tokens.classifiers[1](state.hidden[:, 0]))


def test_a_pool_may_be_a_function() -> None:
    _, exits, inputs = attached("ViT", pool=lambda state: state.hidden.amax(1))
    state = exits.head(inputs(2), 0)
    assert torch.equal(exits.exit(state, 0), exits.classifiers[0](state.hidden.amax(1)))


def test_a_seed_gives_its_exits_and_leaves_torch_alone() -> None:
    torch_state = torch.get_rng_state()
    x = images(2)
    one, again, other = (attached("ResNet", seed=seed)[1](x) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert torch.equal(one, again)
    assert torch.equal(one[-1], other[-1])
    assert not torch.equal(one[0], other[0])


# ----- Early answers


@every_kind
def test_answers_are_those_of_hindsight_and_the_rest_goes_on_alone(kind: str) -> None:
    """Which exit, which class, how sure; and every block runs on who is left, no more."""
    network, exits, inputs = attached(kind)
    exits.temperature.fill_(0.05)
    x = inputs(16)
    with torch.inference_mode():
        best = exits.probabilities(exits(x)).max(-1)
    confidence, prediction = best.values.numpy(), best.indices.numpy()
    threshold = np.median(confidence, axis=1)  # half of the samples at every exit
    sure = confidence >= threshold[:, None]
    sure[-1] = True
    first = sure.argmax(0)

    ran: dict[str, int] = {}
    for name in exits.splits:
        network.get_submodule(name).register_forward_pre_hook(
            lambda _, args, name=name: ran.__setitem__(name, len(args[0]))
        )
    answers = exits.answer(x, threshold=threshold.tolist())

    np.testing.assert_array_equal(answers.exit, first)
    np.testing.assert_array_equal(answers.prediction, prediction[first, np.arange(16)])
    np.testing.assert_allclose(answers.confidence, confidence[first, np.arange(16)], rtol=1e-4)
    left = [int((first >= split).sum()) for split in range(exits.exits)]
    assert list(ran.values()) == [n for n in left if n]
    assert len(set(first)) > 1


def test_nobody_leaves_or_everybody() -> None:
    _, exits, inputs = attached("ViT")
    assert set(exits.answer(inputs(5), threshold=1.0).exit) == {3}
    assert set(exits.answer(inputs(5), threshold=0.0).exit) == {0}
    assert set(exits.answer(inputs(5), threshold=[1.0, 1.0, 0.0, 1.0]).exit) == {2}


@pytest.mark.parametrize("threshold", [-0.1, 1.5, float("nan"), [0.5] * 3, [[0.5] * 4]])
def test_a_threshold_outside_its_range_is_refused(threshold: Any) -> None:
    _, exits, inputs = attached("ViT")
    with pytest.raises((ValueError, TypeError), match="`threshold` must"):
        exits.answer(inputs(2), threshold=threshold)


# ----- What is no chain


class Chain(nn.Module):
    """Three blocks and a head, run as ``how`` says."""

    def __init__(self, how: Callable[["Chain", Tensor], Any]) -> None:
        super().__init__()
        self.how = how
        self.blocks = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))
        self.fc = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Any:
        return self.how(self, x)


def plain(self: Chain, x: Tensor) -> Any:
    return self.fc(plain_blocks(self, x))


def between(self: Chain, x: Tensor) -> Any:
    a, b, c = self.blocks
    return self.fc(c(b(torch.relu(a(x)))))


def in_place(self: Chain, x: Tensor) -> Any:
    a, b, c = self.blocks
    return self.fc(c(b(a(x).relu_())))


def twice(self: Chain, x: Tensor) -> Any:
    a, b, c = self.blocks
    return self.fc(c(b(b(a(x)))))


def never(self: Chain, x: Tensor) -> Any:
    a, b, _ = self.blocks
    return self.fc(b(a(x)))


def backwards(self: Chain, x: Tensor) -> Any:
    a, b, c = self.blocks
    return self.fc(a(b(c(x))))


def around(self: Chain, x: Tensor) -> Any:
    return self.fc(plain_blocks(self, x) + x)


def plain_blocks(self: Chain, x: Tensor) -> Any:
    for block in self.blocks:
        x = block(x)
    return x


def batch_size_in_the_head(self: Chain, x: Tensor) -> Any:
    batch = len(x)
    return self.fc(plain_blocks(self, x).reshape(batch, 4))


def depends_on_values(self: Chain, x: Tensor) -> Any:
    x = plain_blocks(self, x)
    return self.fc(x if x.sum() > 0 else -x)


@pytest.mark.parametrize(
    ("how", "why"),
    [
        (between, r"chain of its blocks, but something else is done between 'blocks.0' and"),
        (in_place, "chain of its blocks, but"),
        (twice, "but block 'blocks.1' is called 2 times"),
        (never, "but block 'blocks.2' is called 0 times"),
        (backwards, "but the blocks are called in the order"),
        (around, "but what follows the blocks uses more than their output"),
        (batch_size_in_the_head, "chain of its blocks, but"),
        (
            depends_on_values,
            "`network` must be such that what follows its blocks can be traced",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_no_chain_is_refused_and_left_as_it_was(
    how: Callable[[Chain, Tensor], Any], why: str
) -> None:
    network = Chain(how).train()
    with pytest.raises(ValueError, match=why):
        attach_exits(network, "blocks", torch.randn(3, 4))
    assert network.training
    assert not any(module._forward_hooks for module in network.modules())
    assert not any(module._forward_pre_hooks for module in network.modules())


def test_a_plain_chain_is_not_refused() -> None:
    assert attach_exits(Chain(plain), "blocks", torch.randn(3, 4)).exits == 3


def test_layers_that_share_their_weights_are_no_blocks() -> None:
    network = AlbertForSequenceClassification(AlbertConfig(**SMALL, embedding_size=8))
    with pytest.raises(ValueError, match="is called 4 times, not once"):
        attach_exits(network, "albert.encoder.albert_layer_groups")


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        (
            {"blocks": "encoder"},
            ValueError,
            r"got 'encoder'. Of several parts are: 'layer1' \(2",
        ),
        (
            {"blocks": ["layer1", "layer9"]},
            ValueError,
            "`blocks` must name submodules .* 'layer9'",
        ),
        ({"blocks": ["layer1", 3]}, ValueError, "`blocks` must name submodules .* got 3"),
        ({"blocks": None}, TypeError, "`blocks` must be one name or several, got NoneType"),
        ({"blocks": []}, ValueError, "name at least one block"),
        ({"blocks": ["layer1", "layer1"]}, ValueError, "and none twice"),
        ({"blocks": "relu"}, ValueError, "`blocks` must name a module with parts, got 'relu'"),
        ({"blocks": ["layer1", "layer1.0"]}, ValueError, "chain of its blocks, but"),
        ({"at": [0, 3]}, ValueError, r"`at` must be an integer in 0 \.\. 2, got 3"),
        ({"at": [0, 1]}, ValueError, "`at` must grow and end with the last block, 2, got"),
        ({"at": [1, 0, 2]}, ValueError, "`at` must grow"),
        ({"at": []}, ValueError, "`at` must grow"),
        ({"at": [0.0, 2]}, TypeError, "`at` must be an integer"),
        ({"classes": 1}, ValueError, "`classes` must be an integer of at least 2"),
        ({"classes": 4}, ValueError, "`classes` must be the 3 of the network's head"),
        (
            {"keep_head": False},
            ValueError,
            "`classes` must be given where the last exit is new",
        ),
        ({"pool": "max"}, ValueError, "`pool` must be one of mean, first"),
        ({"pool": "first"}, ValueError, "`pool` must be 'mean' or a function"),
        (
            {"pool": lambda state: state.hidden},
            ValueError,
            r"`pool` must return \[batch, width\]",
        ),
        (
            {"exit": lambda width, classes: nn.Linear(width, classes + (width > 4))},
            ValueError,
            "`exit` must give logits of the same 3 classes .* at exit 1",
        ),
        ({"example": None}, ValueError, "`example` must be what the network is called with"),
        ({"example": torch.zeros(0, 3, 16, 16)}, ValueError, "`example` must be a tensor"),
        ({"example": images(2) * torch.nan}, ValueError, "finite logits for the example"),
        ({"seed": "today"}, TypeError, "`seed` must be"),
        ({"network": None}, TypeError, "`network` must be of type Module"),
    ],
)
def test_exits_that_cannot_be_attached_are_refused(
    how: dict[str, Any], error: type[Exception], message: str
) -> None:
    arguments: dict[str, Any] = {
        "network": seeded(ResNet),
        "blocks": ["layer1", "layer2", "layer3"],
        "example": images(2),
    }
    with pytest.raises(error, match=message):
        attach_exits(**(arguments | how))


# ----- What cannot be run


def changed(**changes: Any) -> dict[str, Any]:
    return {name: v for name, v in (text(2) | changes).items() if v is not None}


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        (
            text(2, tokens=21),
            ValueError,
            r"`inputs\['input_ids'\]` must have at most 20 tokens",
        ),
        (
            changed(input_ids=torch.full((2, 9), 40)),
            ValueError,
            r"must lie in 0 \.\. 39, got 40",
        ),
        (changed(input_ids=torch.full((2, 9), -1)), ValueError, r"must lie in 0 \.\. 39"),
        (changed(input_ids=torch.rand(2, 9)), TypeError, "must hold integers, got torch.float"),
        (changed(input_ids=torch.ones(9, dtype=torch.int64)), ValueError, "as many samples"),
        (changed(input_ids=torch.ones(2, 9, 1).long()), ValueError, "must have shape"),
        (changed(attention_mask=None), ValueError, r"missing: \['attention_mask'\]"),
        (changed(attention_mask=torch.ones(3, 9).long()), ValueError, "as many samples each"),
        (changed(words=torch.ones(2, 9)), ValueError, "arguments of the network, got .'words'"),
        (
            {name: v[:0] for name, v in text(2).items()},
            ValueError,
            "not empty, got int64 of sha",
        ),
        (text(2)["input_ids"], ValueError, "must be tensors by name"),
        ({}, ValueError, "must hold at least one tensor"),
    ],
)
def test_a_tokenised_batch_that_does_not_fit_is_refused(
    inputs: Any, error: type[Exception], message: str
) -> None:
    _, exits, _ = attached("BERT")
    with pytest.raises(error, match=message):
        exits.as_inputs(inputs)
    with pytest.raises(error, match=message):
        exits.answer(inputs, threshold=0.5)


def test_positions_that_roberta_wastes_do_not_count() -> None:
    _, exits, _ = attached("RoBERTa")
    with pytest.raises(ValueError, match="at most 18 tokens a sample, got 19"):
        exits.as_inputs(text(2, tokens=19))
    exits(text(2, tokens=18))


def test_types_of_tokens_may_come_along() -> None:
    _, exits, _ = attached("BERT")
    with torch.inference_mode():
        without, types = exits(text(3)), torch.zeros(3, 9, dtype=torch.int64)
        assert torch.equal(exits(text(3) | {"token_type_ids": types}), without)
    with pytest.raises(ValueError, match=r"`inputs\['token_type_ids'\]` must lie in 0 \.\. 1"):
        exits.as_inputs(text(3) | {"token_type_ids": types + 2})


def test_logits_that_are_no_numbers_are_refused() -> None:
    network, exits, inputs = attached("ViT")
    with torch.no_grad():
        next(network.get_submodule("blocks.2").parameters()).fill_(torch.nan)
    with pytest.raises(ValueError, match="`logits` must be finite, got nan or inf at exit 2"):
        exits.answer(inputs(2), threshold=1.0)
    with pytest.raises(ValueError, match="`logits` must be finite"):
        exits.probabilities(exits(inputs(2)))


@pytest.mark.parametrize(
    ("state", "error", "message"),
    [
        (torch.zeros(2, 17, 8), TypeError, "`state` must be a HiddenState, got float32"),
        (
            HiddenState(torch.zeros(2, 17, 7)),
            ValueError,
            "`state` must be one of split 1, with 3",
        ),
        (HiddenState(torch.zeros(2, 8)), ValueError, "`state` must be one of split 1"),
        (HiddenState(torch.zeros(0, 17, 8)), ValueError, "`state` must be one of split 1"),
    ],
)
def test_a_state_of_another_split_is_refused(
    state: Any, error: type[Exception], message: str
) -> None:
    _, exits, _ = attached("ViT")
    for run in (exits.exit, exits.tail):
        with pytest.raises(error, match=message):
            run(state, 1)
