"""`zero_shot`: use the task's words alone (Ye et al. 2022, "ZeroGen")."""

from labelmint.prompts.spec import Method, PromptSpec

METHOD = Method(
    name="zero_shot",
    summary='the task\'s words alone (Ye et al. 2022, "ZeroGen")',
    make_spec=lambda label, draw, context: PromptSpec(label),
)
