"""The trees of large distributions as their mirrors have them, small, under one server on loopback."""

import hashlib
import json

from tests.manager.upstream import Upstream


def page(site: Upstream, path: str, *names: str) -> str:
    """A directory's page, as Apache writes it; its address."""
    rows = "".join(
        f'<tr><td><a href="{name}">{name[:23]}..&gt;</a></td><td>2026-01-15 10:00</td></tr>\n' for name in names
    )
    head = '<a href="?C=N;O=D">Name</a> <a href="/">Parent Directory</a>'
    return site.put(path, f"<html><body><table>{head}\n{rows}</table></body></html>".encode(), kind="text/html")


def sums(site: Upstream, path: str, *files: str, algorithm: str = "sha256", form: str = "{digest} *{name}\n") -> None:
    """A list of sums of files that are there, in a form of its own."""
    lines = []
    for file in files:
        digest = hashlib.new(algorithm, site.things[file].body).hexdigest()
        lines.append(form.format(digest=digest, name=file.rpartition("/")[2], size=len(site.things[file].body)))
    site.put(path, "".join(lines).encode())


BSD = "# {name}: {size} bytes\nSHA256 ({name}) = {digest}\n"
PLAIN = "{digest}  {name}\n"


def debian(site: Upstream, builds: list[str]) -> str:
    for build in builds:
        file = f"/cloud/trixie/{build}/debian-13-genericcloud-amd64-{build}.qcow2"
        site.put(file, f"debian {build}".encode())
        sums(site, f"/cloud/trixie/{build}/SHA512SUMS", file, algorithm="sha512", form=PLAIN)
    page(site, "/cloud/trixie/", *(f"{build}/" for build in builds), "latest/", "daily/", "OpenStack/")
    return site.put("/cloud/trixie/latest/debian-13-genericcloud-amd64.qcow2", b"debian latest")


def ubuntu(site: Upstream, builds: list[str], prefix: str = "", root: str = "/noble") -> str:
    name = "noble-server-cloudimg-amd64.img"
    for build in builds:
        site.put(f"{root}/{prefix}{build}/{name}", f"ubuntu {build}".encode())
        sums(site, f"{root}/{prefix}{build}/SHA256SUMS", f"{root}/{prefix}{build}/{name}")
    page(site, f"{root}/", *(f"{prefix}{build}/" for build in builds), "current/")
    return f"{site.url}{root}/current/{name}"


def enterprise(site: Upstream, root: str, pointer: str, names: list[str], form: str) -> str:
    """AlmaLinux, Rocky and CentOS Stream: one directory with one list."""
    for name in (pointer, *names):
        site.put(f"{root}/{name}", f"{name} of {names[-1]}".encode())
    sums(site, f"{root}/CHECKSUM", *(f"{root}/{name}" for name in (*names, pointer)), form=form)
    return f"{site.url}{root}/{pointer}"


def fedora(site: Upstream, builds: list[tuple[str, str, str]]) -> str:
    entries: list[dict[str, str | None]] = []
    for version, arch, build in builds:
        file = (
            f"/pub/fedora/linux/releases/{version}/Cloud/{arch}/images/Fedora-Cloud-Base-Generic-{build}.{arch}.qcow2"
        )
        url = site.put(file, f"fedora {build} {arch}".encode())
        digest = hashlib.sha256(site.things[file].body).hexdigest()
        entries.append(
            {"version": version, "arch": arch, "link": url, "variant": "Cloud", "sha256": digest, "size": "9"}
        )
        entries.append({"version": version, "arch": arch, "link": f"{url}.iso", "variant": "Server", "sha256": None})
    return site.put("/releases.json", json.dumps(entries).encode())


def flatcar(site: Upstream, version: str) -> str:
    root, name = "/amd64-usr", "flatcar_production_openstack_image.img"
    file = f"{root}/{version}/{name}"
    site.put(file, f"flatcar {version}".encode())
    md5, sha = (hashlib.new(each, site.things[file].body).hexdigest() for each in ("md5", "sha512"))
    site.put(f"{file}.DIGESTS", f"# MD5 HASH\n{md5}  {name}\n# SHA512 HASH\n{sha}  {name}\n".encode())
    said = f'FLATCAR_VERSION={version}\nFLATCAR_BUILD_ID="2026-01-13-2207"\n'
    site.put(f"{root}/current/version.txt", said.encode())
    return f"{site.url}{root}/current/{name}"


def beside(site: Upstream, root: str, names: list[str], ending: str, algorithm: str) -> str:
    """Alpine and openSUSE: files with their sums beside them; the address of the first."""
    for name in names:
        site.put(f"{root}/{name}", f"{name}".encode())
        sums(site, f"{root}/{name}{ending}", f"{root}/{name}", algorithm=algorithm, form=PLAIN)
    page(site, f"{root}/", *names, *(f"{name}{ending}" for name in names))
    return f"{site.url}{root}/{names[0]}"
