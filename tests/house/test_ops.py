"""The dashboard and the alerts ask Prometheus only for what ClustR tells it, and an operator finds each alert explained."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest
import yaml
from django.conf import settings
from prometheus_client import REGISTRY

from clustr.kit import tasks
from clustr.kit.jobs import enqueue
from clustr.kit.measures import MISSING, all_measures
from clustr.payments.providers import registry
from clustr.payments.states import CaseKind
from clustr.settlement import commands as settlement
from clustr.web.metrics import MEASURED
from tests.cast import anonymous, make_cast
from tests.house import promql
from tests.settlement.stage import Stage
from tests.worker import forget_jobs, work

pytestmark = pytest.mark.early

OPS = settings.PROJECT_ROOT / "ops"
BOARD = json.loads((OPS / "grafana/clustr.json").read_text())
ALERTS = [
    rule for group in yaml.safe_load((OPS / "prometheus/alerts.yml").read_text())["groups"] for rule in group["rules"]
]
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
QUERIES = [
    *((f"alert {rule['alert']}", str(rule["expr"])) for rule in ALERTS),
    *((f"panel {panel['title']}", target["expr"]) for panel in PANELS for target in panel["targets"]),
]
PROMETHEUS_OWN = {"up": {"job", "instance"}}
CLOSED = {"status", "outcome", "queue", "type", "form", "provider", "kind", "process"}
"""Labels whose every value is known: an equal matcher with another would never match."""

Scraped = dict[str, dict[str, set[str]]]


@pytest.fixture(scope="module")
def scraped() -> Scraped:
    """The names of all series that ClustR has told of after a little of everything, with their labels and the values seen."""
    with pytest.MonkeyPatch.context() as patch:
        stage = Stage(make_cast())
        patch.setattr(registry, "_registry", lambda: stage.registry)
        return told_after_a_little_of_everything(stage)


def told_after_a_little_of_everything(stage: Stage) -> Scraped:
    anonymous().post("/payments/webhooks/paystack/", "{}", content_type="application/json")
    paid, declined, lost = (stage.deposit(stage.cast.bola) for _ in range(3))
    stage.end(paid)
    stage.hooks()
    stage.end(declined, "insufficient_funds")
    stage.confirm(declined)
    stage.dial(verify__timeout_after=1.0)
    stage.confirm(lost)
    stage.heal()
    settlement.reconcile(since=stage.now - timedelta(days=1), until=stage.now, now=stage.now)
    settlement.reconcile_balances(now=stage.now)
    forget_jobs()
    enqueue("settlement.charge_fees", cluster_id=stage.cast.cluster_id)
    work()
    tasks.watch_recent_books(0)
    return scrape()


def scrape() -> Scraped:
    MEASURED.forget()
    found: Scraped = {}
    for line in anonymous().get("/metrics").content.decode().splitlines():
        if not line.startswith("#") and _family(line.partition(" ")[0].partition("{")[0]) in _known():
            name, labels = re.match(r"([\w:]+)(?:\{(.*)\})? ", line).groups()  # type: ignore[union-attr]
            series = found.setdefault(name, {})
            for label, value in re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or ""):
                series.setdefault(label, set()).add(value)
    return found


def _known() -> set[str]:
    """What this program tells; the data folder may also keep what an earlier one counted."""
    counted = {_family(name) for name in REGISTRY._names_to_collectors}
    return counted | {MISSING} | {name for measure in all_measures() for name, _ in measure.gauges}


def _family(name: str) -> str:
    return re.sub(r"_(bucket|sum|count|total|created)$", "", name)


def asked(expression: str) -> promql.Asked:
    return promql.read(expression.replace("$__rate_interval", "5m"))


def test_everything_asked_for_is_told(scraped: Scraped) -> None:
    wrong = []
    for where, expression in QUERIES:
        found = asked(expression)
        labels = {"instance"}
        for name, matchers in found.series:
            known = (
                scraped.get(name)
                if name not in PROMETHEUS_OWN
                else {label: set[str]() for label in PROMETHEUS_OWN[name]}
            )
            if known is None:
                wrong.append(f"{where}: there is no {name}")
                continue
            labels |= set(known)
            wrong += [f"{where}: {name} has no {label}" for label, _, _ in matchers if label not in known]
            wrong += [
                f"{where}: no {label} is ever {value!r}"
                for label, how, value in matchers
                if how == "=" and label in CLOSED & set(known) and known[label] and value not in known[label]
            ]
            wrong += [
                f"{where}: there is no such {label}: {value!r}"
                for label, how, values in matchers
                for value in values.split("|")
                if how == "=~" and label == "kind" and value not in set(CaseKind)
            ]
        wrong += [f"{where}: nothing has {label}" for label in found.grouped_by if label not in labels]
    assert wrong == []


def test_everything_told_is_asked_for_somewhere(scraped: Scraped) -> None:
    """A figure that nobody looks at, on the dashboard or by an alert, is a figure too many."""
    looked_at = {
        re.sub(r"_(bucket|sum|count|total)$", "", name) for _, text in QUERIES for name, _ in asked(text).series
    }
    assert {_family(name) for name in scraped} - looked_at == set()


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_is_whole_and_explained(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    found = asked(str(rule["expr"]))
    told = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    assert told <= {*found.grouped_by, "instance"}
    page = (settings.PROJECT_ROOT / "docs/operating.md").read_text()
    assert f"| `{rule['alert']}` |" in page, "say in docs/operating.md what to do"


def test_no_alert_is_explained_that_is_none() -> None:
    page = (settings.PROJECT_ROOT / "docs/operating.md").read_text()
    explained = re.findall(r"^\| `([A-Z]\w+)` \| (?:critical|warning) \|", page, re.MULTILINE)
    assert sorted(explained) == sorted(rule["alert"] for rule in ALERTS)
    severities = dict(re.findall(r"^\| `([A-Z]\w+)` \| (critical|warning) \|", page, re.MULTILINE))
    assert severities == {rule["alert"]: rule["labels"]["severity"] for rule in ALERTS}


def test_the_dashboard_is_one_that_grafana_opens() -> None:
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["datasource"]["uid"] == "${datasource}"
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
        for target in panel["targets"]:
            labels = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            assert labels <= set(asked(target["expr"]).grouped_by)
    for one, other in combinations(BOARD["panels"], 2):
        assert not _overlap(one["gridPos"], other["gridPos"]), (one["title"], other["title"])


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return all(one[at] < other[at] + other[size] and other[at] < one[at] + one[size] for at, size in ("xw", "yh"))


def test_the_example_scrapes_clustr() -> None:
    example = yaml.safe_load((OPS / "prometheus/prometheus.yml").read_text())
    assert example["rule_files"] == ["alerts.yml"]
    (job,) = example["scrape_configs"]
    assert (job["job_name"], job["metrics_path"]) == ("clustr", "/metrics")


WRONG = (
    *("sum(", "sum by (le) rate(x[5m])", "rate(x)", "increase(x[5m]) > [5m]", "sum(x[5m])", "nonsense(x)", "x{a=b}"),
    *('x{a="b"', "x y", "x[5]", "1 +", "x > > 1", 'x{a~"b"}'),
)


@pytest.mark.parametrize("text", WRONG)
def test_what_prometheus_would_not_take_is_seen(text: str) -> None:
    with pytest.raises(promql.NotPromQL):
        promql.read(text)


def test_what_is_asked_is_understood() -> None:
    found = promql.read(
        'sum by (a, b) (rate(x_total{a="1",b!~"2|3"}[5m])) / count(y) > 2 * 3600 and absent(z) or vector(1)'
    )
    assert found.series == [("x_total", [("a", "=", "1"), ("b", "!~", "2|3")]), ("y", []), ("z", [])]
    assert found.grouped_by == ["a", "b"]
