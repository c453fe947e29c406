"""Reads the logs of training runs with the packages that they are written for, and compares with metrics.jsonl.

Usage: WM_PARITY_RUNS=FOLDER swift test --filter 'leaves logs for the official readers'
       python -m oracle.parity.run_logs FOLDER

Packages: tensorboard==2.21.0 wandb==0.24.2 numpy==2.2.6

TensorBoard's EventAccumulator must find every step once; wandb's DataStore and protobufs the rows, the settings and the
end; and `wandb sync` must upload all of it to a server on loopback that only listens. Exit code 0 if all agree: W&B's
numbers exactly, TensorBoard's as float32.
"""

import gzip
import hashlib
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from wandb.proto import wandb_internal_pb2
from wandb.sdk.internal.datastore import DataStore


def expected(run: Path) -> dict[int, dict[str, float]]:
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    named = {
        row.pop("step"): {key if key.startswith("eval/") else f"train/{key}": value for key, value in row.items()}
        for row in rows
    }
    assert len(named) == len(rows), "metrics.jsonl has a step twice"
    return named


def check_tensorboard(run: Path, rows: dict[int, dict[str, float]]) -> int:
    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    count = 0
    for tag in {key for row in rows.values() for key in row}:
        wanted = [(step, np.float32(row[tag]).item()) for step, row in rows.items() if tag in row]
        found = [(event.step, event.value) for event in events.Scalars(tag)]
        assert found == wanted, f"{tag}: TensorBoard reads {found}, metrics.jsonl has {wanted}"
        count += len(found)
    assert set(events.Tags()["scalars"]) == {key for row in rows.values() for key in row}
    text = events.Tensors("config/text_summary")[-1].tensor_proto.string_val[0].decode()
    assert '"policy"' in text, text[:200]
    return count


def measured(row: dict) -> dict[str, float]:
    """A row of W&B's as metrics.jsonl has it: without what W&B adds, how far the run had come, and the video."""
    assert row["train/steps"] == row["_step"] and row["train/samples"] > 0
    beside = {f"train/{name}" for name in ("steps", "samples", "episodes", "epochs")} | {"eval/video"}
    return {key: value for key, value in row.items() if not key.startswith("_") and key not in beside}


def wandb_file(run: Path) -> Path:
    (file,) = run.glob("wandb/offline-run-*/run-*.wandb")
    assert (run / "wandb/latest-run").resolve() == file.parent.resolve()
    return file


def settings(run: Path) -> dict:
    return json.loads((run / "checkpoints/last/pretrained_model/train_config.json").read_text())


def holds(logged, saved) -> bool:
    """Whether what W&B was told has all that LeRobot's file has; beside it stands what LeRobot does not know."""
    if isinstance(saved, dict):
        return all(holds(logged[key], value) for key, value in saved.items())
    return logged == saved


def check_records(run: Path, rows: dict[int, dict[str, float]]) -> int:
    store = DataStore()
    store.open_for_scan(str(wandb_file(run)))
    records = []
    while (content := store.scan_data()) is not None:
        records.append(wandb_internal_pb2.Record())
        records[-1].ParseFromString(content)
    kinds = [record.WhichOneof("record_type") for record in records]
    assert kinds[:2] == ["header", "run"] and kinds.count("run") == 1 and kinds[-1] == "exit", kinds
    assert kinds.count("exit") == 1 and records[-1].exit.exit_code == 0
    assert [record.num for record in records] == list(range(1, len(records) + 1))
    description, config = records[1].run, {}
    for record in records:
        updates = record.run.config.update if record.HasField("run") else record.config.update
        config |= {item.key: json.loads(item.value_json) for item in updates}
    saved = settings(run)
    assert description.run_id == saved["wandb"]["run_id"] and description.project == "lerobot"
    assert f"policy:{saved['policy']['type']}" in description.tags
    for key in ("steps", "batch_size", "seed", "dataset", "policy", "eval", "wandb"):
        assert holds(config[key], saved[key]), (key, config[key], saved[key])
    found = []
    for record in records:
        if not record.HasField("history"):
            continue
        row = {".".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
        assert row["_step"] == record.history.step.num and row["_runtime"] >= 0
        if "eval/pc_success" in row:
            video = row["eval/video"]
            file = (wandb_file(run).parent / "files" / video["path"]).read_bytes()
            assert video["sha256"] == hashlib.sha256(file).hexdigest() and video["size"] == len(file)
        found.append((row["_step"], measured(row)))
    assert found == list(rows.items()), f"W&B's rows are {found}, metrics.jsonl has {rows}"
    return len(found)


class Server(http.server.ThreadingHTTPServer):
    """Answers as the W&B service does as far as uploading goes, and keeps what it was sent."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.history: list[dict] = []
        self.config: dict = {}
        self.exit_code = None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        try:
            content = json.loads(body)
        except ValueError:
            content = {}
        answer = {}
        if self.path == "/graphql":
            answer = {"data": self.query(content["query"], content.get("variables") or {})}
        elif self.path.endswith("/file_stream"):
            lines = content.get("files", {}).get("wandb-history.jsonl", {}).get("content", [])
            self.server.history += [json.loads(line) for line in lines]
            if content.get("complete"):
                self.server.exit_code = content["exitcode"]
        self.answer(200, answer)

    def do_GET(self):
        self.answer(404, {})

    def query(self, text: str, variables: dict) -> dict:
        if "upsertBucket" in text:
            self.server.config |= json.loads(variables.get("config") or "{}")
            project = {"id": "p", "name": variables["project"], "entity": {"id": "e", "name": "me"}}
            bucket = {"id": "r", "name": variables["name"], "displayName": "", "config": "{}", "historyLineCount": 0}
            return {"upsertBucket": {"bucket": bucket | {"project": project}, "inserted": True}}
        info = {"cliVersionInfo": {"max_cli_version": "99.0.0"}, "latestLocalVersionInfo": None, "features": []}
        viewer = {"id": "v", "entity": "me", "username": "me", "flags": "{}", "teams": {"edges": []}}
        return {"viewer": viewer, "serverInfo": info}

    def answer(self, status: int, content: dict):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def check_sync(run: Path, rows: dict[int, dict[str, float]]) -> int:
    server = Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as home:
        folders = {f"WANDB_{name}_DIR": home for name in ("CACHE", "CONFIG", "DATA")}
        environment = (
            os.environ
            | folders
            | {
                "HOME": home,
                "WANDB_BASE_URL": f"http://127.0.0.1:{server.server_port}",
                "WANDB_API_KEY": "0" * 40,
                "WANDB_ERROR_REPORTING": "false",
            }
        )
        program = [sys.executable, "-m", "wandb", "sync", str(wandb_file(run).parent)]
        done = subprocess.run(program, env=environment, cwd=home, timeout=120, capture_output=True, text=True)
    server.shutdown()
    assert done.returncode == 0, done.stdout + done.stderr
    wandb_file(run).with_suffix(".wandb.synced").unlink(missing_ok=True)
    found = [(row["_step"], measured(row)) for row in server.history]
    assert found == list(rows.items()), f"uploaded {found}, metrics.jsonl has {rows}"
    assert server.config["steps"]["value"] == settings(run)["steps"], server.config
    assert server.exit_code == 0, server.exit_code
    return len(found)


def main():
    runs = sorted(path for path in Path(sys.argv[1]).iterdir() if (path / "metrics.jsonl").exists())
    assert runs, f"{sys.argv[1]} has no runs"
    for run in runs:
        rows = expected(run)
        scalars = check_tensorboard(run, rows)
        records = check_records(run, rows)
        assert check_sync(run, rows) == records
        print(f"logs of {run.name}: TensorBoard reads {scalars} values, W&B reads and syncs {records} rows")


if __name__ == "__main__":
    main()
