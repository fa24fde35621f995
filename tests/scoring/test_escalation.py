import numpy as np

from labelmint.scoring.escalation import escalation

TRUTH = np.array([0, 1] * 50)


def answers(right, confidence):
    """Return probabilities: the label that is right, or not, with this confidence."""
    labels = np.where(right, TRUTH, 1 - TRUTH)
    probabilities = np.repeat(1 - confidence[:, None], 2, axis=1)
    probabilities[np.arange(len(TRUTH)), labels] = confidence
    return probabilities


def test_the_least_sure_texts_are_passed_on_first():
    """The student is wrong exactly on the 20 texts that it is least sure of; the model is always right."""
    confidence = np.linspace(0.6, 0.99, 100)
    curve = escalation(
        answers(np.arange(100) >= 20, confidence), answers(np.ones(100, bool), confidence), TRUTH
    )
    by_share = {point["share"]: point["accuracy"] for point in curve}
    assert (by_share[0.0], by_share[0.1], by_share[0.2], by_share[1.0]) == (0.8, 0.9, 1.0, 1.0)


def test_at_the_ends_are_the_student_and_the_model():
    draw = np.random.default_rng(1)
    student, llm = draw.random(100) < 0.7, draw.random(100) < 0.5
    sure = draw.uniform(0.5, 1, 100)
    curve = escalation(answers(student, sure), answers(llm, sure), TRUTH)
    assert (curve[0]["accuracy"], curve[-1]["accuracy"]) == (student.mean(), llm.mean())
    assert [point["share"] for point in curve] == sorted(point["share"] for point in curve)
