"""`one_shot`: show one real row (Li et al. 2024)."""

from labelmint.prompts.spec import Method, PromptSpec

METHOD = Method(
    name="one_shot",
    summary="one real row",
    make_spec=lambda label, draw, context: PromptSpec(label, context.demonstrations(label, 1, draw)),
    demonstrations="required",
)
