"""Files that people have, and what `prepare` and `predict` read of them."""

import io
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq

from labelmint.predict.items import read_items
from labelmint.tasks.lines import UTF_8
from labelmint.tasks.tables import check_columns, known_kind, load_file, open_table, unpacked

ONE = [("a", "x")]
TWO = [("a", "pos"), ("b", "neg")]
CSV, TSV = "text,label\na,pos\nb,neg\n", "text\tlabel\na\tpos\nb\tneg\n"
JSONL = '{"text": "a", "label": "pos"}\n{"text": "b", "label": "neg"}\n'
LIST = '[\n  {"text": "a",\n   "label": "pos"},\n  {"text": "b", "label": "neg"}\n]\n'


def in_parquet(**columns):
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def in_arrow(new):
    table = pa.table({"text": pa.array(["a", "b"], pa.large_string()), "label": ["pos", "neg"]})
    sink = io.BytesIO()
    with new(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def workbook(*sheets):
    """Return an .xlsx file; a sheet is a list of rows of texts and numbers."""
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    types = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    related = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    office, one = "officeDocument", '<Relationship Id="r{0}" Type="{1}/{2}" Target="{3}"/>'
    names = "".join(f'<sheet name="S{at}" sheetId="{at}" r:id="r{at}"/>' for at in range(1, len(sheets) + 1))
    targets = (one.format(at, types, "worksheet", f"s{at}.xml") for at in range(1, len(sheets) + 1))
    files = {
        "_rels/.rels": f"{related}{one.format(1, types, office, 'xl/workbook.xml')}</Relationships>",
        "xl/workbook.xml": f'<workbook {space} xmlns:r="{types}"><sheets>{names}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f"{related}{''.join(targets)}</Relationships>",
    }
    for at, rows in enumerate(sheets, 1):
        content = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
        files[f"xl/s{at}.xml"] = f"<worksheet {space}><sheetData>{content}</sheetData></worksheet>"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return file.getvalue()


def _cell(value):
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
    return f"<c><v>{value}</v></c>"


def prepared(path, encoding=UTF_8):
    """Return the rows as `prepare` reads them."""
    table = load_file(path, encoding, ["text"], ["label"])
    check_columns(table, {"card": "text", "card.": "label"})
    return [(row["text"], row["label"]) for row in table.rows]


def predicted(path):
    """Return the texts as `predict` reads them."""
    kind, packed = known_kind(str(path))
    with path.open("rb") as file:
        table = open_table(unpacked(file, packed), str(path), kind, ["text"])
        return [item.text for item in read_items(table, "text", "text_pair")]


def written(folder, name, content):
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
