"""A warm pytest with a database of its own: surveys which test runs what, or tries mutants, each in a forked child."""

from __future__ import annotations

import ast
import gc
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import psycopg
import pytest
from _pytest.runner import runtestprotocol
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent.parent
TESTS = (
    *(
        "ledger",
        "wallets",
        "bills",
        "payments",
        "settlement",
        "audit",
        "house/test_books.py",
        "house/test_tenant_walls.py",
    ),
    *("web/management", "web/members"),
)
SLOW = "flatness or five_thousand or simulation"  # they build towns, or live many lives
_BATCH = 10
_PATIENCE_SECONDS = 40
_OTHERS = """SELECT pid FROM pg_stat_activity
  WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"""
_resting: set[int] = set()
_CALLS = "SELECT funcname, sum(calls) FROM pg_stat_user_functions GROUP BY 1"
_WRITES = "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables"


class Survey:
    """Runs its share of the tests not known yet, and writes down for each its seconds, lines, SQL functions and tables."""

    def __init__(self, lane: int, lanes: int, known: str, out: str) -> None:
        self.lane, self.lanes, self.out = lane, lanes, Path(out)
        self.known = set(Path(known).read_text().splitlines())

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        import coverage

        measured = coverage.Coverage(
            data_file=None, include=[f"{ROOT}/clustr/*"], concurrency=["thread"], config_file=False
        )
        left = [item for item in session.items if item.nodeid not in self.known]
        files = sorted({item.path for item in left})
        mine = [item for item in left if files.index(item.path) % self.lanes == self.lane]
        tests: dict[str, dict[str, Any]] = {}
        first, other = _two_apart(session)
        _passes(first, other)  # prepares the database
        _track_functions()
        before = _counted()
        measured.start()
        for item, following in zip(mine, [*mine[1:], other], strict=False):
            measured.switch_context(item.nodeid)
            started = time.monotonic()
            passed = _passes(item, following)
            seconds = time.monotonic() - started
            after = _counted()
            used = sorted(name for name, count in after.items() if count > before.get(name, 0))
            before = after
            tests[item.nodeid] = {"seconds": seconds, "passed": passed, "sql": used}
        measured.stop()
        data = measured.get_data()
        lines = {
            str(Path(file).relative_to(ROOT)): {
                line: [test for test in contexts if test] for line, contexts in data.contexts_by_lineno(file).items()
            }
            for file in data.measured_files()
        }
        self.out.write_text(json.dumps({"tests": tests, "lines": lines}))
        return True


def _two_apart(session: pytest.Session) -> tuple[pytest.Item, pytest.Item]:
    """Two tests of different folders: where one follows the other, what stays prepared is the session alone."""
    first = session.items[0]
    return first, next(item for item in session.items if item.path.parent != first.path.parent)


def _track_functions() -> None:
    from tests.databases import administrator

    with administrator() as server:
        server.execute(
            sql.SQL("ALTER DATABASE {} SET track_functions = 'all'").format(sql.Identifier(server.info.dbname))
        )
    _close()


def _counted() -> dict[str, int]:
    """How often each function was called and each table written so far; a session tells when it ends."""
    from tests.databases import administrator

    _close()
    with administrator() as server:
        for _ in range(20):
            others = {pid for (pid,) in server.execute(_OTHERS).fetchall()}
            if others <= _resting:
                break
            time.sleep(0.01)
        else:
            _resting.update(others)  # one that listens, and stays
        return {name: int(count) for query in (_CALLS, _WRITES) for name, count in server.execute(query).fetchall()}


class Trial:
    """Tries its share of the mutants and writes a line for each. What killed one is afterwards run on the right code: if
    it fails there as well, the database was spoiled by an earlier mutant, and the batch is tried again in a fresh one."""

    def __init__(self, lane: int, lanes: int, plan: str, out: str) -> None:
        self.mutants = [json.loads(line) for line in Path(plan).read_text().splitlines()][lane::lanes]
        self.out = Path(out)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = {item.nodeid: item for item in session.items}
        first, self.other = _two_apart(session)
        assert _passes(first, self.other), f"{first.nodeid} fails without any mutant"
        self.functions = _functions()
        with self.out.open("a") as out:
            for at in range(0, len(self.mutants), _BATCH):
                for result in self._batch(self.mutants[at : at + _BATCH]):
                    out.write(json.dumps(result) + "\n")
                out.flush()
        return True

    def _batch(self, mutants: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        results = [self._try(mutant) for mutant in mutants]
        for _ in range(2):
            killers = sorted({result["by"] for result in results if result["by"]})
            false = self._failing(killers)
            if not false:
                break
            fresh_clone()
            false = self._failing(false)  # these fail on a fresh database too: not to be relied on
            for at, mutant in enumerate(mutants):
                if results[at]["by"]:
                    mutant["tests"] = [test for test in mutant["tests"] if test not in false]
                    results[at] = self._try(mutant)
        yield from results

    def _failing(self, tests: list[str]) -> list[str]:
        def work(say: Callable[[str], object]) -> None:
            for test in tests:
                if not _passes(self.items[test], self.other):
                    say(test + "\n")

        said, _ = _forked(work, 10 * _PATIENCE_SECONDS)
        return said.split("\n")[:-1]

    def _try(self, mutant: dict[str, Any]) -> dict[str, Any]:
        tests = [self.items[test] for test in mutant["tests"] if test in self.items]

        def work(say: Callable[[str], object]) -> None:
            if "code" in mutant:
                try:
                    apply_python(mutant, self.functions)
                except Exception:  # noqa: BLE001 - the wrong module cannot even be imported
                    say("\n")
                    return
            for item, following in zip(tests, [*tests[1:], self.other], strict=True):
                if not _passes(item, following):
                    say(item.nodeid + "\n")
                    return

        started = time.monotonic()
        status, by = "survived", ""
        try:
            _execute(mutant.get("apply", []))
        except psycopg.Error:
            status = "invalid"
        else:
            if tests:
                said, ended = _forked(work, _PATIENCE_SECONDS + 10 * mutant["seconds"])
                status, by = ("killed" if said else ended), said.strip()
        _put_back(mutant.get("undo", []))
        return {
            "id": mutant["id"],
            "status": status,
            "by": by,
            "tests": len(tests),
            "seconds": round(time.monotonic() - started, 2),
        }


def _passes(item: pytest.Item, following: pytest.Item | None) -> bool:
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=following))


def _forked(work: Callable[[Callable[[str], object]], None], seconds: float) -> tuple[str, str]:
    """Do it in a child; answers what it said and how it ended: `survived` where it came to its end."""
    _close()
    hear, speak = os.pipe()
    child = os.fork()
    if child == 0:
        code = 3
        try:
            os.setpgid(0, 0)
            os.close(hear)
            nowhere = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(nowhere, stream)
            work(lambda text: os.write(speak, text.encode()))
            code = 0
        finally:
            os._exit(code)
    os.close(speak)
    said, deadline = b"", time.monotonic() + seconds
    while True:
        ready, _, _ = select.select([hear], [], [], max(0, deadline - time.monotonic()))
        part = os.read(hear, 65536) if ready else b""
        if not part:
            break
        said += part
    if not ready:
        os.killpg(child, signal.SIGKILL)
    os.close(hear)
    _, code = os.waitpid(child, 0)
    if code:
        _terminate_sessions()
    return said.decode(), "timeout" if not ready else "survived" if code == 0 else "killed"


def apply_python(mutant: dict[str, Any], functions: dict[tuple[str, str], list[FunctionType]]) -> None:
    """Give the functions of this process the wrong code, or bind the module's constants anew wherever they are known."""
    path = str(ROOT / mutant["module"])
    if mutant["function"]:
        code = _find(compile(mutant["code"], path, "exec"), mutant["function"])
        for function in functions[path, mutant["function"]]:
            function.__code__ = code
        return
    module = sys.modules[mutant["module"].removesuffix(".py").replace("/", ".").removesuffix(".__init__")]
    space = dict(vars(module))
    names = []
    for node in ast.parse(mutant["code"]).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            exec(compile(ast.Module([node], []), path, "exec"), space)  # noqa: S102
            names += [target.id for target in getattr(node, "targets", [getattr(node, "target", None)])]
    for name in names:
        old = getattr(module, name)
        for other in list(sys.modules.values()):
            if getattr(other, "__name__", "").startswith(("clustr", "tests")) and vars(other).get(name) is old:
                setattr(other, name, space[name])


def _find(code: CodeType, name: str) -> CodeType:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_qualname == name:
                return constant
            if name.startswith(constant.co_qualname + "."):
                return _find(constant, name)
    raise LookupError(name)


def _functions() -> dict[tuple[str, str], list[FunctionType]]:
    found: dict[tuple[str, str], list[FunctionType]] = {}
    for thing in gc.get_objects():
        if isinstance(thing, FunctionType) and thing.__code__.co_filename.startswith(f"{ROOT}/clustr/"):
            found.setdefault((thing.__code__.co_filename, thing.__code__.co_qualname), []).append(thing)
    return found


def _close() -> None:
    from django.db import connections

    connections.close_all()
    for alias in connections:
        connections[alias].close_pool()


def _execute(statements: list[str]) -> None:
    from tests.databases import administrator

    if statements:
        with administrator() as server, server.transaction():
            for statement in statements:
                server.execute(statement)


def _put_back(statements: list[str]) -> None:
    try:
        _execute(statements)
    except psycopg.Error:
        fresh_clone()  # rows that the wrong schema let in stand in the way of the right one


def _terminate_sessions() -> None:
    from tests.databases import administrator

    with administrator() as server:
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def fresh_clone() -> None:
    """Replace this process's database by a new copy of the template, of the same name."""
    from django.db import connections

    from tests import databases

    name = connections["default"].settings_dict["NAME"]
    _close()
    with databases._alone(), databases.administrator("postgres") as server:
        template = databases._template(server)
        databases._drop(server, name)
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
    databases._use(name)


if __name__ == "__main__":
    what, lane, lanes, plan, out = sys.argv[1:]
    plugin = {"survey": Survey, "trial": Trial}[what](int(lane), int(lanes), plan, out)
    where = [f"{ROOT}/tests/{part}" for part in TESTS]
    sys.exit(
        pytest.main(
            ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", f"not ({SLOW})", *where],
            plugins=[plugin],
        )
    )
