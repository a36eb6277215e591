"""What a stack.toml may say. Names and meanings come from the Compose Specification, unless a docstring says otherwise.

The classes are the parser, the JSON Schema and the reference at once: `structure` reads with them, `json_schema` describes
them. The metadata of a field:

| name | meaning |
|---|---|
| `doc` | one line for people |
| `listed` | how to read an item of an array that stands for the table |
| `one` | a single item stands for an array of one item |
| `keys` | checks the names in the table |
| `own` | Compose does not have the key: a compose.yaml must not have it |
| `toml: False` | the field is not a key: it is filled in after reading |
| `body`, `sent`, `digest` | the engine takes the key as it is: see `plain_keys` |
| `flag` | the option of `docker run` whose value is that of the key: see `flags` |
"""

from stackctl.spec.model.deploy import Deploy
from stackctl.spec.model.develop import Develop, Watch, WatchAction
from stackctl.spec.model.files import (
    ConfigSource,
    ConfigUse,
    FileMode,
    FileSource,
    FileUse,
    SecretSource,
    SecretUse,
)
from stackctl.spec.model.health import Healthcheck
from stackctl.spec.model.hooks import Hook, InitHook
from stackctl.spec.model.images import Build, PullPolicy
from stackctl.spec.model.mounts import BindOptions, Mount, TmpfsOptions, VolumeOptions
from stackctl.spec.model.networks import Ipam, IpamConfig, Network, NetworkUse
from stackctl.spec.model.order import Condition, Dependency
from stackctl.spec.model.ports import Port
from stackctl.spec.model.service import EnvFile, Job, Service
from stackctl.spec.model.stack import Stack, Tests
from stackctl.spec.model.volumes import Volume

__all__ = [
    "BindOptions",
    "Build",
    "Condition",
    "ConfigSource",
    "ConfigUse",
    "Dependency",
    "Deploy",
    "Develop",
    "EnvFile",
    "FileMode",
    "FileSource",
    "FileUse",
    "Healthcheck",
    "Hook",
    "InitHook",
    "Ipam",
    "IpamConfig",
    "Job",
    "Mount",
    "Network",
    "NetworkUse",
    "Port",
    "PullPolicy",
    "SecretSource",
    "SecretUse",
    "Service",
    "Stack",
    "Tests",
    "TmpfsOptions",
    "Volume",
    "VolumeOptions",
    "Watch",
    "WatchAction",
]
