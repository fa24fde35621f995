"""dvc.yaml lists what each stage is made of: DVC follows no imports, and a missing dep is a stale result."""

import ast
import re
import shutil
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import yaml

from labelmint.core import paths
from tests.builders import REPOSITORY

DVC = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
# Of a stage in foreach, what is declared for each entry.
STAGES = {name: stage.get("do", stage) for name, stage in DVC.items()}
SECTIONS = list(yaml.safe_load((REPOSITORY / "params.yaml").read_text(encoding="utf-8")))
# It checks all names in params.yaml against all registries, and so depends on the whole library.
WHOLE_LIBRARY = {"prepare"}


@cache
def parse(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def file_of(module: str, root: Path = REPOSITORY) -> Path | None:
    plain = root.joinpath(*module.split("."))
    return next((file for file in (plain.with_suffix(".py"), plain / "__init__.py") if file.is_file()), None)


@cache
def imports(file: Path, *, lazy: bool, root: Path = REPOSITORY) -> tuple[str, ...]:
    """Return the modules that a file imports; `lazy`: also inside its functions."""
    return tuple(_imports(file, lazy, root))


def _imports(file: Path, lazy: bool, root: Path) -> Iterator[str]:
    nodes: list[ast.AST] = [parse(file)]
    while nodes:
        node = nodes.pop()
        typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if typing_only or (isinstance(node, ast.FunctionDef | ast.Lambda) and not lazy):
            continue
        nodes += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            yield str(node.module)
            members = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (member for member in members if file_of(member, root))


@cache
def registered(file: Path, root: Path) -> frozenset[str]:
    """Return the modules that a file's strings name: `labelmint.students.llm:LlmStudent`, or a package."""
    names: set[str] = set()
    texts = (node.value for node in ast.walk(parse(file)) if isinstance(node, ast.Constant))
    for match in (re.match(r"(labelmint(?:\.\w+)+)[.:]", text) for text in texts if isinstance(text, str)):
        if match:
            names.add(match[1])
            names |= {f"{match[1]}.{path.stem}" for path in root.glob(f"{match[1].replace('.', '/')}/*.py")}
    return frozenset(names)


@cache
def reached(stage: str, root: Path = REPOSITORY) -> frozenset[Path]:
    """Return the files that run with a stage. Registries' strings count where a module resolves them."""
    waiting, strings, files = {f"stages.{stage}"}, set(), set()
    while waiting:
        file = file_of(waiting.pop(), root)
        if file and file not in files:
            files.add(file)
            waiting |= {".".join(file.parent.relative_to(root).parts), *imports(file, lazy=True, root=root)}
            strings |= registered(file, root)
        if not waiting and any("resolve_name" in path.read_text(encoding="utf-8") for path in files):
            waiting |= {name for name in strings if file_of(name, root) not in files}
            strings = set()
    return frozenset(file.relative_to(root) for file in files)


def text_of(stage: str, root: Path = REPOSITORY) -> str:
    """Return the code of all that a stage runs, without the lists of paths and of parameters."""
    files = reached(stage, root) - {Path("labelmint/core/paths.py"), Path("labelmint/core/params.py")}
    return "\n".join((root / file).read_text(encoding="utf-8") for file in sorted(files))


def peeks(root: Path) -> set[str]:
    """Return the stages that name the test labels."""
    return {stage for stage in STAGES if re.search("TEST_LABELS|test_labels", text_of(stage, root))}


def declared(stage: str, *kinds: str) -> set[Path]:
    """Return what dvc.yaml lists of a stage under deps, outs, metrics, plots or params."""
    entries = [entry for kind in kinds for entry in STAGES[stage].get(kind, [])]
    return {Path(name) for entry in entries for name in ([entry] if isinstance(entry, str) else entry)}


def tracked(stage: str) -> set[str]:
    """Return the sections of params.yaml of which a stage tracks something."""
    if {"params.yaml": None} in STAGES[stage]["params"]:
        return set(SECTIONS)
    return {entry.split(".")[0] for entry in STAGES[stage]["params"] if isinstance(entry, str)}


def test_each_stage_is_a_script():
    assert {file.stem for file in (REPOSITORY / "stages").glob("[!_]*.py")} == set(STAGES)
    for name, stage in STAGES.items():
        assert stage["cmd"].split()[:3] == ["python", "-m", f"stages.{name}"]
        assert stage["desc"].strip()


@pytest.mark.parametrize("stage", STAGES)
def test_the_code_deps_are_the_folders_that_a_stage_imports(stage):
    code = {dep for dep in declared(stage, "deps") if dep.parts[0] in ("labelmint", "stages")}
    library = {file for file in reached(stage) if file.parts[0] == "labelmint" and len(file.parts) > 2}
    folders = {Path("labelmint")} if stage in WHOLE_LIBRARY else {Path(*file.parts[:2]) for file in library}
    files = {file for file in reached(stage) if len(file.parts) == 2 and file.name != "__init__.py"}
    single = {file for file in files if not any(file.is_relative_to(folder) for folder in folders)}
    assert code == folders | single, f"dvc.yaml: {stage}: deps differ from its imports"


def test_imports_point_one_way():
    for file in [*REPOSITORY.glob("labelmint/**/*.py"), *REPOSITORY.glob("stages/*.py")]:
        names = {name.split(".")[0] for name in imports(file, lazy=True)}
        assert not names & {"stages", "experiments", "dvc"}, file


def test_the_packages_of_the_library_form_no_circle():
    graph: dict[str, set[str]] = {}
    for file in REPOSITORY.glob("labelmint/*/**/*.py"):
        package = file.relative_to(REPOSITORY).parts[1]
        names = (name.split(".") for name in imports(file, lazy=False) if name.startswith("labelmint."))
        graph.setdefault(package, set()).update(name[1] for name in names if name[1] != package)
    assert "core" in TopologicalSorter(graph).static_order()  # raises CycleError, which names the circle


@pytest.mark.parametrize("module", [*(f"stages.{stage}" for stage in STAGES), "labelmint.cli"])
def test_what_takes_seconds_to_load_is_loaded_when_it_is_used(module):
    waiting, names = {module}, set()
    while waiting:
        names |= waiting
        files = [file for file in map(file_of, waiting) if file]
        waiting = {name for file in files for name in imports(file, lazy=False)} - names
    assert not {"torch", "transformers", "datasets", "llama_cpp"} & {name.split(".")[0] for name in names}


def test_only_evaluate_reads_the_test_labels(tmp_path):
    assert [stage for stage in STAGES if paths.TEST_LABELS in declared(stage, "outs")] == ["prepare"]
    readers = [s for s in STAGES if any(paths.TEST_LABELS.is_relative_to(dep) for dep in declared(s, "deps"))]
    assert readers == ["evaluate"]
    assert peeks(REPOSITORY) == {"prepare", "evaluate"}
    for folder in ("stages", "labelmint"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "labelmint/students/tfidf.py").open("a", encoding="utf-8") as file:
        file.write("\nPEEK = paths.TEST_LABELS.read_text()\n")
    assert peeks(tmp_path) == {"prepare", "evaluate", "train"}


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage not in WHOLE_LIBRARY])
def test_the_data_that_a_stage_names_are_its_deps_and_outs(stage):
    files = {name: path for name, path in vars(paths).items() if isinstance(path, Path) and path.suffix}
    named = {files[name] for name in re.findall(r"\bpaths\.([A-Z_]+)\b", text_of(stage)) if name in files}
    assert named == declared(stage, "deps", "outs", "metrics", "params") & set(files.values())
    metrics = re.findall(r'paths\.METRICS / "(\w+\.json)"', text_of(stage))
    assert {Path("metrics", name) for name in metrics} <= declared(stage, "deps", "metrics")


@pytest.mark.parametrize("stage", STAGES)
def test_the_sections_that_a_stage_reads_are_tracked(stage):
    read = set(re.findall(r"\bparams\.([a-z]\w*)", text_of(stage))) & set(SECTIONS)
    assert read <= tracked(stage), f"dvc.yaml: {stage}: params lack sections that it reads"
    assert tracked(stage) <= set(SECTIONS)
    if "labelmint/tasks/cards.py" in map(str, reached(stage)):
        assert Path("data/tasks/${task}.yaml") in declared(stage, "deps")
        assert "task" in tracked(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_metrics_and_plots_stay_in_git_and_outputs_in_the_cache(stage):
    entries = [entry for kind in ("outs", "metrics", "plots") for entry in STAGES[stage].get(kind, [])]
    entries = [entry for entry in entries if isinstance(entry, dict)]
    assert entries
    for name, settings in (item for entry in entries for item in entry.items()):
        assert settings["cache"] is False
        assert Path(name).is_relative_to("metrics")
    assert not {"always_changed", "persist"} & set(re.findall(r"\w+", str(STAGES[stage])))
