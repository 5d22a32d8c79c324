"""What the stages log to MLflow: a run each, and a registry of the released versions.

MLFLOW_TRACKING_URI says where to; by default it is a SQLite file in runs/. The work does not hang on it: where MLflow is not installed or
its store cannot be opened, a stage says so in one line and goes on.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

RUNS = Path(__file__).resolve().parent / "runs"
EXPERIMENT = "troupe"


class Tracked:
    """A stage's run; without MLflow every call does nothing."""

    def __init__(self, mlflow=None, run_id: str | None = None):
        self.mlflow, self.run_id = mlflow, run_id

    def metrics(self, values: dict[str, float], step: int | None = None) -> None:
        if self.mlflow:
            self.mlflow.log_metrics({name: float(value) for name, value in values.items()}, step=step)

    def artifact(self, path: Path) -> None:
        if self.mlflow:
            self.mlflow.log_artifact(str(path))

    def register(self, folder: Path, line: dict) -> None:
        """A version of the registered model troupe-<task>. The weights stay in models/; `sync` gives it its alias."""
        if not self.mlflow:
            return
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        self.metrics(manifest.get("metrics", {}))
        for path in (folder / "manifest.json", folder / "card.md"):
            if path.exists():
                self.mlflow.log_artifact(str(path), "version")
        client, name = self.mlflow.MlflowClient(), f"troupe-{manifest['task']}"
        if not client.search_registered_models(f"name = '{name}'"):
            client.create_registered_model(name)
        tags = {"version": manifest["version"], "folder": str(folder)} | {key: str(line[key]) for key in ("by", "why", "at") if key in line}
        client.create_model_version(name, f"runs:/{self.run_id}/version", self.run_id, tags=tags)

    def sync(self, registry: dict) -> list[str]:
        """The aliases `live` and `previous` of every registered model as models/registry.json has them, a sentence for each that moved.
        A version that MLflow does not know (one that came with the repository, say) leaves its alias to nobody, not to a wrong one."""
        if not self.mlflow:
            return []
        client, moved = self.mlflow.MlflowClient(), []
        for task, entry in registry["tasks"].items():
            name = f"troupe-{task}"
            if not client.search_registered_models(f"name = '{name}'"):
                continue
            known = {made.tags.get("version"): made.version for made in sorted(client.search_model_versions(f"name = '{name}'"), key=age)}
            last = (entry.get("history") or [{}])[-1]
            wanted = {"live": entry["live"], "previous": last.get("previous") if last.get("live") == entry["live"] else None}
            aliases = client.get_registered_model(name).aliases
            for alias, version in wanted.items():
                now, then = known.get(version), aliases.get(alias)
                if now and now != then:
                    client.set_registered_model_alias(name, alias, now)
                    moved.append(f"{name}: {alias} is {version}")
                elif then and not now:
                    client.delete_registered_model_alias(name, alias)
                    moved.append(f"{name}: {alias} is nobody here; registry.json says {version or 'nothing'}")
        return moved


def age(made) -> int:
    """A version registered twice counts as the newer one."""
    return int(made.version)


@contextmanager
def run(stage: str, params: dict) -> Iterator[Tracked]:
    """Logs the parameters, nested ones as a.b; the run ends as failed when the stage does."""
    mlflow = open_store(stage)
    if mlflow is None:
        yield Tracked()
        return
    with mlflow.start_run(run_name=stage, tags={"stage": stage}) as started:
        mlflow.log_params(flat(params))
        yield Tracked(mlflow, started.info.run_id)


def open_store(stage: str):
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    try:
        import mlflow
    except ImportError:
        print(f"{stage}: MLflow is not installed, this run is not tracked (pip install -e 'training[tracking]')", flush=True)
        return None
    try:
        if not os.environ.get("MLFLOW_TRACKING_URI"):
            RUNS.mkdir(exist_ok=True)
            mlflow.set_tracking_uri(f"sqlite:///{RUNS / 'mlflow.db'}")
        else:
            mlflow.set_tracking_uri(os.environ["MLFLOW_TRACKING_URI"])
        uri = mlflow.get_tracking_uri()
        if mlflow.get_experiment_by_name(EXPERIMENT) is None:
            beside = Path(uri.removeprefix("sqlite:///")).parent / "mlruns" if uri.startswith("sqlite:///") else None
            mlflow.create_experiment(EXPERIMENT, artifact_location=beside.as_uri() if beside else None)
        mlflow.set_experiment(EXPERIMENT)
    except Exception as error:  # a store of any kind may fail in ways of its own
        print(f"{stage}: this run is not tracked, MLflow's store cannot be opened: {str(error).splitlines()[0]}", flush=True)
        return None
    return mlflow


def flat(params: dict, before: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in params.items():
        found |= flat(value, f"{before}{name}.") if isinstance(value, dict) else {f"{before}{name}": value}
    return found
