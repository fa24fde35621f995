"""`make preview`: a prompt and five texts per label in about a minute, writing nothing."""

from __future__ import annotations

from itertools import chain

from stages import paths
from stages.generate.session import Session
from stages.llm import open_model
from stages.params import load_params
from stages.records import read_rows
from stages.tasks import load_card

ROWS = 5


def preview() -> None:
    """Print a prompt and five texts of each label."""
    params = load_params()
    card, rows = load_card(params.task), read_rows(paths.REAL_TRAIN)
    small = params.generate.model_copy(update={"samples_per_prompt": ROWS})
    with open_model(params.llm) as model:
        session = Session(params.model_copy(update={"generate": small}), card, rows, model)
        waves = session.planner.plan(card.label_names)
        candidates, _ = session.write(waves, "preview")
    prompts = {planned.prompt["id"]: planned.prompt for planned in chain.from_iterable(waves)}
    for prompt_id, prompt in prompts.items():
        own = [row for row in candidates if row["prompt_id"] == prompt_id]
        print(f"=== {prompt['label']} ({prompt['method']}), the prompt:\n{prompt['text']}\n")
        for row in own:
            pair = f"\n    {card.pair_name}: {row['text_pair']}" if "text_pair" in row else ""
            label = "" if row["label"] == prompt["label"] else f" [{row['label'] or 'no label'}]"
            print(f"  · {row['text']}{pair}{label}{'' if row['finish_reason'] == 'stop' else ' [cut off]'}")
        print()
