"""From a model and frames to scores of tasks, objects and frames."""
