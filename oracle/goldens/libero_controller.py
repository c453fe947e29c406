"""Writes what robosuite's OSC_POSE controller, its rotations and LeRobot's state vector compute.

Usage: MUJOCO_GL=osmesa python -m oracle.goldens.libero_controller FOLDER ASSETS

Packages: hf-libero==0.1.4 robosuite==1.4.0 mujoco==3.3.2 lerobot==0.4.4

ASSETS is a folder or a tar file of LIBERO's scene assets. Each row is one physics step of libero_spatial's task 0 under
random actions: what the controller read, its goal before and after the action, and its torques.
"""

import contextlib
import sys
import tempfile

import numpy as np
import torch
from safetensors.numpy import save_file

from oracle.common import libero_official


def main(output: str, assets: str) -> None:
    settings = tempfile.TemporaryDirectory()
    libero_official.settings(settings.name, libero_official.unpack(assets, tempfile.gettempdir()))
    module = libero_official.load()
    with contextlib.redirect_stdout(sys.stderr):
        import robosuite.utils.transform_utils as transforms
        from lerobot.processor.env_processor import LiberoProcessorStep
        from libero.libero.envs import OffScreenRenderEnv

        task = module._get_suite("libero_spatial").tasks[0]
        environment = OffScreenRenderEnv(
            bddl_file_name=f"{module.get_libero_path('bddl_files')}/libero_spatial/{task.bddl_file}",
            use_camera_obs=False,
        )
        environment.seed(0)
        environment.reset()
    controller = environment.env.robots[0].controller
    random = np.random.RandomState(3)
    rows = {}

    def note(**values):
        for key, value in values.items():
            rows.setdefault(key, []).append(np.array(value, np.float64).ravel())

    run, set_goal = controller.run_controller, controller.set_goal
    keep = False

    def noted_goal(action):
        before = controller.goal_pos.copy(), controller.goal_ori.copy()
        set_goal(action)
        if keep:
            note(
                action=action,
                goal_before=np.concatenate([before[0], before[1].ravel()]),
                goal_after=np.concatenate([controller.goal_pos, controller.goal_ori.ravel()]),
            )

    def noted_run():
        torques = run()
        if keep and controller.steps % 25 == 0:
            note(
                position=controller.ee_pos,
                rotation=controller.ee_ori_mat,
                velocity=controller.ee_pos_vel,
                angular_velocity=controller.ee_ori_vel,
                joint_positions=controller.joint_pos,
                joint_velocities=controller.joint_vel,
                translation=controller.J_pos,
                turning=controller.J_ori,
                mass=controller.mass_matrix,
                bias=controller.torque_compensation,
                resting=controller.initial_joint,
                torques=torques,
            )
        controller.steps += 1
        return torques

    controller.steps = 0
    controller.set_goal, controller.run_controller = noted_goal, noted_run
    for index in range(32):
        action = random.uniform(-1.3, 1.3, 7)
        if index % 4 == 0:
            action[3:6] = 0
        if index % 5 == 0:
            action[:6] *= 0.01
        controller.use_delta = index < 24
        if index >= 24:
            action[:3] = controller.ee_pos + 0.05 * action[:3]
        keep = index % 2 == 0
        environment.step(action)

    vectors = np.concatenate([random.uniform(-4, 4, (12, 3)), np.zeros((1, 3)), 1e-7 * np.eye(3)])
    quaternions = np.stack([transforms.axisangle2quat(vector) for vector in vectors])
    matrices = np.stack([transforms.quat2mat(quaternion) for quaternion in quaternions])
    states = np.concatenate([quaternions, -quaternions, [[1e-9, 0, 0, 1.0]], [[0, 0, 0, -1.0]], [[1, 0, 0, 1e-4]]])
    turned = LiberoProcessorStep()._quat2axisangle(torch.from_numpy(states)).numpy()
    save_file(
        {
            **{key: np.stack(values) for key, values in rows.items()},
            "axis_angle": vectors,
            "quaternion": quaternions,
            "matrix": matrices,
            "state_quaternion": states,
            "state_axis_angle": turned,
        },
        f"{output}/controller.safetensors",
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
