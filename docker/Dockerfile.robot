# The robot PC: franka_ros2, CRISP's controllers, realsense2_camera and visuomotor in one workspace.
# The kernel stays the host's: it must be PREEMPT_RT (docs/hardware.md). Not built by the authors:
# they had neither a docker daemon nor a robot.
#   docker compose -f docker/compose.yaml build robot
ARG ROS_DISTRO=jazzy
FROM ros:${ROS_DISTRO}

SHELL ["/bin/bash", "-o", "pipefail", "-c"]
ENV DEBIAN_FRONTEND=noninteractive

RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        python3-pip \
        python3-vcstool \
        python3-venv \
        "ros-${ROS_DISTRO}-realsense2-camera" \
        "ros-${ROS_DISTRO}-ros2-control" \
        "ros-${ROS_DISTRO}-ros2-controllers" \
        "ros-${ROS_DISTRO}-ros2controlcli" \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /ws
ARG REPOS=visuomotor.repos
COPY ${REPOS} overlay.repos
RUN mkdir src && vcs import src < overlay.repos --recursive --shallow

# franka_ros2 has packages for other robots; only what this one needs is built.
RUN apt-get update \
    && rosdep update --rosdistro "${ROS_DISTRO}" \
    && rosdep install --from-paths src --ignore-src -r -y --rosdistro "${ROS_DISTRO}" \
    && rm -rf /var/lib/apt/lists/* \
    && . "/opt/ros/${ROS_DISTRO}/setup.bash" \
    && colcon build --cmake-args -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF -DBUILD_TESTS=OFF \
        --packages-up-to franka_bringup franka_gripper franka_robot_state_broadcaster crisp_controllers

COPY . src/visuomotor
RUN apt-get update \
    && rosdep install --from-paths src/visuomotor --ignore-src -y --rosdistro "${ROS_DISTRO}" \
    && rm -rf /var/lib/apt/lists/* \
    && python3 -m venv --system-site-packages /venv \
    && touch /venv/COLCON_IGNORE \
    && /venv/bin/pip install --no-cache-dir "./src/visuomotor[learn,teleop]" "numpy<2" \
    && /venv/bin/pip uninstall -y visuomotor \
    && . install/setup.bash \
    && colcon build --symlink-install --packages-select visuomotor

# Nodes run in the distribution's Python and find the environment's packages behind its own.
RUN echo "/venv/lib/python$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')/site-packages" \
        > "$(python3 -c 'import site; print(site.getsitepackages()[0])')/visuomotor-venv.pth" \
    && printf '#!/bin/bash\nset -e\nsource /ws/install/setup.bash\nexec "$@"\n' > /entrypoint.sh \
    && chmod +x /entrypoint.sh

ENTRYPOINT ["/entrypoint.sh"]
CMD ["ros2", "launch", "visuomotor", "robot_crisp.launch.xml"]
