"""Write docs/reference/rules.md: `python -m labelmint.rules.reference > docs/reference/rules.md`."""

from __future__ import annotations

from labelmint.rules.registry import RULES

_PAGE = """# Rules of the filter

<!-- Made by `python -m labelmint.rules.reference`. -->

Every candidate is kept, or rejected by the first of these rules that it breaks; data/synthetic/rejected.jsonl
names the rule and the evidence. `filter.disabled_rules` in params.yaml lists rules that reject nothing; the
last three rules have no such switch, and follow their settings.

{table}
"""


def rules_page() -> str:
    """Return the whole page, the rules in the order in which they are applied."""
    rows = ["| rule | what is wrong | settings |", "|---|---|---|"]
    for rule in RULES.values():
        settings = ", ".join(f"`{name}`" for name in rule.settings)
        rows.append(f"| `{rule.name}` | {rule.meaning} | {settings} |")
    return _PAGE.format(table="\n".join(rows))


if __name__ == "__main__":
    print(rules_page(), end="")
