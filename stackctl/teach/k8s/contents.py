"""ConfigMaps and Secrets that a Pod mounts as files."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Literal

from stackctl.planner.world.desired import DesiredFile
from stackctl.secret import looks_secret
from stackctl.spec.output.redact import secret_spans
from stackctl.teach.compose.texts import Keys, Tree, noted, without_none
from stackctl.teach.k8s.context import PART_OF, Exporting, MountedContents
from stackctl.teach.k8s.names import dns_name, free
from stackctl.teach.k8s.values import valid_key

_PRIVATE = rb"-----BEGIN [A-Z ]*PRIVATE KEY-----"


def kept_files(export: Exporting, path: str, wanted: str, files: Mapping[str, bytes]) -> MountedContents:
    """Files of this machine in a ConfigMap, or in a Secret if they look like secrets: one for all who mount the path."""
    secret = any(_looks_secret(name, content) for name, content in files.items())
    return _kept(export, path, wanted, files, secret=secret)


def kept_file(export: Exporting, file: DesiredFile) -> MountedContents:
    """A secret or config of the stack. A config that holds a secret is one. What is not on this machine must be in the cluster."""
    if (why := file.source.swarm_only) in file.source.ELSEWHERE:
        return _there_already(export, file, why)
    content = file.content.reveal().encode(errors="surrogateescape")
    name = dns_name(file.key)
    if file.section == "secrets":
        return _kept(export, file.section, name, {file.key: content}, secret=True, own=True)
    secret = _is_secret(export, file, content)
    return _kept(export, file.section, name, {file.key: content}, secret=secret, own=not secret)


def _there_already(export: Exporting, file: DesiredFile, why: str) -> MountedContents:
    kind: Literal["configMap", "secret"] = "secret" if file.section == "secrets" else "configMap"
    command = "secret generic" if kind == "secret" else "configmap"
    name = dns_name((file.source.external and file.source.name) or file.key)
    key = valid_key(file.key)
    export.report.say(
        (file.section, file.key, why),
        f"the content is not on this machine: the {kind[0].upper()}{kind[1:]} {name} must be there",
        f"kubectl create {command} {name} --from-file={key}=FILE",
    )
    return MountedContents(kind, name, {file.key: key})


def volume_of(contents: MountedContents, *, mode: int | None = None, each: int | None = None) -> Keys:
    """The volume with the contents. `mode`: that of all files, `each`: the same, for the list of files."""
    items = [
        without_none(
            {"key": key, "path": name if each is None else key, "mode": None if each is None else octal(each)}
        )
        for name, key in contents.keys.items()
    ]
    listed = each is not None or any(name != key for name, key in contents.keys.items())
    volume = {
        "secretName" if contents.kind == "secret" else "name": contents.name,
        "defaultMode": None if mode is None else octal(mode),
        "items": items if listed else None,
    }
    return {contents.kind: without_none(volume)}


def octal(mode: int) -> Tree:
    return noted(mode, [f"0o{mode:o}"])


def in_manifest(contents: Mapping[str, bytes], texts: Literal["data", "stringData"], others: str) -> Keys:
    """Contents as a manifest holds them: texts as they are, everything else in base64."""
    found: dict[str, dict[str, str]] = {texts: {}, others: {}}
    for key, content in contents.items():
        try:
            found[texts][key] = content.decode()
        except UnicodeDecodeError:
            found[others][key] = base64.b64encode(content).decode()
    return {name: table for name, table in found.items() if table}


def _kept(
    export: Exporting,
    origin: str,
    wanted: str,
    files: Mapping[str, bytes],
    *,
    secret: bool,
    own: bool = False,
) -> MountedContents:
    """The ConfigMap or Secret with these files, made once. `own`: nothing else has its name, because the file gives it."""
    origin = f"{origin}:{wanted}" if own else origin
    if (known := export.mounted.get((origin, *files))) is not None:
        return known
    made: Mapping[str, object] = export.secrets if secret else export.config_maps
    declared: Iterable[str] = export.stack.secrets if secret else export.stack.configs
    name = wanted if own else free(wanted, [*made, *map(dns_name, declared), export.values.secret])
    keys: dict[str, str] = {}
    for file in files:
        keys[file] = free(valid_key(file), keys.values())
    contents = {keys[file]: content for file, content in files.items()}
    if secret:
        export.secrets[name] = contents
    else:
        export.config_maps[name] = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "labels": {PART_OF: export.project}},
            **in_manifest(contents, "data", "binaryData"),
        }
    export.mounted[origin, *files] = MountedContents("secret" if secret else "configMap", name, keys)
    return export.mounted[origin, *files]


def _is_secret(export: Exporting, file: DesiredFile, content: bytes) -> bool:
    source = export.stack.configs[file.key]
    if source.content is not None:
        return export.values.holds_secret(source.content, "content")
    return looks_secret(source.environment or "") or _looks_secret(file.key, content)


def _looks_secret(name: str, content: bytes) -> bool:
    text = content.decode(errors="replace")
    return looks_secret(name) or bool(re.search(_PRIVATE, content)) or any(True for _ in secret_spans(text))
