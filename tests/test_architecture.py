"""dvc.yaml lists what each stage is made of: DVC follows no imports, and a missing dep is a stale result."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from stages import paths
from tests.builders import REPOSITORY

DVC = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
SECTIONS = list(yaml.safe_load((REPOSITORY / "params.yaml").read_text(encoding="utf-8")))
STAGES = ["prepare", "generate", "top_up", "filter", "train", "baselines", "describe", "evaluate", "report"]
# What a stage reads of params.yaml without its output depending on it: `train` checks that its arm is one of
# `arms`. If that were tracked, one more arm would train all the others again.
NOT_TRACKED = {("train", "arms")}
# `top_up` goes on writing as `generate` does, and counts what `filter` will accept: with a copy of their code
# its numbers would not stay exact. It is a stage of its own so that `generate` depends on no threshold.
# `baselines` has the LLM read test inputs as `filter` has it read candidates: the baseline is that reader.
IMPORTED = {"top_up": ("generate", "filter"), "baselines": ("filter",)}


def module_file(module: str) -> Path | None:
    """Return the file of a module of the repository, relative to it."""
    plain = Path(*module.split("."))
    for file in (plain.with_suffix(".py"), plain / "__init__.py"):
        if (REPOSITORY / file).is_file():
            return file
    return None


def imported(file: Path, *, lazily: bool, packages: tuple[str, ...] = ("stages",)) -> set[str]:
    """Return the modules of these packages that a file imports; `lazily`: also inside its functions."""
    tree = ast.parse((REPOSITORY / file).read_text(encoding="utf-8"))
    found = set()
    nodes = [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and not lazily:
            continue
        nodes += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = {name for name in names if module_file(name)}
            found |= modules
            if modules != names:  # something of the module itself is used
                found.add(node.module)
    return {module for module in found if module.split(".")[0] in packages}


@cache
def reached(stage: str) -> frozenset[Path]:
    """Return the files that run with a stage.

    A package's __init__ runs along with its modules, but nobody calls its functions then: their imports
    count only where the package itself is imported ("from stages.llm import open_model").
    """
    waiting = [(f"stages.{stage}.__main__", True)]
    seen: dict[str, bool] = {}
    while waiting:
        module, lazily = waiting.pop()
        if seen.get(module, False) or seen.get(module) == lazily:
            continue
        seen[module] = lazily
        file = module_file(module)
        assert file, f"no file of {module}"
        waiting += [(name, True) for name in imported(file, lazily=lazily)]
        parts = module.split(".")
        waiting += [(".".join(parts[:length]), False) for length in range(1, len(parts))]
    return frozenset(file for module in seen if (file := module_file(module)) and has_code(file))


def has_code(file: Path) -> bool:
    """Return whether there is more than a docstring in a file."""
    body = ast.parse((REPOSITORY / file).read_text(encoding="utf-8")).body
    return any(not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) for node in body)


def deps(stage: str) -> list[Path]:
    return [Path(dep) for dep in DVC[stage]["deps"]]


def outs(stage: str) -> list[Path]:
    return [
        Path(name) for out in DVC[stage].get("outs", []) for name in ([out] if isinstance(out, str) else out)
    ]


def text_of(stage: str, *, own: bool) -> str:
    """Return the source of a stage's own folder, or of all that it reaches but the list of paths."""
    files = [file for file in reached(stage) if not own or file.is_relative_to(f"stages/{stage}")]
    kept = [file for file in files if file not in (Path("stages/paths.py"), Path("stages/params.py"))]
    return "\n".join((REPOSITORY / file).read_text(encoding="utf-8") for file in sorted(kept))


def tracked(stage: str) -> set[str]:
    # The report shows all of params.yaml, and so tracks the file.
    if {"params.yaml": None} in DVC[stage]["params"]:
        return set(SECTIONS)
    return {entry.split(".")[0] for entry in DVC[stage]["params"] if isinstance(entry, str)}


def test_the_stages_are_the_folders():
    assert list(DVC) == STAGES
    folders = {file.parent.name for file in (REPOSITORY / "stages").glob("*/__main__.py")}
    assert folders == set(STAGES)
    for name, stage in DVC.items():
        assert stage["cmd"].split()[:3] == ["python", "-m", f"stages.{name}"]


def test_imports_are_followed_where_they_run():
    llm, engine = Path("stages/llm/__init__.py"), Path("stages/llm/engine.py")
    assert {llm, engine} <= reached("generate") & reached("filter")  # lazily, in open_model
    assert llm in reached("train")  # runs before stages.llm.catalog
    assert engine not in reached("train")
    assert Path("stages/llm/journal.py") in reached("train")  # by way of the catalogue
    assert Path("stages/__init__.py") not in reached("train")  # says nothing but what it is


@pytest.mark.parametrize("stage", STAGES)
def test_everything_a_stage_runs_is_a_dep(stage):
    missing = {file for file in reached(stage) if not any(file.is_relative_to(dep) for dep in deps(stage))}
    assert missing == set(), f"dvc.yaml: {stage}: deps lack these"


@pytest.mark.parametrize("stage", STAGES)
def test_every_dep_among_the_code_is_run(stage):
    code = [dep for dep in deps(stage) if dep.parts[0] == "stages"]
    unneeded = {dep for dep in code if not any(file.is_relative_to(dep) for file in reached(stage))}
    assert unneeded == set(), f"dvc.yaml: {stage}: deps has these for nothing"
    assert all((REPOSITORY / dep).exists() for dep in code)


@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_imports_another(stage):
    others = [Path("stages", other) for other in STAGES if other not in (stage, *IMPORTED.get(stage, ()))]
    assert [file for file in reached(stage) if any(file.is_relative_to(other) for other in others)] == []


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_reads_the_task_card_depends_on_it(stage):
    reads = Path("stages/tasks.py") in reached(stage)
    assert (Path("data/tasks/${task}.yaml") in deps(stage)) is reads
    assert reads <= ("task" in tracked(stage))


@pytest.mark.parametrize("stage", STAGES)
def test_the_data_that_a_stage_names_are_its_deps_and_outs(stage):
    files = {name: path for name, path in vars(paths).items() if isinstance(path, Path) and path.suffix}
    named = {
        files[name] for name in re.findall(r"\bpaths\.([A-Z_]+)\b", text_of(stage, own=True)) if name in files
    }
    declared = {path for path in [*deps(stage), *outs(stage)] if path in files.values()}
    by_entries = {Path(name) for entry in DVC[stage]["params"] if isinstance(entry, dict) for name in entry}
    assert named - by_entries == declared


@pytest.mark.parametrize(
    "stage", ["generate", "top_up", "filter", "train", "baselines", "describe", "report"]
)
def test_the_test_labels_are_out_of_reach_of_all_but_their_score(stage):
    assert not re.search(r"TEST_LABELS|test_labels", text_of(stage, own=False))
    assert not [dep for dep in deps(stage) if paths.TEST_LABELS.is_relative_to(dep)]


def test_the_test_labels_are_written_by_prepare_and_read_by_evaluate_alone():
    assert paths.TEST_LABELS in outs("prepare")
    assert [stage for stage in STAGES if paths.TEST_LABELS in deps(stage)] == ["evaluate"]
    assert "TEST_LABELS" in text_of("evaluate", own=True)


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_says_in_a_line_what_it_does(stage):
    description = DVC[stage]["desc"]
    assert description.strip()
    assert "\n" not in description


@pytest.mark.parametrize("stage", STAGES)
def test_metrics_and_plots_stay_in_git(stage):
    entries = [*DVC[stage].get("metrics", []), *DVC[stage].get("plots", [])]
    entries += [out for out in DVC[stage].get("outs", []) if isinstance(out, dict)]
    assert entries
    for entry in entries:
        assert isinstance(entry, dict), f"{stage}: {entry} would be cached"
        for name, settings in entry.items():
            assert settings["cache"] is False
            assert Path(name).is_relative_to("metrics")


@pytest.mark.parametrize("stage", STAGES)
def test_nothing_runs_always_or_keeps_old_outputs(stage):
    said = yaml.safe_dump(DVC[stage])
    assert "always_changed" not in said
    assert "persist" not in said


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_of_the_params_is_tracked(section):
    assert [stage for stage in STAGES if section in tracked(stage)]


@pytest.mark.parametrize("stage", STAGES)
def test_the_sections_that_a_stage_reads_are_tracked(stage):
    read = set(re.findall(r"\bparams\.([a-z]\w*)", text_of(stage, own=False))) & set(SECTIONS)
    assert stage in read  # every stage has a section of its own
    untracked = {section for section in read - tracked(stage) if (stage, section) not in NOT_TRACKED}
    assert untracked == set(), f"dvc.yaml: {stage}: params lack these"
    assert tracked(stage) <= set(SECTIONS)
    # `dvc.yaml` itself reads `task`, in the deps.
    assert tracked(stage) - read <= {"task"} or tracked(stage) == set(SECTIONS), (
        f"dvc.yaml: {stage}: params has these for nothing"
    )


def test_the_models_are_tracked_by_their_entries_in_the_catalogue():
    entries = {
        stage: entry[str(paths.CATALOG)]
        for stage in STAGES
        for entry in DVC[stage]["params"]
        if isinstance(entry, dict) and str(paths.CATALOG) in entry
    }
    assert entries == {
        "generate": ["${llm.model}"],
        "top_up": ["${llm.model}", "${train.encoder}"],
        "filter": ["${llm.model}", "${train.encoder}"],
        "train": ["${train.encoder}"],
        "baselines": ["${llm.model}", "${train.encoder}"],
        "describe": ["${train.encoder}"],
        "report": ["${llm.model}", "${train.encoder}"],
    }


PARTS = [
    (package, part, content)
    for package in ("study", "ablate")
    for part, content in yaml.safe_load((REPOSITORY / package / "dvc.yaml").read_text(encoding="utf-8"))[
        "stages"
    ].items()
]


@pytest.mark.parametrize(
    ("package", "part", "content"), PARTS, ids=[f"{name}-{part}" for name, part, _ in PARTS]
)
def test_everything_a_part_of_another_pipeline_runs_is_a_dep(package, part, content):
    module = content["cmd"].split()[2]
    waiting, seen = [module if "." in module else f"{module}.__main__"], set()
    while waiting:
        file = module_file(waiting.pop())
        assert file
        if file not in seen:
            seen.add(file)
            waiting += imported(file, lazily=True, packages=("stages", package))
    own = [Path(dep) for dep in content["deps"]]
    missing = {file for file in seen if has_code(file) and not any(file.is_relative_to(dep) for dep in own)}
    assert missing == set(), f"{package}/dvc.yaml: {part}: deps lack these"


def test_the_ablation_reads_no_test_rows():
    (content,) = (content for package, _, content in PARTS if package == "ablate")
    own = [REPOSITORY / dep for dep in content["deps"] if dep.startswith("ablate/")]
    named = set(
        re.findall(r"\bpaths\.([A-Z_]+)\b", "\n".join(file.read_text(encoding="utf-8") for file in own))
    )
    data = {str(getattr(paths, name)) for name in named if getattr(paths, name).suffix}
    assert data == {dep for dep in content["deps"] if dep.endswith(".jsonl")}
    assert not data & {str(paths.TEST_INPUTS), str(paths.TEST_LABELS)}
