"""The Docker API of a Swarm: specs, snapshots, actions, waits. Loaded only by who deploys."""
