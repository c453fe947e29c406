"""The policy `smolvla_world` for LeRobot, `--policy.type=smolvla_world`; what it computes is lerobot_wm's native core."""

from .configuration_smolvla_world import SmolVLAWorldConfig
from .modeling_smolvla_world import SmolVLAWorldPolicy
from .processor_smolvla_world import make_smolvla_world_pre_post_processors

__all__ = ["SmolVLAWorldConfig", "SmolVLAWorldPolicy", "make_smolvla_world_pre_post_processors"]
