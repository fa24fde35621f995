"""Which arms are compared with which: read from what they were trained on, never from their names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from labelmint.core.params import LLM_STUDENTS
from labelmint.scoring.scores import ArmPredictions


@dataclass(frozen=True)
class Roles:
    """The arms of a run. Made rows are synthetic texts, and unlabelled ones that were given a label."""

    arms: Sequence[ArmPredictions]  # in the order of params.yaml
    student: str  # the default one, `train.student`
    real_rows: int  # to work with: `real.rows`, and those labelled later

    @property
    def main(self) -> ArmPredictions:
        """The arm of the headline: the default student's with all real and the most made rows.

        Among equals one whose weights were chosen. Without such an arm, its arm with the most made rows;
        without any, its first arm, or the first arm.
        """
        of_student = [arm for arm in self.arms if arm.student == self.student]
        made = [arm for arm in of_student if arm.made]
        with_real = [arm for arm in made if arm.real == self.real_rows]
        if made:
            return max(with_real or made, key=_most_made)
        return next(iter(of_student or self.arms))

    def counterpart(self, arm: ArmPredictions) -> ArmPredictions | None:
        """Return the arm without made rows that shows what they add: same student, same real rows.

        For an arm without real rows it is the one with all of them.
        """
        real = arm.real or self.real_rows
        curve = (point for point in self.real_curve(arm.student) if point is not arm)
        return next((point for point in curve if point.real == real), None)

    def real_curve(self, student: str) -> list[ArmPredictions]:
        """Return a student's arms of real rows alone, the smallest first."""
        curve = [arm for arm in self.arms if arm.student == student and not arm.made]
        return sorted(curve, key=lambda arm: arm.real)

    def sources(self) -> dict[str, ArmPredictions]:
        """Return the default student's arms that show what each source adds to all real rows, and both."""
        arms = [arm for arm in self.arms if arm.student == self.student and arm.real == self.real_rows]
        groups = {
            "synthetic": [arm for arm in arms if arm.synthetic and not arm.unlabelled],
            "unlabelled": [arm for arm in arms if arm.unlabelled and not arm.synthetic],
            "both": [arm for arm in arms if arm.synthetic and arm.unlabelled],
        }
        return {name: max(group, key=_most_made) for name, group in groups.items() if group}

    def language_models(self) -> list[ArmPredictions]:
        """Return the arms in which the language model itself answers: the first of each such student."""
        first = {arm.student: arm for arm in reversed(self.arms) if arm.student in LLM_STUDENTS}
        return [arm for arm in first.values() if arm is not self.main]

    def comparisons(self) -> Iterator[tuple[ArmPredictions, ArmPredictions]]:
        """Yield the pairs whose difference is tested.

        Each arm with made rows and its counterpart; the main arm and the same student's arms that lack some
        of its sources, or weight them otherwise; the main arm and what other students do with the same real
        rows alone.
        """
        main = self.main
        for arm in [main, *(arm for arm in self.arms if arm is not main)]:
            counterpart = self.counterpart(arm)
            if arm.made and counterpart:
                yield arm, counterpart
        if not main.made:
            return
        for arm in self.arms:
            if arm.student == main.student:
                part = arm.made and all(
                    rows in (0, of_main) for rows, of_main in zip(_rows(arm), _rows(main), strict=True)
                )
                if part and arm is not main:
                    yield main, arm
            elif not arm.made and arm.real == self.real_rows:
                yield main, arm


def _most_made(arm: ArmPredictions) -> tuple[int, bool]:
    return arm.made, arm.chosen_weights


def _rows(arm: ArmPredictions) -> tuple[int, int, int]:
    return arm.real, arm.synthetic, arm.unlabelled
