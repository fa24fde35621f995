"""Have the local language model write candidates.

Reads the task card and data/real/train.jsonl; writes data/synthetic/prompts.jsonl, ideas.jsonl and
candidates.jsonl and metrics/generate.json. Run alone: `python -m stages.generate`.
`--preview` writes nothing: it shows a prompt and five texts per label and method.
"""

from __future__ import annotations

import argparse

from labelmint.core import paths
from labelmint.core.errors import add_debug_flag, one_line_errors
from labelmint.core.params import load_params
from labelmint.core.records import read_rows, write_json, write_rows
from labelmint.generation.plan import distinct
from labelmint.generation.preview import preview
from labelmint.generation.session import Session, summary
from labelmint.llm import open_model
from labelmint.tasks.cards import load_card


def main() -> None:
    """Write candidates for drawn labels."""
    params = load_params()
    card, rows = load_card(params.task), read_rows(paths.REAL_TRAIN)
    with open_model(params.llm) as model:
        session = Session(params, card, rows, model)
        waves = session.waves()
        candidates, seconds = session.write(waves, "generate")
    write_rows(paths.PROMPTS, distinct(waves))
    write_rows(paths.IDEAS, session.ideas)
    write_rows(paths.CANDIDATES, candidates)
    write_json(paths.METRICS / "generate.json", summary(candidates, seconds))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m stages.generate", description=main.__doc__)
    parser.add_argument("--preview", action="store_true", help="show a prompt and five texts per label")
    add_debug_flag(parser)
    arguments = parser.parse_args()
    with one_line_errors("generate", debug=arguments.debug):
        if arguments.preview:
            preview()
        else:
            main()
