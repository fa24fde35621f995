"""Which arms are compared with which: read from what they were trained on, never from their names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from labelmint.scoring.scores import ArmPredictions


@dataclass(frozen=True)
class Roles:
    """The arms of a run.

    Parameters
    ----------
    arms : sequence of ArmPredictions
        In the order of params.yaml.
    student : str
        The default student, `train.student`.
    real_rows : int
        The labelled rows to work with, `real.rows`.
    """

    arms: Sequence[ArmPredictions]
    student: str
    real_rows: int

    @property
    def main(self) -> ArmPredictions:
        """The arm of the headline: the default student's with all real and the most synthetic rows.

        Without one, its arm with the most synthetic rows; without any, its first arm, or the first arm.
        """
        of_student = [arm for arm in self.arms if arm.student == self.student]
        mixed = [arm for arm in of_student if arm.synthetic and arm.real == self.real_rows]
        synthetic = [arm for arm in of_student if arm.synthetic]
        if mixed or synthetic:
            return max(mixed or synthetic, key=lambda arm: arm.synthetic)
        return next(iter(of_student or self.arms))

    def counterpart(self, arm: ArmPredictions) -> ArmPredictions | None:
        """Return the arm without synthetic rows that shows what they add: same student, same real rows.

        For an arm without real rows it is the one with all of them.
        """
        real = arm.real or self.real_rows
        curve = (point for point in self.real_curve(arm.student) if point is not arm)
        return next((point for point in curve if point.real == real), None)

    def real_curve(self, student: str) -> list[ArmPredictions]:
        """Return a student's arms of real rows alone, the smallest first."""
        curve = [arm for arm in self.arms if arm.student == student and not arm.synthetic]
        return sorted(curve, key=lambda arm: arm.real)

    def comparisons(self) -> Iterator[tuple[ArmPredictions, ArmPredictions]]:
        """Yield the pairs whose difference is tested.

        Each arm with synthetic rows and its counterpart; the main arm and its synthetic rows alone; the main
        arm and what other students do with the same real rows alone.
        """
        main = self.main
        for arm in [main, *(arm for arm in self.arms if arm is not main)]:
            counterpart = self.counterpart(arm)
            if arm.synthetic and counterpart:
                yield arm, counterpart
        if not main.synthetic:
            return
        for arm in self.arms:
            same_student = arm.student == main.student
            if same_student and main.real and not arm.real and arm.synthetic == main.synthetic:
                yield main, arm
            if not same_student and not arm.synthetic and arm.real == self.real_rows:
                yield main, arm
