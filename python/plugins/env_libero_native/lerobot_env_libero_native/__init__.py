"""LIBERO on lerobot_wm's native simulator for LeRobot, `--env.type=libero_native`."""

from .configuration_libero_native import LiberoNativeEnv

__all__ = ["LiberoNativeEnv"]
