"""Mutation testing of the core: does a test fail when a formula, a bound or a check is changed?

    python tests/mutation/run.py                                   # every module, in full
    python tests/mutation/run.py --new                             # those that changed since
    python tests/mutation/run.py --module 'banditsplit/indices/*'  # some of them, in full
    python tests/mutation/run.py --sample 300 --seed 0             # some mutants of all of them
    python tests/mutation/run.py --survivors                       # what survived, once more
    python tests/mutation/run.py --report                          # write report.md anew

Mutants come from cosmic-ray's operators, and a few of ours where it has none. What runs them
is ours: every mutant is a fork of a process that has numpy, scipy and pytest in it already,
and is compiled there in place of the module, so that no file changes and none is compiled by
mistake. It meets the tests that enter its function when nothing is changed, quickest first and
up to the first failure; what passes them survives. A module meets the files of tests that
`TESTS` names, and what other files would catch kills nothing: the score is from below.

`results.json` keeps what was found, module by module, with a digest of the source that was
mutated; a module that is run again replaces its entry. `reasons.toml` says why a survivor is
left alive, and `report.md` shows both.
"""

import argparse
import ast
import builtins
import contextlib
import fnmatch
import functools
import hashlib
import io
import itertools
import json
import math
import multiprocessing
import os
import random
import resource
import signal
import sys
import tempfile
import time
import tomllib
from collections import Counter, deque
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from importlib.machinery import SourceFileLoader
from multiprocessing.connection import wait
from pathlib import Path
from types import CodeType
from typing import Any, TypeAlias

# Imported for the forks, which find them there.
import hypothesis.extra.numpy  # noqa: F401
import parso.python.tree as parso_tree
import pytest
import scipy.optimize
import scipy.stats
from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RESULTS, REASONS, REPORT = (
    HERE / name for name in ("results.json", "reasons.toml", "report.md")
)

ANY_TESTS = "configuration bad_input"
INDEX_TESTS = "indices index_policies changing_arms subsidy ratio"
MEMORY_TESTS = "memories drift merge warm_start changing_arms"
OBJECTIVE_TESTS = "policy ratio subsidy index_policies simulate"
POLICY_TESTS = "policy late_feedback logs storage merge warm_start changing_arms"
BOUND_TESTS = "bound_formulas* lower_bounds"
CONFIDENCE_TESTS = "confidence* constrained* audited_total"
THEORY_TESTS = (
    "divergences lower_bounds bound_formulas* bounds identification graphs drift"
    " contextual_world ratio budget simulate"
)
# Which tests a module meets: those of the first pattern that fits.
TESTS = {
    "banditsplit/indices/*": INDEX_TESTS,
    "banditsplit/memories/*": MEMORY_TESTS,
    "banditsplit/objectives.py": OBJECTIVE_TESTS,
    "banditsplit/policy.py": POLICY_TESTS,
    "banditsplit/theory/_bounds/*": BOUND_TESTS,
    "banditsplit/theory/_confidence/*": CONFIDENCE_TESTS,
    "banditsplit/theory/_identification.py": "identification",
    "banditsplit/theory/*": THEORY_TESTS,
}
# Of cosmic-ray's operators those that ask a question: `a << b` for `a + b` of two floats fails
# at once, and would only raise the score.
BINARY = (
    "Add_Sub Sub_Add Mul_Div Div_Mul Pow_Mul FloorDiv_Div Mod_FloorDiv"
    " LShift_RShift RShift_LShift BitOr_BitAnd BitAnd_BitOr BitXor_BitAnd"
)
COMPARISON = (
    "Lt_LtE Lt_GtE LtE_Lt LtE_Gt Gt_GtE Gt_LtE GtE_Gt GtE_Lt"
    " Eq_NotEq NotEq_Eq Is_IsNot IsNot_Is"
)
UNARY = "Delete_USub Delete_Not Delete_Invert"
OTHER = (
    "AddNot ReplaceTrueWithFalse ReplaceFalseWithTrue ReplaceAndWithOr ReplaceOrWithAnd"
    " ReplaceBreakWithContinue ReplaceContinueWithBreak ExceptionReplacer NumberReplacer"
    " RemoveDecorator ZeroIterationForLoop"
)
SWAPS = ["max min", "maximum minimum", "argmax argmin", "any all", "floor ceil", "zeros ones"]
SWAPS += ["log log1p", "exp expm1", "zeros_like ones_like"]
PARTNER = {a: b for pair in SWAPS for a, b in itertools.permutations(pair.split())}
TYPING_ONLY = ("final", "override", "runtime_checkable")  # decorators that only types read
ADDRESS_SPACE = 8 << 30  # bytes: a mutant that wants more is dead
# Whatever a test takes by itself, a mutant may take three times as much of a processor and
# this, in seconds; and by the clock so many times that, for other work may want the processor.
PATIENCE, BY_THE_CLOCK = 8.0, 60
# So many tests kill most mutants, and stand in few files, which is quicker than all of them.
FIRST = 24
# What the forks find imported already, pytest cannot prepare for its messages: no matter here.
OPTIONS = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:faulthandler"]
OPTIONS += ["-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"]

FORK = multiprocessing.get_context("fork")

Table: TypeAlias = dict[str, Any]
Position: TypeAlias = tuple[tuple[int, int], tuple[int, int]]


class SwapName:
    """``max`` for ``min``, ``any`` for ``all``, and the like."""

    def mutation_positions(self, node: Any) -> Iterator[Position]:
        """Yield where a name has a partner."""
        if node.type == "name" and node.value in PARTNER and not node.is_definition():
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """Put its partner there."""
        del index
        node.value = PARTNER[node.value]
        return node


class RemoveStatement:
    """A call for its effect, a store into an array or attribute, or a raise is left out."""

    def mutation_positions(self, node: Any) -> Iterator[Position]:
        """Yield where a statement has an effect that is not a name."""
        if node.type == "simple_stmt" and self._acts(node.children[0]):
            yield node.start_pos, node.children[0].end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """Put ``pass`` there."""
        del index
        first = node.get_first_leaf()
        node.children[0] = parso_tree.Keyword("pass", first.start_pos, first.prefix)
        return node

    @staticmethod
    def _acts(statement: Any) -> bool:
        if statement.type == "expr_stmt":
            target, sign = statement.children[:2]
            plain = target.type == "name" and sign.type == "operator" and sign.value == "="
            return (
                not plain and sign.type != "annassign" and target.type != "testlist_star_expr"
            )
        raises = statement.type == "raise_stmt" or statement.get_first_leaf().value == "raise"
        call = statement.type in {"atom_expr", "power"}
        return raises or call


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one module.

    Attributes:
        operator: What changes it.
        occurrence: Which of the operator's places it is.
        line: Where, from 1.
        before: The lines that change, as they are.
        after: As they become.
    """

    operator: str
    occurrence: int
    line: int
    before: str
    after: str
    source: str = field(repr=False)

    @property
    def place(self) -> list[str | int]:
        """What tells it from the module's other mutants."""
        return [self.operator, self.occurrence]


@dataclass(frozen=True, slots=True)
class Watched:
    """What the tests of a module do while nothing is changed.

    Attributes:
        seconds: What each takes of a processor, in the order in which they are found.
        enters: The functions that each enters, by the core's file and their first line.
    """

    seconds: dict[str, float]
    enters: dict[str, set[tuple[str, int]]]


def operators() -> dict[str, Any]:
    """Return cosmic-ray's operators that are used, and ours, by name."""
    kinds = [("ReplaceBinaryOperator_", BINARY), ("ReplaceComparisonOperator_", COMPARISON)]
    kinds += [("ReplaceUnaryOperator_", UNARY), ("", OTHER)]
    names = [kind + name for kind, listed in kinds for name in listed.split()]
    theirs = {name: plugins.get_operator(f"core/{name}")() for name in names}
    return {**theirs, "SwapName": SwapName(), "RemoveStatement": RemoveStatement()}


def mutants(source: str) -> list[Mutant]:
    """Return the mutants of a module, those of annotations and typing left out."""
    nodes, silent = list(ast_nodes(get_ast(source))), list(_silent(source))
    found = []
    for name, operator in operators().items():
        places = [(node, p) for node in nodes for p in operator.mutation_positions(node)]
        for occurrence, (node, (start, end)) in enumerate(places):
            hidden = any(first <= start and end <= last for first, last in silent)
            if not hidden and _asks(name, node):
                changed = mutate_code(source, operator, occurrence)
                before, after = _difference(source, changed)
                found.append(Mutant(name, occurrence, start[0], before, after, changed))
    return sorted(found, key=lambda m: (m.line, m.operator, m.occurrence))


def _asks(name: str, node: Any) -> bool:
    """Return whether a mutation is one, and no other's double."""
    if name.startswith("ReplaceBinaryOperator"):  # not the star that ends positional arguments
        return bool(node.parent.type not in {"parameters", "lambdef"})
    if name == "AddNot":  # of a comparison there is the opposite
        return bool(node.children[2 if node.type == "test" else 1].type != "comparison")
    return True


def _silent(source: str) -> Iterator[Position]:
    """Yield what is there for readers and type checkers only."""
    for node in ast.walk(ast.parse(source)):
        for name in ("annotation", "returns"):
            note = getattr(node, name, None)
            if isinstance(note, ast.expr):
                end = (note.end_lineno or 0, note.end_col_offset or 0)
                yield (note.lineno, note.col_offset), end
        for decorator in getattr(node, "decorator_list", []):
            if ast.unparse(decorator) in TYPING_ONLY:
                yield (decorator.lineno, 0), (decorator.lineno + 1, 0)


def _difference(before: str, after: str) -> tuple[str, str]:
    """Return the lines that differ, without what is around them or how they are set out."""
    old, new = before.splitlines(), after.splitlines()
    while old and new and old[0] == new[0]:
        del old[0], new[0]
    while old and new and old[-1] == new[-1]:
        del old[-1], new[-1]
    left, right = (" ".join(" ".join(line.split()) for line in lines) for lines in (old, new))
    return left, right


class Watch:
    """A pytest plugin that says what tests take and which functions of the core they enter."""

    def __init__(self) -> None:
        self._entered = set[tuple[str, int]]()
        self.watched = Watched({}, {})
        vars(builtins)["__entered__"] = self._entered.add

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Look on."""
        self._entered.clear()
        began = time.process_time()
        try:
            return (yield)
        finally:
            self.watched.seconds[item.nodeid] = time.process_time() - began
            self.watched.enters[item.nodeid] = set(self._entered)


def marked(path: str) -> ast.Module | None:
    """Return a file of the core with functions that tell when they are entered."""
    if not path.startswith(str(ROOT / "banditsplit")):
        return None
    tree = ast.parse(Path(path).read_text())
    for function in functions(tree):
        mark = ast.parse(f"__entered__({(path, first_line(function))})").body
        place = int(ast.get_docstring(function) is not None)
        function.body[place:place] = mark
    return ast.fix_missing_locations(tree)


def functions(tree: ast.AST) -> list[ast.FunctionDef]:
    """Return all functions and methods."""
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def first_line(function: ast.FunctionDef) -> int:
    """Return where a function begins, with its decorators."""
    return min([function.lineno, *(d.lineno for d in function.decorator_list)])


class Choose:
    """A pytest plugin that runs some tests in an order, and says who failed.

    What stands in their files and is not ``known`` runs too: a name may show what is tested.
    """

    def __init__(
        self, order: list[str], known: Container[str], failed: Callable[[str], object]
    ) -> None:
        self._order, self._known, self._failed = order, known, failed

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep what was chosen, in its order."""
        found = {item.nodeid: item for item in items}
        items[:] = [found[name] for name in self._order if name in found]
        items += [item for name, item in found.items() if name not in self._known]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Pass on who failed."""
        if report.failed:
            self._failed(report.nodeid)


def _run_pytest(files: Iterable[str], plugin: object) -> int:
    """Run the tests of files in this process, which is a fork; show nothing."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    with tempfile.TemporaryDirectory() as folder:
        options = [*OPTIONS, f"--basetemp={folder}/t", *files]
        return int(pytest.main(options, plugins=[plugin]))


def _watch(files: list[str], answer: Any) -> None:
    _import_as(marked)
    watch = Watch()
    answer.send((_run_pytest(files, watch), watch.watched))


def _import_as(change: Callable[[str], Any]) -> None:
    """Let this process, which is a fork, compile what ``change`` makes of a file's path."""
    load = SourceFileLoader.get_code

    def get_code(loader: SourceFileLoader, name: str) -> CodeType | None:
        changed = change(loader.path)
        if changed is None:
            return load(loader, name)
        code: CodeType = compile(changed, loader.path, "exec", dont_inherit=True)
        return code

    SourceFileLoader.get_code = get_code  # type: ignore[assignment,method-assign]


def _meet(
    path: Path, source: str, order: list[str], seconds: dict[str, float], answer: Any
) -> None:
    """Run tests on a mutant in this process, which is a fork; exit with pytest's code."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    most = math.ceil(_patience(order, seconds))
    resource.setrlimit(resource.RLIMIT_CPU, (most, most + 5))
    _import_as({str(path): source}.get)
    files = dict.fromkeys(name.split("::")[0] for name in order)
    sys.exit(_run_pytest(files, Choose(order, seconds, answer.send)))


def _patience(order: list[str], seconds: dict[str, float]) -> float:
    """Return how much of a processor a mutant may take for some tests."""
    return PATIENCE + 3 * sum(seconds[test] for test in order)


@dataclass(slots=True)
class Trial:
    """A mutant before some tests, in a process of its own."""

    mutant: Mutant
    later: list[str]
    process: Any
    answer: Any
    deadline: float


@dataclass(slots=True)
class Court:
    """Where mutants are tried before the tests of some files.

    Attributes:
        watched: What the tests do while nothing is changed.
        kills: How many mutants each test has killed.
    """

    watched: Watched
    kills: Counter[str] = field(default_factory=Counter)

    def concerned(self, path: Path, mutant: Mutant) -> list[str]:
        """Return the tests that enter the mutant's function; all, if it stands in none."""
        around = [
            (first_line(function), function.end_lineno or 0)
            for function in functions(ast.parse(path.read_text()))
            if function.body[0].lineno <= mutant.line <= (function.end_lineno or 0)
        ]
        if not around:
            return list(self.watched.seconds)
        first, last = max(around)
        return [
            test
            for test, entered in self.watched.enters.items()
            if any(file == str(path) and first <= line <= last for file, line in entered)
        ]

    def open(self, path: Path, mutant: Mutant, tests: list[str], most: int) -> Trial:
        """Begin a trial: those tests first that have killed, then the quick ones."""
        receiver, sender = FORK.Pipe(duplex=False)
        seconds = self.watched.seconds
        order = sorted(tests, key=lambda test: (-self.kills[test], seconds[test]))
        order, later = order[:most], order[most:]
        process = FORK.Process(target=_meet, args=(path, mutant.source, order, seconds, sender))
        process.start()
        sender.close()
        deadline = time.monotonic() + BY_THE_CLOCK * _patience(order, seconds)
        return Trial(mutant, later, process, receiver, deadline)

    def close(self, trial: Trial) -> str:
        """Return the verdict of a trial that is over, or whose time is."""
        if trial.process.is_alive():
            os.killpg(trial.process.pid, signal.SIGKILL)
            verdict = "timeout"
        elif trial.process.exitcode == -signal.SIGXCPU:
            verdict = "timeout"
        else:
            verdict = "survived" if trial.process.exitcode == 0 else "killed"
        trial.process.join()
        with contextlib.suppress(EOFError):
            self.kills[trial.answer.recv()] += 1
        return verdict

    def try_all(
        self, path: Path, found: list[Mutant], processes: int
    ) -> Iterator[tuple[Mutant, str]]:
        """Yield the mutants of a module and their verdicts, as they come."""
        waiting = deque((mutant, self.concerned(path, mutant), FIRST) for mutant in found)
        running: list[Trial] = []
        while waiting or running:
            while waiting and len(running) < processes:
                mutant, tests, most = waiting.popleft()
                if tests:
                    running.append(self.open(path, mutant, tests, most))
                else:
                    yield mutant, "survived"
            if running:
                soonest = min(trial.deadline for trial in running) - time.monotonic()
                wait([trial.process.sentinel for trial in running], max(soonest, 0.0))
            now = time.monotonic()
            over = [t for t in running if not t.process.is_alive() or t.deadline <= now]
            for trial in over:
                running.remove(trial)
                verdict = self.close(trial)
                if verdict == "survived" and trial.later:
                    waiting.appendleft((trial.mutant, trial.later, len(trial.later)))
                else:
                    yield trial.mutant, verdict


@functools.cache
def court(files: tuple[str, ...]) -> Court:
    """Watch tests while nothing is changed: all must pass, in their order and by quickness."""
    receiver, sender = FORK.Pipe(duplex=False)
    process = FORK.Process(target=_watch, args=(list(files), sender))
    process.start()
    code, watched = receiver.recv()
    process.join()
    opened, path = Court(watched), ROOT / "banditsplit" / "__init__.py"
    unchanged = Mutant("", 0, 1, "", "", path.read_text())
    trial = opened.open(path, unchanged, list(watched.seconds), len(watched.seconds))
    trial.process.join()
    if code or opened.close(trial) != "survived":
        raise RuntimeError(f"`tests` must pass while nothing is changed, got {code}: {files}.")
    return opened


def modules(patterns: Iterable[str]) -> list[str]:
    """Return the modules of the core that are mutated and fit one of the patterns."""
    here = [path.relative_to(ROOT).as_posix() for path in (ROOT / "banditsplit").rglob("*.py")]
    tested = [name for name in here if any(fnmatch.fnmatch(name, p) for p in TESTS)]
    return sorted(name for name in tested if any(fnmatch.fnmatch(name, p) for p in patterns))


def tests_of(module: str) -> list[str]:
    """Return the files of tests that a module meets."""
    names = next(names for pattern, names in TESTS.items() if fnmatch.fnmatch(module, pattern))
    files = [
        file
        for n in f"{ANY_TESTS} {names}".split()
        for file in sorted(ROOT.glob(f"tests/test_{n}.py"))
    ]
    return [file.relative_to(ROOT).as_posix() for file in files]


def digest(module: str) -> str:
    """Return what tells one state of a module from another."""
    return hashlib.sha256((ROOT / module).read_bytes()).hexdigest()[:16]


def described(mutant: Mutant) -> Table:
    """Return a mutant as data, without its source."""
    return {k: v for k, v in asdict(mutant).items() if k != "source"}


def why(reasons: Iterable[Table], module: str, survivor: Table) -> str:
    """Return the reason why a survivor is left alive, or nothing."""
    for reason in reasons:
        fits = fnmatch.fnmatch(module, reason["module"]) and all(
            survivor[key] in reason[key] for key in ("before", "after") if key in reason
        )
        if fits:
            return str(reason["why"])
    return ""


def report(results: Table) -> str:
    """Return the report on all results."""
    reasons = tomllib.loads(REASONS.read_text())["reason"]
    rows, listed, open_ones = [], [], 0
    total: Counter[str] = Counter()
    for module, entry in results.items():
        survivors = entry["survivors"]
        counted = {k: entry[k] for k in ("mutants", "run", "killed", "timeouts")}
        count = Counter({**counted, "survived": len(survivors)})
        total += count
        rows.append(_row(f"`{module}`", count))
        if survivors:
            listed += ["", f"### `{module}`", "", "| line | is | becomes | why it lives |"]
            listed += ["|---|---|---|---|"]
        for survivor in survivors:
            reason = why(reasons, module, survivor)
            open_ones += not reason
            change = [f"`{survivor[k]}`".replace("|", "\\|") for k in ("before", "after")]
            listed.append(
                f"| {survivor['line']} | {' | '.join(change)} | {reason or '**open**'} |"
            )
    dead, run = total["killed"] + total["timeouts"], max(total["run"], 1)
    low, high = scipy.stats.binomtest(dead, run).proportion_ci(method="exact")
    drawn = f", [{low:.1%}, {high:.1%}] with 95 % confidence" if run < total["mutants"] else ""
    head = f"""# Mutation testing of the core

Written by `python tests/mutation/run.py`, which says how it is done; versions as in
`constraints.txt`. A mutant is one change of one module; it is killed when a test fails, and a
timeout is a death too. Mutants that mean the same as the original count as survivors.

**Score {dead / run:.1%}**{drawn}: {dead} of {run} mutants that were run are dead, of \
{total["mutants"]} that there are.
{total["survived"]} survive, {open_ones} of them without a reason.

| module | mutants | run | killed | timeouts | survived | score |
|---|---:|---:|---:|---:|---:|---:|"""
    rows.append(_row("**all**", total))
    return "\n".join([head, *rows, "", "## Survivors", *listed]) + "\n"


def _row(name: str, count: Counter[str]) -> str:
    columns = [count[k] for k in ("mutants", "run", "killed", "timeouts", "survived")]
    score = (count["killed"] + count["timeouts"]) / max(count["run"], 1)
    return f"| {name} | {' | '.join(map(str, columns))} | {score:.1%} |"


def main() -> None:
    """Mutate, test, and write down what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--module", action="append", help="a path or pattern; may be repeated")
    parser.add_argument("--sample", type=int, help="how many mutants to draw from all modules")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--processes", type=int, default=2)
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--survivors", action="store_true", help="only what survived before")
    kind.add_argument("--new", action="store_true", help="only modules that changed since")
    kind.add_argument("--report", action="store_true", help="only write the report anew")
    asked = parser.parse_args()

    os.chdir(ROOT)
    os.environ["HYPOTHESIS_PROFILE"] = "mutation"
    sys.path[:0] = [str(ROOT), str(ROOT / "envs")]
    results: Table = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    chosen = [] if asked.report else modules(asked.module or ["*"])
    known = [name for name in chosen if results.get(name, {}).get("digest") == digest(name)]
    if asked.survivors:
        chosen = known
    elif asked.new:
        chosen = [name for name in chosen if name not in known]

    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main([*OPTIONS, "--collect-only", str(HERE)])  # for the forks: its plugins

    everything = {name: mutants((ROOT / name).read_text()) for name in chosen}
    pool = [(name, mutant) for name, found in everything.items() for mutant in found]
    if asked.survivors:
        old = {
            n: [[s["operator"], s["occurrence"]] for s in results[n]["survivors"]]
            for n in known
        }
        pool = [(name, mutant) for name, mutant in pool if mutant.place in old[name]]
    if asked.sample is not None:
        drawn = random.Random(asked.seed).sample(range(len(pool)), asked.sample)  # noqa: S311
        pool = [pool[i] for i in sorted(drawn)]
    for name in sorted({name for name, _ in pool}):
        found = [mutant for n, mutant in pool if n == name]
        verdicts = list(
            court(tuple(tests_of(name))).try_all(ROOT / name, found, asked.processes)
        )
        count = Counter(verdict for _, verdict in verdicts)
        survivors = sorted((m for m, v in verdicts if v == "survived"), key=lambda m: m.line)
        before = results[name] if asked.survivors else Counter[str]()
        results[name] = {
            "digest": digest(name),
            "tests": tests_of(name),
            "mutants": len(everything[name]),
            "run": before["run"] or len(found),
            "killed": before["killed"] + count["killed"],
            "timeouts": before["timeouts"] + count["timeout"],
            "survivors": [described(mutant) for mutant in survivors],
        }
        sys.stderr.write(f"{name}: {dict(count)}\n")
        results = {n: results[n] for n in sorted(results) if (ROOT / n).exists()}
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    REPORT.write_text(report(results))


if __name__ == "__main__":
    main()
