"""The compiled path: the textbook once more, for large inputs."""
