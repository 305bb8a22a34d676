"""Numbers for the chain of vertebrae, how sure they are, and what makes them doubtful."""

from __future__ import annotations

from dataclasses import dataclass, field

from spinemr.imaging.anatomy import MOBILE_VERTEBRAE, Anatomy, disc_below, name_of
from spinemr.imaging.errors import InputError
from spinemr.segmentation.instances.chain import LUMBOSACRAL_LEAN_DEG, Ending, LowerEnd
from spinemr.segmentation.instances.discs import Disc
from spinemr.segmentation.instances.vertebrae import Chain

RUDIMENT_HEIGHT = 0.55
RUDIMENT_DEPTH = 0.86
"""A lumbosacral disc both lower and less deep than these shares of its upper neighbour suggests a transitional vertebra."""
FULL_DISC_HEIGHT = 0.5
FULL_DISC_DEPTH = 0.75
"""A disc inside the sacrum larger than these shares of the one above suggests the same."""

NOTES = (
    "Levels are counted upward from the lumbosacral disc; without the whole spine in view they could be shifted by one level.",
    "T12 and L1 are told apart by counting only: ribs are not looked at.",
)


@dataclass
class Doubts:
    """What speaks against the numbers: a factor on the confidence and a sentence each."""

    confidence: float = 1.0
    flags: list[str] = field(default_factory=list)

    def add(self, factor: float, sentence: str) -> None:
        """Note a doubt."""
        self.confidence *= factor
        self.flags.append(sentence)


def numbers_of(chain: Chain, shift: int) -> list[Anatomy]:
    """The vertebrae's names from head to foot: the last is L5, or by ``shift`` further down (+1: L6) or up (-1: L4)."""
    lowest = int(Anatomy.L5) + shift
    numbers = [lowest - place for place in reversed(range(len(chain.vertebrae)))]
    if not numbers or numbers[0] < Anatomy.C1 or numbers[-1] > Anatomy.L6 or Anatomy(numbers[-1]) not in MOBILE_VERTEBRAE:
        raise InputError(
            f"A shift of {shift:+d} leaves no names for {len(chain.vertebrae)} vertebrae.",
            "The lowest vertebra is L5; a shift of +1 makes it L6, -1 makes it L4.",
        )
    return [Anatomy(number) for number in numbers]


def judge(
    chain: Chain, ending: Ending, discs: list[Disc], numbers: list[Anatomy], view_below_mm: float, upside_down: bool
) -> Doubts:
    """The confidence of the count and the sentences that explain it."""
    doubts = Doubts(0.95)
    _judge_ending(doubts, ending, discs, view_below_mm)
    _judge_gaps(doubts, chain, numbers)
    _judge_transition(doubts, ending, discs)
    if len(chain.vertebrae) < 4:
        doubts.add(0.8, f"Only {len(chain.vertebrae)} vertebrae are in view.")
    if upside_down:
        doubts.add(0.1, "The sacrum lies at the head end: the image seems to be upside down, and the levels cannot be trusted.")
    return doubts


def judge_conus(doubts: Doubts, level: Anatomy | None) -> None:
    """Note a cord that ends unusually low or high (usual: middle of T12 to top of L3)."""
    if level is None:
        return
    if level >= Anatomy.L3:
        doubts.add(
            0.8,
            f"The cord ends at {level.name}, lower than usual: a sixth lumbar vertebra, or a shift by one level, is possible.",
        )
    elif level <= Anatomy.T11:
        doubts.add(0.8, f"The cord ends at {level.name}, higher than usual: the levels may be shifted by one.")


def _judge_ending(doubts: Doubts, ending: Ending, discs: list[Disc], view_below_mm: float) -> None:
    if ending.kind is LowerEnd.VERTEBRA:
        doubts.add(0.3, "Neither the sacrum nor a lumbosacral disc is in view: the lowest vertebra was taken for L5.")
    elif ending.kind is LowerEnd.DISC:
        sure = discs[-1].plane.lean_deg > LUMBOSACRAL_LEAN_DEG
        doubts.add(0.8 if sure else 0.6, "The sacrum was not recognised: the lowest disc was taken for L5-S1.")
        if view_below_mm < 12.0:
            doubts.add(0.5, "The view ends right below the lowest disc: it need not be L5-S1.")
    if ending.renamed:
        doubts.add(0.7, "Bone below the lumbosacral disc was recognised as a vertebra and is counted as sacrum.")
    if ending.extra_vertebra:
        doubts.add(0.6, "No disc was seen between the lowest vertebra and the sacrum.")


def _judge_gaps(doubts: Doubts, chain: Chain, numbers: list[Anatomy]) -> None:
    for place, (vertebra, number) in enumerate(zip(chain.vertebrae, numbers, strict=True)):
        if vertebra.members.size == 0 and place > 0:
            doubts.add(0.85, f"The body of {number.name} was not seen; it counts because its place is empty.")
        if vertebra.disc_below is None and place < len(numbers) - 1:
            doubts.add(0.85, f"The {name_of(disc_below(number))} was not seen (fused, or hidden by metal?); the level counts.")


def _judge_transition(doubts: Doubts, ending: Ending, discs: list[Disc]) -> None:
    mobile = discs[: ending.interval]
    if ending.kind is LowerEnd.VERTEBRA or ending.extra_vertebra or len(mobile) < 2:
        return
    above, last = mobile[-2:]
    if last.height_mm < RUDIMENT_HEIGHT * above.height_mm and last.depth_mm < RUDIMENT_DEPTH * above.depth_mm:
        doubts.add(0.6, "The lumbosacral disc is a remnant: a transitional vertebra (sacralised L5) is possible.")
    for inner in discs[ending.interval :]:
        if inner.height_mm > FULL_DISC_HEIGHT * last.height_mm and inner.depth_mm > FULL_DISC_DEPTH * last.depth_mm:
            doubts.add(0.6, "A well-formed disc lies below the one counted as L5-S1: a lumbarised S1 (L6) is possible.")
            break
