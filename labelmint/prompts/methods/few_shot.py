"""`few_shot`: show `generate.demonstrations` real rows (Li et al. 2024).

They are of the label, or of all labels if `demonstration_labels` is "all".
"""

from __future__ import annotations

from labelmint.core.errors import ParamsError
from labelmint.core.params import Generate
from labelmint.prompts.spec import Method, PromptSpec
from labelmint.tasks.cards import TaskCard


def check(config: Generate, _card: TaskCard, _task: str) -> None:
    """Raise `ParamsError` if no rows are to be shown."""
    if not config.demonstrations:
        raise ParamsError(
            "params.yaml: generate.demonstrations: few_shot shows real rows, so it can't be 0; raise it, "
            "or choose zero_shot"
        )


METHOD = Method(
    name="few_shot",
    summary="`generate.demonstrations` real rows of the label (Li et al. 2024)",
    make_spec=lambda label, draw, context: PromptSpec(
        label, context.demonstrations(label, context.config.demonstrations, draw)
    ),
    demonstrations="required",
    check=check,
)
