"""The name under which the runbook calls `python -m world_modality.precompute_world_latents`."""
