"""Times an evaluation of SmolVLA's published size in LIBERO, by LeRobot and by this program.

Usage: python -m oracle.parity.closed_loop PROGRAM ASSETS [--episodes N] [--steps N]   (called by oracle/parity/libero.sh bench)

Packages: hf-libero==0.1.4 robosuite==1.4.0 mujoco==3.3.2 lerobot==0.4.4

PROGRAM is the built lerobot-wm, ASSETS a folder or a tar file of LIBERO's scene assets. Both evaluate one checkpoint with
random weights in float32 on libero_spatial's task 0: episodes side by side, two cameras of 256², 10 actions of each chunk.
Episodes end after --steps actions, for such a policy never succeeds. Exits with 1 where the ratio falls short.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from oracle.common import libero_official

SUITE, TASK = "libero_spatial", 0
BAR = 1.5


def official(arguments):
    """LeRobot's command in this process, with LIBERO's assets where they were unpacked."""
    libero_official.load()
    from lerobot.scripts.lerobot_eval import main

    sys.argv = ["lerobot-eval", *arguments]
    main()


def write(folder):
    from oracle.parity import real_size

    real_size.prepare(folder)


def seconds(command, policy, output):
    """The whole command's time, and that of its episodes as it says itself."""
    begun = time.perf_counter()
    log = output.with_suffix(".log")
    with open(log, "w") as file:
        done = subprocess.run([*command, f"--output_dir={output}"], cwd=policy, stdout=file, stderr=file)
    whole = time.perf_counter() - begun
    if done.returncode:
        print(log.read_text()[-3000:], file=sys.stderr)
        raise SystemExit(f"closed_loop: {command[0]} failed")
    return whole, json.loads((output / "eval_info.json").read_text())["overall"]["eval_s"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("assets")
    parser.add_argument("--episodes", type=int, default=10)
    parser.add_argument("--steps", type=int, default=20)
    arguments = parser.parse_args()
    threads = str(len(os.sched_getaffinity(0)))
    os.environ.update(OMP_NUM_THREADS=threads, LP_NUM_THREADS="1", MUJOCO_GL="osmesa", PYOPENGL_PLATFORM="osmesa")
    os.environ["PYTHONPATH"] = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        libero_official.settings(str(folder), libero_official.unpack(arguments.assets, tempfile.gettempdir()))
        # In a process of its own, whose memory is then free.
        policy = folder / "policy"
        subprocess.run([sys.executable, "-m", "oracle.parity.closed_loop", "write", str(policy)], check=True)
        flags = ["--policy.path=.", "--policy.n_action_steps=10", "--policy.device=cpu", "--env.type=libero"]
        flags += [f"--env.task={SUITE}", f"--env.task_ids=[{TASK}]", f"--env.episode_length={arguments.steps}"]
        flags += ["--env.observation_height=256", "--env.observation_width=256"]
        flags += [f"--eval.n_episodes={arguments.episodes}", f"--eval.batch_size={arguments.episodes}", "--seed=1"]
        peer = [sys.executable, "-m", "oracle.parity.closed_loop", "official", *flags]
        theirs = seconds(peer, policy, folder / "official")
        program = os.path.abspath(arguments.program)
        ours = seconds([program, "eval", *flags, f"--num_compute_threads={threads}"], policy, folder / "ours")
    print(f"{arguments.episodes} episodes of {arguments.steps} actions, {SUITE} task {TASK}, {threads} threads:")
    for name, (whole, episodes) in (("official", theirs), ("this", ours)):
        print(f"{name:<34}{whole:8.1f} s, of which episodes {episodes:.1f} s")
    ratio = theirs[0] / ours[0]
    print(f"{'closed loop':<34}{ratio:8.2f}×  asked: at least {BAR}×  {'ok' if ratio >= BAR else 'MISSED'}")
    return int(ratio < BAR)


if __name__ == "__main__":
    if sys.argv[1] == "official":
        official(sys.argv[2:])
    elif sys.argv[1] == "write":
        write(Path(sys.argv[2]))
    else:
        sys.exit(main())
