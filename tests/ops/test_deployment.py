"""What is deployed, checked without a Docker engine: files against their schemas and our own rules, metrics against
what is really served, and the same processes run by a script."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.cli.main import VERBS
from engine.settings.environment import FILE, rendered
from engine.settings.load import read_settings
from engine.settings.models import Settings
from tests.nursery import python
from tests.postgres import PASSWORD, running, why_not

PROJECT = Path(__file__).parents[2]
OPS = PROJECT / "ops"
COMPOSE = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
DOCKERFILE = (PROJECT / "Dockerfile").read_text()
ALERTS = yaml.safe_load((OPS / "prometheus" / "alerts.yml").read_text())
DASHBOARD = json.loads((OPS / "grafana" / "dashboards" / "autotrader-signals.json").read_text())
ENGINE = ("migrate", "worker", "api", "streamer")
BUILT_IN = {"up"}


def command_of(service: str) -> list[str]:
    """What a service runs, with the defaults of its variables."""
    return shlex.split(re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", COMPOSE["services"][service]["command"]))


# -- compose -----------------------------------------------------------------------------------------------------------


def test_compose_keeps_to_the_specification() -> None:
    pytest.importorskip("check_jsonschema")
    import jsonschema

    schema = json.loads((files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    assert [error.message for error in validator.iter_errors(COMPOSE)] == []
    assert list(validator.iter_errors({**COMPOSE, "services": {"x": {"imag": "y"}}})), "the schema finds mistakes"


def test_every_service_of_the_stack_is_there_and_is_looked_after() -> None:
    services = COMPOSE["services"]
    assert set(services) == {"migrate", "api", "worker", "streamer", "db", "prometheus", "grafana"}
    for name, service in services.items():
        if name != "migrate":  # it ends
            assert service["healthcheck"]["test"] and service["restart"] == "unless-stopped", name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service["cap_drop"] == ["ALL"] and not service.get("privileged"), name
        image = service["image"]
        assert image == "autotrader" or re.search(r":v?\d+\.\d+\.\d+", image), f"{image} is not one version"


def test_nothing_is_reachable_from_outside() -> None:
    for service in COMPOSE["services"].values():
        assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_the_engine_runs_as_nobody_and_can_change_nothing_but_its_state() -> None:
    for name in ENGINE:
        service = COMPOSE["services"][name]
        assert service["read_only"] and not service["user"].startswith(("0", "root"))
        writable = [volume for volume in service["volumes"] if not volume.endswith(":ro")]
        assert writable == ["state:/srv/autotrader/state"]
        assert "./keys:/keys:ro" in service["volumes"]


def test_the_commands_are_verbs_that_take_their_options(engine_cli: Any) -> None:
    wanted = {"migrate": "db", "worker": "run", "api": "serve", "streamer": "stream"}
    for name, verb in wanted.items():
        words = command_of(name)
        assert words[0] == verb
        if verb in VERBS:
            told = engine_cli(verb, "--help").out
            assert all(word in told for word in words[1:] if word.startswith("--")), words


def test_the_engine_keeps_everything_in_the_database_once_it_is_up_to_date() -> None:
    services = COMPOSE["services"]
    db = services["db"]["environment"]
    for name in ENGINE:
        service = services[name]
        said = service["environment"]
        assert said["AUTOTRADER__STORE__PASSWORD"] == db["POSTGRES_PASSWORD"], "the same variable, which must be said"
        settings = read_settings(environment={**said, "AUTOTRADER__STORE__PASSWORD": "word"}).settings
        assert settings.store.url == f"postgresql://{db['POSTGRES_USER']}@db:5432/{db['POSTGRES_DB']}"
        assert service["depends_on"]["db"] == {"condition": "service_healthy"}
        if name != "migrate":
            assert service["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert services["migrate"]["restart"] == "no", "what has ended well is not begun again"


def test_what_compose_waits_for_and_mounts_is_there() -> None:
    services, volumes = COMPOSE["services"], COMPOSE["volumes"]
    for name, service in services.items():
        assert set(service.get("depends_on", ())) <= set(services), name
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            if source.startswith("./"):
                assert source in ("./keys", "./data") or (PROJECT / source).exists(), volume
            else:
                assert source in volumes, volume


def test_service_and_health_checks_look_at_the_store_of_the_workers_mode() -> None:
    """MODE names it everywhere; a worker on live money is not judged by the paper store."""
    services = COMPOSE["services"]
    mode = ["--mode", "${MODE:-paper}"]
    assert services["worker"]["healthcheck"]["test"] == ["CMD", "engine", "serve", "check", "worker", *mode]
    assert " ".join(mode) in services["api"]["command"]
    assert dict(instructions())["HEALTHCHECK"].endswith('CMD engine serve check worker --mode "${MODE:-paper}"')
    script = (OPS / "processes.sh").read_text()
    assert "MODE=${MODE:-paper}\n" in script
    lines = [line for line in script.splitlines() if re.search(r"start api serve|serve check worker", line)]
    assert len(lines) == 2 and all('--mode "$MODE"' in line for line in lines), lines


def test_no_container_shares_the_processes_of_another() -> None:
    """Else the end of one kills the other: the service must outlive the worker to say that it is gone."""
    assert not [name for name, service in COMPOSE["services"].items() if "pid" in service]


def test_prometheus_can_read_its_token_as_the_guide_leaves_it() -> None:
    user = COMPOSE["services"]["prometheus"]["user"]
    guide = (PROJECT / "docs" / "deployment.md").read_text()
    steps = guide.partition("## Begin")[2].partition("docker compose up")[0]
    assert f"chown {user} keys/metrics_token" in steps
    assert steps.index("chown -R") < steps.index(f"chown {user}"), "what is said last holds"
    assert COMPOSE["secrets"]["metrics_token"]["file"] == "./keys/metrics_token"


# -- variables ---------------------------------------------------------------------------------------------------------


def test_the_example_of_variables_is_in_step_with_the_models() -> None:
    assert FILE.read_text(encoding="utf-8") == rendered(), "run python -m engine.settings.environment"


def test_every_variable_of_the_example_is_taken_and_is_the_default(tmp_path: Path) -> None:
    lines = re.findall(r"^# (AUTOTRADER__\w+=.+)$", FILE.read_text(encoding="utf-8"), re.MULTILINE)
    variables = dict(line.split("=", 1) for line in lines)
    (tmp_path / "autotrader.toml").write_text("")
    loaded = read_settings(tmp_path / "autotrader.toml", environment=variables)
    assert len(loaded.said) == len(variables) > 30
    defaults = Settings().model_dump(mode="json")
    said = loaded.settings.model_dump(mode="json")
    for section, keys in defaults.items():
        for key, value in keys.items():
            found = said[section][key]
            same = str(found).endswith(str(value)) if isinstance(value, str) else found == value or found is not None
            assert same, (section, key, value, found)


def test_every_variable_of_compose_is_in_the_example() -> None:
    named = set(re.findall(r"\$\{(\w+)", (PROJECT / "docker-compose.yml").read_text()))
    assert named and named <= set(re.findall(r"^# (\w+)=", FILE.read_text(encoding="utf-8"), re.MULTILINE))


# -- the image ---------------------------------------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", " ", DOCKERFILE)
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.partition(" ")[0], line.partition(" ")[2]) for line in lines]


def test_the_image_is_built_in_stages_from_pinned_things_and_runs_as_nobody() -> None:
    found = instructions()
    stages = [rest for word, rest in found if word == "FROM"]
    assert len(stages) == 2 and all(re.match(r"python:\d+\.\d+\.\d+-slim-\w+", stage) for stage in stages)
    assert not [word for word, _ in found if word in ("ADD", "MAINTAINER")]
    last = found[max(n for n, (word, _) in enumerate(found) if word == "FROM") :]
    words = [word for word, _ in last]
    assert ("USER", "engine") in last and words.index("USER") < words.index("ENTRYPOINT")
    assert "HEALTHCHECK" in words and dict(last)["ENTRYPOINT"] == '["engine"]'
    pip = [rest for word, rest in found if word == "RUN" and "pip install" in rest]
    assert all("--require-hashes" in rest or "--no-deps" in rest for rest in pip) and len(pip) == 2
    assert not re.search(r"(?i)(password|secret|token|api_key)\s*=", DOCKERFILE)


def test_what_the_image_copies_is_there_and_locked() -> None:
    kept = (PROJECT / ".dockerignore").read_text()
    for word, rest in instructions():
        if word == "COPY" and "--from" not in rest:
            for source in rest.split()[:-1]:
                assert (PROJECT / source).exists(), source
                assert re.search(rf"^!{re.escape(source)}(/\*\.py)?$", kept, re.MULTILINE), f"{source} is left out"
    locked = (PROJECT / "requirements" / "image.txt").read_text()
    for package in ("fastapi", "uvicorn", "prometheus-client", "httpx", "websockets", "cryptography", "hatchling"):
        assert re.search(rf"^{package}==\S+", locked, re.MULTILINE), package
    assert not re.search(r"^(pytest|mypy|hypothesis)==", locked, re.MULTILINE)


def test_no_key_can_get_into_the_image() -> None:
    lines = (PROJECT / ".dockerignore").read_text().splitlines()
    assert lines[1] == "*", "everything is left out but what is named"
    assert not [line for line in lines if line.startswith("!") and re.search(r"env|key|pem|\.db", line)]


# -- metrics -----------------------------------------------------------------------------------------------------------


def served_names() -> set[str]:
    """Every series that the service serves, also of things that have not happened yet."""
    pytest.importorskip("prometheus_client")
    from engine.service.metrics import ServiceMetrics

    worker = {
        "running": True, "requests": [], "strategies": [["p", "VWAP_RECLAIM"]], "outcomes": [],
        "orders": [["entry", "buy", 1]],
        "updates": [["refused", 1]], "fills": [["entry", "buy", 1]], "active_trades": 0, "open_orders": 0, "fees": 0,
        "equity": 1, "cash": 1, "realised": 0, "halted": False, "halts": 0, "ticks": 0, "events": 0, "data_notes": 0,
        "last_tick": 0, "tick_seconds": {"buckets": [1.0], "counts": [0, 0], "sum": 0},
    }  # fmt: skip
    metrics = ServiceMetrics(lambda: {"worker": (0.0, worker)})
    metrics.seen("GET", "/", 200, 0.1)
    return set(re.findall(r"^(autotrader_\w+)", metrics.text().decode(), re.MULTILINE))


def asked_names() -> set[str]:
    rules = [rule["expr"] for group in ALERTS["groups"] for rule in group["rules"]]
    charts = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    return {name for text in (*rules, *charts) for name in re.findall(r"\b(autotrader_\w+)", text)}


def test_alerts_and_charts_ask_only_for_what_is_served() -> None:
    asked, served = asked_names(), served_names()
    assert asked and asked <= served, asked - served


def test_the_charts_of_the_former_service_are_there() -> None:
    charts = " ".join(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"])
    for wanted in (
        'autotrader_signal_total{setup="VWAP_RECLAIM",outcome="generated"}',
        'autotrader_signal_total{setup="VWAP_RECLAIM",outcome="approved"}', "autotrader_tradier_request_total",
        "autotrader_polygon_request_total", 'autotrader_signal_total{outcome="options_blocked"}',
        "autotrader_active_trades",
    ):  # fmt: skip
        assert wanted in charts


def test_the_dashboard_is_whole() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids) and DASHBOARD["uid"] and DASHBOARD["title"]
    source = yaml.safe_load((OPS / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"][0]
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]} == {source["uid"]}
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("arguments", ["rules alerts.yml", "config --syntax-only prometheus.yml"])
def test_promtool_finds_nothing(arguments: str) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not here: it is in the Debian package prometheus")
    command = ["promtool", "check", *arguments.split()]
    told = subprocess.run(command, cwd=OPS / "prometheus", capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr


# -- the processes -----------------------------------------------------------------------------------------------------


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Variables that name a PostgreSQL of the tests' own; none of them where a file is to be the store."""
    if request.param == "file":
        yield {}
        return
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    with running() as server:
        yield {"AUTOTRADER__STORE__URL": server.url("deployed"), "AUTOTRADER__STORE__PASSWORD": PASSWORD}


@pytest.mark.parametrize("database", ["file", "postgres"], indirect=True)
def test_the_script_runs_the_processes_until_they_are_healthy_and_ends_them(
    tmp_path: Path, database: dict[str, str]
) -> None:
    pytest.importorskip("fastapi")
    (tmp_path / "autotrader.toml").write_text(
        f'[engine]\npacks = ["index_scalper"]\n[rules]\npaths = ["{PROJECT / "rules"}"]\n[market]\ndays = 2000\n'
    )
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRADER_")}
    environment = {
        **inherited, **database, "PYTHON": python(), "PYTHONPATH": str(PROJECT), "API_PORT": str(free_port()),
        "WORKER_OPTIONS": "--paper --symbols SPY --interval 0.2 --trace none", "STREAM_OPTIONS": "--symbols SPY",
        "PRACTICE_OPTIONS": f"--port {free_port()} --date 2025-09-17 --start 10:00 --speed 60",
    }  # fmt: skip
    started = subprocess.Popen(
        ["bash", OPS / "processes.sh"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE,
        stderr=(tmp_path / "err").open("w"), text=True,
    )  # fmt: skip
    assert started.stdout is not None
    said = ""
    for line in started.stdout:
        said += line
        if line.startswith("healthy: "):
            break
    try:
        assert "healthy: " in said, said + (tmp_path / "err").read_text()
    finally:
        started.send_signal(signal.SIGTERM)
        left, _ = started.communicate(timeout=60)
    assert started.returncode == 0
    assert "streamer  | kept " in said + left, "a polite kill ends the stream with what it has"
    told = subprocess.run(
        [python(), "-m", "engine", "db", "check", "--json"], cwd=tmp_path, env=environment, capture_output=True,
        text=True,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
    assert json.loads(told.stdout)["store"].startswith("postgresql://") == bool(database)
    assert (tmp_path / "state" / "autotrader.db").exists() != bool(database)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
