"""Have the local language model write candidates.

Reads the task card and data/real/train.jsonl; writes data/synthetic/prompts.jsonl and candidates.jsonl and
metrics/generate.json. Run alone: `python -m stages.generate`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from stages import paths
from stages.errors import run_stage
from stages.generate.prompts import Planned, distinct, plan
from stages.generate.waves import WaveStore, generate, sampling_of
from stages.llm import open_model
from stages.llm.base import Completion, LanguageModel
from stages.params import Generate, load_params
from stages.progress import progress
from stages.records import Candidate, read_rows, write_json, write_rows
from stages.tasks import load_card


def main() -> None:
    """Write candidates, label first, from prompts that show real rows."""
    params = load_params()
    card, rows = load_card(params.task), read_rows(paths.REAL_TRAIN)
    with open_model(params.llm) as model:
        template = model.chat_prompt if model.kind == "chat" else None
        waves = plan(params.generate, card, rows, template)
        candidates, seconds = write_all(waves, model, params.generate)
    write_rows(paths.PROMPTS, distinct(waves))
    write_rows(paths.CANDIDATES, candidates)
    write_json(paths.METRICS / "generate.json", summary(candidates, seconds))


def write_all(
    waves: Sequence[Sequence[Planned]], model: LanguageModel, config: Generate
) -> tuple[list[Candidate], float]:
    """Write all waves behind a progress bar; return the candidates and the seconds of all waves."""
    store = WaveStore(model, sampling_of(config))
    size = config.prompts_per_wave * config.samples_per_prompt
    done = size * sum(map(store.has, waves))
    candidates, seconds = [], 0.0
    with progress(size * len(waves), "generate", "texts", done) as bar:
        tokens = accepted = 0

        def on_text(text: Completion) -> None:
            nonlocal tokens, accepted
            tokens += text.tokens
            accepted += text.finish_reason == "stop" and bool(text.text)
            rate = tokens / max(1e-9, bar.format_dict["elapsed"])
            bar.set_postfix_str(f"{accepted} accepted, {rate:.0f} tokens/s", refresh=False)
            bar.update()

        for wave, spent in generate(waves, model, store, on_text):
            candidates += wave
            seconds += spent
    return candidates, seconds


def summary(candidates: Sequence[Candidate], seconds: float) -> dict[str, Any]:
    """Return the stage's metrics; `seconds` sums the waves' own times, also of those from the journal."""
    tokens = sum(row["tokens"] for row in candidates)
    reasons = Counter(row["finish_reason"] for row in candidates)
    return {
        "candidates": len(candidates),
        "finished": reasons["stop"],
        "cut_off": reasons["length"],
        "prompts": len({row["prompt_id"] for row in candidates}),
        "labels": dict(sorted(Counter(row["label"] for row in candidates).items())),
        "tokens": tokens,
        "seconds": round(seconds, 1),
        "tokens_per_s": round(tokens / max(seconds, 1e-9), 1),
    }


if __name__ == "__main__":
    run_stage("generate", main)
