// LeRobotDatasets
