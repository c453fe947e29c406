"""Shares a cache and a hub with the Swift side, step by step; called by the tests of HuggingFaceHub.

Usage: python -m oracle.parity.hub read ENDPOINT CACHE        Python reads what Swift fetched without asking for content
       python -m oracle.parity.hub fetch ENDPOINT CACHE       Python fetches, for Swift to read
       python -m oracle.parity.hub upload ENDPOINT CACHE      Python uploads: the loopback hub speaks the hub's protocol
       python -m oracle.parity.hub card ENDPOINT CACHE        Python reads the card that Swift uploaded
       python -m oracle.parity.hub lock ENDPOINT CACHE BLOB   Python holds a blob's lock for a second

Packages: huggingface-hub==0.35.3
"""

import os
import sys
import tempfile
import time

step, endpoint, cache = sys.argv[1:4]
os.environ.update(HF_ENDPOINT=endpoint, HF_HUB_CACHE=cache, HF_HUB_DISABLE_XET="1", HF_HUB_OFFLINE="0", HF_TOKEN="any")
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"

from huggingface_hub import HfApi, ModelCard, hf_hub_download, scan_cache_dir, snapshot_download  # noqa: E402
from huggingface_hub.utils import WeakFileLock  # noqa: E402


def content(folder):
    found = {}
    for path, _, names in os.walk(folder):
        for name in names:
            file = os.path.join(path, name)
            found[os.path.relpath(file, folder)] = open(file, "rb").read()
    return found


def blobs(snapshot):
    return sorted(os.listdir(os.path.join(snapshot, "../../blobs")))


if step == "read":
    for kind, name, revision in [("model", "user/toy", "main"), ("dataset", "user/data", "v3.0")]:
        offline = snapshot_download(name, repo_type=kind, revision=revision, local_files_only=True)
        online = snapshot_download(name, repo_type=kind, revision=revision)
        assert offline == online, (offline, online)
        fresh = snapshot_download(name, repo_type=kind, revision=revision, cache_dir=cache + ".fresh")
        assert content(offline) == content(fresh), name
        assert blobs(offline) == blobs(fresh), name
    report = scan_cache_dir(cache)
    assert not report.warnings and len(report.repos) == 2, report
elif step == "fetch":
    snapshot_download("user/toy")
    snapshot_download("user/data", repo_type="dataset", revision="v3.0")
    # transformers fetches file by file, and so leaves snapshots that are not whole.
    hf_hub_download("user/part", "config.json")
elif step == "upload":
    # Another content than the store has.
    folder = tempfile.mkdtemp()
    for name, data in content(snapshot_download("user/toy")).items():
        os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
        open(os.path.join(folder, name), "wb").write(data[::-1])
    api = HfApi()
    api.create_repo("user/python", private=True, exist_ok=True)
    api.create_repo("user/python", private=True, exist_ok=True)
    api.upload_folder(repo_id="user/python", folder_path=folder, commit_message="from Python")
    assert content(snapshot_download("user/python")).items() >= content(folder).items()
    references = api.list_repo_refs("user/data", repo_type="dataset")
    assert [tag.name for tag in references.tags] == ["v3.0"]
elif step == "card":
    card = ModelCard.load(hf_hub_download("user/new", "README.md"))
    data = card.data
    assert (data.base_model, data.datasets, data.license) == ("lerobot/smolvla_base", "user/data", "apache-2.0"), data
    assert (data.library_name, data.pipeline_tag, data.model_name) == ("lerobot", "robotics", "smolvla"), data
    assert set(data.tags) == {"robotics", "lerobot", "smolvla", "yes", 'a "b": c'}, data.tags
elif step == "lock":
    locks = os.path.join(cache, ".locks", "models--user--toy")
    os.makedirs(locks, exist_ok=True)
    with WeakFileLock(os.path.join(locks, sys.argv[4] + ".lock")):
        print("held", flush=True)
        time.sleep(1)
        print("released", flush=True)
else:
    sys.exit(f"there is no step {step}")
