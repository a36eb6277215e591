"""A stack as manifests of Kubernetes: `manifests` puts them together, the other files say each part, `keys` says what is lost."""
