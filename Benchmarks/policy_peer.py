"""Times LeRobot's SmolVLA and transformers' V-JEPA 2 in their published sizes, as `Benchmarks published` times ours.

Usage: python Benchmarks/policy_peer.py JOB PRECISION ROWS FOLDER [SECONDS]     (called by Benchmarks/policy.sh)

JOB        step, chunk or encoder
PRECISION  fp32: what LeRobot computes in without published weights; bf16: what it computes in with them
ROWS       samples, observations or clips at a time
FOLDER     keeps a backbone of random weights, 1 GB, from which bf16 is loaded as LeRobot loads the published one

Any LeRobot with SmolVLA will do (0.4.4 and 0.6.1). Prints one line of JSON: the best and the median round, peak memory.
"""

import json
import os
import sys
import time
from pathlib import Path

import torch

TEXT = {"hidden_size": 960, "intermediate_size": 2560, "num_hidden_layers": 32, "num_attention_heads": 15}
TEXT |= {"num_key_value_heads": 5, "head_dim": 64, "vocab_size": 49280}
VISION = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
VISION |= {"image_size": 512, "patch_size": 16}


def backbone(folder, has_weights):
    """The folder of a backbone with the published sizes."""
    from transformers import SmolVLMConfig, SmolVLMForConditionalGeneration

    place = folder / "backbone"
    if not (place / "config.json").exists():
        text = {**TEXT, "model_type": "llama", "tie_word_embeddings": False}
        config = SmolVLMConfig(text_config=text, vision_config=VISION, scale_factor=4, tie_word_embeddings=False)
        config.save_pretrained(place)
    if has_weights and not (place / "model.safetensors").exists():
        config = SmolVLMConfig.from_pretrained(place)
        SmolVLMForConditionalGeneration(config).to(torch.bfloat16).save_pretrained(place, max_shard_size="9GB")
    return place


def policy(precision, folder):
    from lerobot.configs.types import FeatureType, PolicyFeature
    from lerobot.policies.smolvla.configuration_smolvla import SmolVLAConfig
    from lerobot.policies.smolvla.modeling_smolvla import SmolVLAPolicy
    from transformers import AutoProcessor

    # Only its tokenizer's special tokens would be asked for; the batch brings tokens.
    class Processor:
        tokenizer = type("Tokenizer", (), {"fake_image_token_id": 3, "global_image_token_id": 4})()

    AutoProcessor.from_pretrained = lambda *arguments, **keywords: Processor
    has_weights = precision == "bf16"
    visual = PolicyFeature(FeatureType.VISUAL, (3, 256, 256))
    config = SmolVLAConfig(
        device="cpu",
        push_to_hub=False,
        load_vlm_weights=has_weights,
        vlm_model_name=str(backbone(folder, has_weights)),
        input_features={
            "observation.images.image": visual,
            "observation.images.image2": visual,
            "observation.state": PolicyFeature(FeatureType.STATE, (8,)),
        },
        output_features={"action": PolicyFeature(FeatureType.ACTION, (7,))},
    )
    return SmolVLAPolicy(config)


def batch(rows):
    batch = {f"observation.images.{name}": torch.full((rows, 3, 256, 256), 0.5) for name in ("image", "image2")}
    batch["observation.state"] = torch.randn(rows, 8)
    batch["observation.language.tokens"] = torch.ones(rows, 20, dtype=torch.long)
    batch["observation.language.attention_mask"] = torch.ones(rows, 20, dtype=torch.bool)
    batch["action"] = torch.randn(rows, 50, 7)
    batch["action_is_pad"] = torch.zeros(rows, 50, dtype=torch.bool)
    return batch


def step(precision, rows, folder):
    network, data = policy(precision, folder).train(), batch(rows)
    config = network.config
    optimizer = torch.optim.AdamW(
        network.get_optim_params(),
        lr=config.optimizer_lr,
        betas=config.optimizer_betas,
        eps=config.optimizer_eps,
        weight_decay=config.optimizer_weight_decay,
    )

    def once():
        loss, _ = network.forward(dict(data))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), config.optimizer_grad_clip_norm)
        optimizer.step()
        optimizer.zero_grad()
        loss.item()

    return once


def chunk(precision, rows, folder):
    network, data = policy(precision, folder).eval(), batch(rows)

    def once():
        with torch.no_grad():
            network.predict_action_chunk(dict(data))

    return once


def encoder(precision, rows, folder):
    from transformers import VJEPA2Config, VJEPA2Model

    network = VJEPA2Model(VJEPA2Config(pred_num_hidden_layers=1, attn_implementation="sdpa")).eval()
    network = network.to(torch.bfloat16 if precision == "bf16" else torch.float32)
    clips = torch.randn(rows, 4, 3, 256, 256, dtype=next(network.parameters()).dtype)

    def once():
        with torch.no_grad():
            network(pixel_values_videos=clips, skip_predictor=True).last_hidden_state.mean(1)

    return once


def main():
    job, precision, rows, folder, *rest = sys.argv[1:]
    once = {"step": step, "chunk": chunk, "encoder": encoder}[job](precision, int(rows), Path(folder))
    # How weights came into being does not count.
    Path("/proc/self/clear_refs").write_text("5")
    once()
    rounds, end = [], time.perf_counter() + float(rest[0] if rest else 20)
    while True:
        start = time.perf_counter()
        once()
        rounds.append(time.perf_counter() - start)
        if time.perf_counter() > end:
            break
    if job == "encoder":
        import transformers

        program = f"transformers {transformers.__version__}"
    else:
        from importlib.metadata import version

        program = f"LeRobot {version('lerobot')}"
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peak = int(status["VmHWM"].split()[0]) // 1024
    figures = {"program": program, "job": job, "precision": precision, "rows": int(rows), "seconds": min(rounds)}
    figures |= {"median_seconds": sorted(rounds)[len(rounds) // 2], "peak_mb": peak, "torch": torch.__version__}
    print(json.dumps(figures))


os.environ.setdefault("HF_HUB_OFFLINE", "1")
main()
