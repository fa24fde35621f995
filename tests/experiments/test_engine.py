from experiments.engine import load_task
from labelmint.core.params import load_params
from tests.builders import write_card


def test_a_task_has_the_rows_labelled_later_and_the_facts(prepared):
    later, facts = prepared / "data/raw/later.csv", prepared / "data/raw/cast.csv"
    later.write_text("text,label\na late review of the film,pos\n", encoding="utf-8")
    facts.write_text("subject\nthe captain\n", encoding="utf-8")
    table = {"path": "data/raw/cast.csv", "words": "with {subject}"}
    write_card(prepared, "tiny", labelled_later=["data/raw/later.csv"], facts=table)
    task = load_task(load_params())
    assert [len(task.train), len(task.test), len(task.rows.pool)] == [21, 40, 60]
    assert task.train[-1]["text"] == "a late review of the film"
    assert [fact["values"] for fact in task.facts] == [{"subject": "the captain"}]
