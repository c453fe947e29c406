"""Draws world encoders in their published sizes with what transformers makes of images, and measures its speed.

Usage: python -m oracle.parity.encoders draw FOLDER [NAME …]   encoders as sharded repositories, for Swift to read
       python -m oracle.parity.encoders time FOLDER NAME       the seconds that one clip takes
           (called by oracle/parity/encoders.sh)

Packages: torch==2.13.0 transformers==4.57.6 safetensors==0.8.0

ViT-H and ViT-g are cut to two layers.
"""

import sys
import time
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import BitImageProcessor, Dinov2Config, Dinov2Model, VJEPA2Config, VJEPA2Model

PREDICTOR = dict(pred_hidden_size=12, pred_num_attention_heads=1, pred_num_hidden_layers=1, pred_num_mask_tokens=1)
ENCODERS = {
    # name: (configuration, layers of the published model)
    "vjepa2-vitl": VJEPA2Config(**PREDICTOR),
    "vjepa2-vith": VJEPA2Config(hidden_size=1280, num_attention_heads=16, num_hidden_layers=2, **PREDICTOR),
    "vjepa2-vitg": VJEPA2Config(
        hidden_size=1408, num_attention_heads=22, num_hidden_layers=2, mlp_ratio=4.363636363636363, **PREDICTOR
    ),
    "dinov2-base": Dinov2Config(image_size=518, layerscale_value=1.0),
    "dinov2-large": Dinov2Config(
        image_size=518, hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, layerscale_value=1.0
    ),
}
MEAN, DEVIATION = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
THREADS = 2


def model(folder, name):
    kind = VJEPA2Model if name.startswith("vjepa2") else Dinov2Model
    return kind.from_pretrained(folder / name, attn_implementation="sdpa").eval()


def inputs(folder, name):
    images = load_file(folder / name / "pictures.safetensors")["pictures"]
    if name.startswith("dinov2"):
        processor = BitImageProcessor.from_pretrained(folder / name)
        return processor(images=list(images.numpy()), return_tensors="pt").pixel_values
    return ((images.permute(0, 3, 1, 2).float() / 255 - MEAN[:, None, None]) / DEVIATION[:, None, None])[None]


def run(network, pixels):
    with torch.no_grad():
        if isinstance(network, Dinov2Model):
            output = network(pixel_values=pixels)
            return output.last_hidden_state, output.pooler_output.mean(0, keepdim=True)
        hidden = network(pixel_values_videos=pixels, skip_predictor=True).last_hidden_state
        return hidden, hidden.mean(1)


def draw(folder, names):
    for name in names or ENCODERS:
        torch.manual_seed(len(name))
        config = ENCODERS[name]
        network = (VJEPA2Model if name.startswith("vjepa2") else Dinov2Model)(config)
        network.save_pretrained(folder / name, max_shard_size="500MB")
        if name.startswith("dinov2"):
            BitImageProcessor(
                size={"shortest_edge": 256},
                crop_size={"height": 224, "width": 224},
                resample=3,
                image_mean=MEAN.tolist(),
                image_std=DEVIATION.tolist(),
            ).save_pretrained(folder / name)
        images = torch.randint(0, 256, (4, 256, 256, 3), dtype=torch.uint8)
        save_file({"pictures": images}, folder / name / "pictures.safetensors")
        hidden, latent = run(model(folder, name), inputs(folder, name))
        save_file({"hidden": hidden.contiguous(), "latent": latent}, folder / name / "expected.safetensors")


def seconds(folder, name):
    network, pixels = model(folder, name), inputs(folder, name)
    best = float("inf")
    for _ in range(4):
        start = time.perf_counter()
        run(network, pixels)
        best = min(best, time.perf_counter() - start)
    print(f"{best:.2f} s of {THREADS} threads")


def main():
    torch.set_num_threads(THREADS)
    folder = Path(sys.argv[2])
    if sys.argv[1] == "draw":
        draw(folder, sys.argv[3:])
    else:
        seconds(folder, sys.argv[3])


if __name__ == "__main__":
    main()
