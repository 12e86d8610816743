"""`openstack-image-manager mirror`: the options of the original's mirror program, over the same mirror as ours."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

_NO = Annotated[bool, Parameter(negative="")]


def mirror(
    *,
    debug: _NO = False,
    upload: bool = True,
    checksum: bool = True,
    download: bool = True,
    delete: bool = True,
    images: Path = Path("etc/images/"),
    minio_access_key: Annotated[str | None, Parameter(env_var="MINIO_ACCESS_KEY")] = None,
    minio_secret_key: Annotated[str | None, Parameter(env_var="MINIO_SECRET_KEY")] = None,
    minio_server: str = "nbg1.your-objectstorage.com",
    minio_bucket: str = "osism",
) -> int:
    """Copy builds that have a `mirror_url` to S3, verified, under the keys that it says.

    Parameters
    ----------
    debug
        Say of each file where it is.
    upload
        Store the files; without, they are fetched and verified only.
    checksum
        Say the digest of each file. They are always compared with it.
    download
        Fetch what the mirror does not have; without, it is only said what that is.
    delete
        Remove each download when it is stored.
    images
        A directory of definitions, or one file.
    minio_access_key
        The key for the server.
    minio_secret_key
        The secret for the server.
    minio_server
        The server, with `http://` when it has no TLS.
    minio_bucket
        The bucket, which has to be there.
    """
    from intaglio.cli.catalog_options import default_home
    from intaglio.cli.catalog_output import progress
    from intaglio.manager import run
    from intaglio.manager.mirror.bucket import Bucket, connect
    from intaglio.manager.mirror.copying import Ways
    from intaglio.manager.mirror.run import Choices, Desk
    from intaglio.manager.mirror.run import mirror as mirror_all
    from intaglio.manager.upstream.web import Web

    found = run.read(images)[0]
    server = minio_server if "://" in minio_server else f"https://{minio_server}"
    place = Bucket(connect(server, None, minio_access_key, minio_secret_key), minio_bucket, "")
    ways = Ways(dry=not download, store=upload, keep=not delete, unverified=True)
    choices = Choices(force=True, bucket=minio_bucket)
    with progress() as shown:
        desk = Desk(default_home(), Web(), shown, datetime.now(UTC).date())
        done = mirror_all(images, found, place, choices, ways, desk)
    for each in done.builds:
        where = f" at {place.address}{each.key}" if debug else ""
        digest = f", {each.digest}" if checksum and each.digest else ""
        said = f": {each.message}" if each.message else ""
        sys.stderr.write(f"{each.definition} {each.version}: {each.result}{where}{digest}{said}\n")
    return int(done.failed)
