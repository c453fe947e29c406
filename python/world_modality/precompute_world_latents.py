"""`python -m world_modality.precompute_world_latents …` is `lerobot-wm-precompute …`."""

from lerobot_wm.program import precompute

if __name__ == "__main__":
    precompute()
