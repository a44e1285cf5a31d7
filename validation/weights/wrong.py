"""A weight that is further off than rounding explains, as it stands in the result."""

from __future__ import annotations

from dataclasses import dataclass

LIMIT = 3.0
"""Times the root mean square error of rounding that a channel may be off. Numbers that are rounded up or down
at will stay below it: were all of them rounded the wrong way, the error would be sqrt(7) = 2.65 times as
great. Correct exports of 37 networks came to 1.6 at most."""


@dataclass(frozen=True, slots=True)
class WrongWeight:
    """One weight of an 8-bit file.

    Attributes:
        layer: Keras layer that it is of.
        channel: output channel that is furthest off, counted from 0.
        channels: how many there are.
        wrong: how many of them exceed the limit.
        ratio: root mean square error of the furthest, over that of rounding to 8 bits.
        limit: greatest ratio that passes.
    """

    layer: str
    channel: int
    channels: int
    wrong: int
    ratio: float
    limit: float = LIMIT

    @property
    def fault(self) -> str:
        """What is wrong with it, in a clause."""
        also = f"; {self.wrong} channels exceed it" if self.wrong > 1 else ""
        return (
            f"channel {self.channel} of {self.channels} is {self.ratio:.3g} times as far off as rounding to "
            f"8 bits explains, limit {self.limit:g}{also}"
        )
