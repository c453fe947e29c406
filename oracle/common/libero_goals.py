"""States that fulfill a LIBERO task's goal, or nearly: what the goal speaks of is moved to where it begins to hold.

Usage: imported, not run. Works with an `OffScreenRenderEnv` of hf-libero's.

Packages: numpy==2.2.6
"""

import numpy as np


def move(environment, predicate, random):
    """Moves what a predicate speaks of to somewhere near where it begins to hold."""
    env, data, model = environment.env, environment.sim.data, environment.sim.model
    things = [env.object_states_dict[name] for name in predicate[1:]]
    if len(things) == 1:
        thing = things[0]
        owner = (
            env.object_sites_dict[thing.object_name]
            if thing.object_state_type == "site"
            else env.get_object(thing.object_name)
        )
        for joint in owner.joints:
            low, high = model.jnt_range[model.joint_name2id(joint)]
            data.set_joint_qpos(joint, random.choice([low, high, 0]) + random.uniform(-0.03, 0.03))
        return
    moved = env.get_object(predicate[1])
    if things[1].object_state_type == "site":
        site = env.object_sites_dict[predicate[2]]
        reach = np.abs(data.get_site_xmat(predicate[2]) @ np.asarray(site.size, float))
        target = data.get_site_xpos(predicate[2]) + random.uniform(-1.2, 1.2, 3) * reach
        if predicate[0] == "on":
            target[2] += random.uniform(-0.02, 0.12)
    else:
        target = data.body_xpos[env.obj_body_id[predicate[2]]] + random.uniform(-1, 1, 3) * [0.03, 0.03, 0.04]
    turn = random.uniform(-np.pi, np.pi)
    upright = data.get_joint_qpos(moved.joints[-1])[3:]
    half = np.array([np.cos(turn / 2), 0, 0, np.sin(turn / 2)])
    w, x, y, z = (
        half[0] * upright[0] - half[3] * upright[3],
        half[0] * upright[1] - half[3] * upright[2],
        half[0] * upright[2] + half[3] * upright[1],
        half[0] * upright[3] + half[3] * upright[0],
    )
    data.set_joint_qpos(moved.joints[-1], np.concatenate([target, [w, x, y, z]]))


def attempt(environment, state, random, joints_first=False):
    """Begins at an initial state and moves everything that the goal speaks of; gives whether it is now reached."""
    environment.set_init_state(state)
    goal = environment.env.parsed_problem["goal_state"]
    # What is put into a drawer must not stay behind when the drawer moves.
    for predicate in sorted(goal, key=len) if joints_first else goal:
        move(environment, predicate, random)
        environment.sim.forward()
    return environment.env._check_success()


def reaching(environment, state, random, idle, attempts=2000, trials=30):
    """A state in which the goal is reached, and still is after 15 idle steps; None where none is found."""
    for _ in range(attempts):
        if trials == 0:
            return None
        if not attempt(environment, state, random, joints_first=True):
            continue
        found = environment.get_sim_state()
        trials -= 1
        for _ in range(15):
            environment.step(idle)
        if environment.check_success():
            return found
    return None
