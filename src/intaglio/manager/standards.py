"""What the Sovereign Cloud Stack's standard SCS-0102 (image metadata) misses in a definition: warnings with a rule."""

from collections.abc import Iterator

from intaglio.manager.definitions import Definition

_MANDATORY = ("architecture", "os_distro", "hw_disk_bus", "replace_frequency", "uuid_validity", "provided_until")
_RULE = "scs-0102"


def findings(definition: Definition) -> Iterator[tuple[str, str]]:
    """Rules and what they miss. What the manager writes by itself (source, description, user) is not missed."""
    if definition.visibility != "public":
        return  # the standard is about what a provider offers to all
    for name in _MANDATORY:
        if not definition.meta.get(name) and not all(each.meta.get(name) for each in definition.versions):
            yield _RULE, f"public images need the property '{name}'"
    if definition.multi and not definition.meta.get("os_version"):
        undecided = [
            each.version for each in definition.versions if not (each.os_version or each.meta.get("os_version"))
        ]
        if undecided:
            yield _RULE, "public images need the property 'os_version'"
    if not definition.meta.get("os_purpose"):
        yield _RULE + "-v2", "public images need the property 'os_purpose', usually generic"
    undated = [each.version for each in definition.versions if not each.build_date and not each.needs_asking]
    if undated:
        yield _RULE, f"public images need 'build_date': {', '.join(undated[:5])} {'…' * (len(undated) > 5)}".rstrip()  # noqa: PLR2004 - enough to find them
