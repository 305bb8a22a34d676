"""Losses on open targets, against values computed by hand; what a source does not label must not teach."""

import math

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed", exc_type=ImportError)

from spinemr.segmentation.classes import ANYTHING, CLASS_COUNT, STRUCTURES, VERTEBRA, NetworkClass  # noqa: E402
from spinemr.segmentation.training.losses import SegmentationLoss, marginal_cross_entropy, soft_overlaps  # noqa: E402

BODY, DISC, BACKGROUND, SACRUM = (NetworkClass[name] for name in ("BODY", "DISC", "BACKGROUND", "SACRUM"))


def pixels(*sets):
    """Targets [1][1][pixel]."""
    return torch.tensor([[list(sets)]], dtype=torch.uint8)


def logits_of(*rows):
    """Logits [1][class][1][pixel] from the probabilities of each pixel, by class."""
    shares = torch.full((len(rows), CLASS_COUNT), 1e-12, dtype=torch.float64)
    for index, row in enumerate(rows):
        for member, share in row.items():
            shares[index, member] = share
    return shares.log().T[None, :, None, :].requires_grad_()


def test_cross_entropy_of_one_class_is_the_usual_one():
    logits = logits_of({BODY: 0.25, BACKGROUND: 0.75}, {DISC: 0.5, BACKGROUND: 0.5})
    found = marginal_cross_entropy(logits, pixels(BODY.bit, DISC.bit))
    assert found.item() == pytest.approx((math.log(4) + math.log(2)) / 2, rel=1e-6)
    target = torch.tensor([[[int(BODY), int(DISC)]]])
    assert found.item() == pytest.approx(torch.nn.functional.cross_entropy(logits, target).item(), rel=1e-6)


def test_cross_entropy_of_a_set_is_that_of_its_total_probability():
    logits = logits_of({BODY: 0.2, NetworkClass.POSTERIOR: 0.3, BACKGROUND: 0.5})
    assert marginal_cross_entropy(logits, pixels(VERTEBRA)).item() == pytest.approx(math.log(2), rel=1e-6)


@pytest.mark.parametrize("loss", [SegmentationLoss(1, 0), SegmentationLoss(0, 1), SegmentationLoss(0, 0, 1), SegmentationLoss()])
def test_pixels_nobody_labelled_have_no_gradient(loss):
    torch.manual_seed(0)
    logits = torch.randn(1, CLASS_COUNT, 1, 3, requires_grad=True)
    loss(logits, pixels(ANYTHING, BODY.bit, BACKGROUND.bit)).backward()
    assert logits.grad[..., 0].abs().max() == 0
    assert logits.grad[..., 1].abs().max() > 0


@pytest.mark.parametrize("loss", [SegmentationLoss(1, 0), SegmentationLoss(0, 1), SegmentationLoss()])
def test_probability_moves_freely_between_classes_a_source_does_not_tell_apart(loss):
    open_background = BACKGROUND.bit | SACRUM.bit
    target = pixels(open_background, VERTEBRA, DISC.bit)
    seen = []
    for share in (0.1, 0.5):
        logits = logits_of(
            {BACKGROUND: 0.7 - share, SACRUM: share, BODY: 0.3},
            {BODY: share, NetworkClass.POSTERIOR: 0.6 - share, DISC: 0.4},
            {DISC: 0.8, BACKGROUND: 0.2},
        )
        seen.append(loss(logits, target).item())
    assert seen[0] == pytest.approx(seen[1], rel=1e-6)


def test_a_source_without_a_class_never_asks_for_less_of_it():
    logits = torch.zeros(1, CLASS_COUNT, 1, 1, requires_grad=True)
    SegmentationLoss(1, 0)(logits, pixels(BACKGROUND.bit | SACRUM.bit)).backward()
    assert logits.grad[0, SACRUM, 0, 0] < 0  # more of it lowers the loss, as more background does
    assert logits.grad[0, SACRUM, 0, 0] == logits.grad[0, BACKGROUND, 0, 0]
    assert logits.grad[0, BODY, 0, 0] > 0


def test_soft_dice_and_iou_by_hand():
    logits = logits_of({DISC: 0.8, BACKGROUND: 0.2}, {DISC: 0.4, BACKGROUND: 0.6}, {DISC: 0.9, BACKGROUND: 0.1})
    dice, iou = soft_overlaps(logits, pixels(DISC.bit, BACKGROUND.bit, ANYTHING))
    assert dice.item() == pytest.approx(2 * 0.8 / (0.8 + 0.4 + 1), rel=1e-6)
    assert iou.item() == pytest.approx(0.8 / (0.8 + 0.4 + 1 - 0.8), rel=1e-6)


def test_a_perfect_prediction_costs_nothing():
    sets = pixels(*[1 << index for index in range(CLASS_COUNT)])
    logits = 60 * torch.eye(CLASS_COUNT)[None, :, None, :]
    assert float(SegmentationLoss(1, 1, 1)(logits, sets)) == pytest.approx(0, abs=1e-5)


def test_nothing_known_is_no_loss_and_no_nan():
    logits = torch.randn(1, CLASS_COUNT, 1, 2, requires_grad=True)
    loss = SegmentationLoss(1, 1, 1)(logits, pixels(ANYTHING, ANYTHING))
    loss.backward()
    assert float(loss.detach()) == 0
    assert logits.grad.abs().max() == 0


def test_every_structure_counts_in_dice():
    sets = pixels(*[1 << index for index in range(CLASS_COUNT)])
    logits = 60 * torch.eye(CLASS_COUNT)[None, :, None, :].clone()
    logits[0, :, 0, DISC] = 60 * torch.eye(CLASS_COUNT)[BACKGROUND]
    dice, _ = soft_overlaps(logits, sets)
    assert dice.item() == pytest.approx(1 - 1 / len(STRUCTURES), abs=1e-4)


def test_other_numbers_of_classes_are_refused():
    with pytest.raises(ValueError, match="classes"):
        marginal_cross_entropy(torch.zeros(1, 3, 1, 1), pixels(1))
