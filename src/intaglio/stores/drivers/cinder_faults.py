"""What an error of Cinder, Keystone, os-brick or an attached volume means to a user of the Cinder store."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from keystoneauth1 import exceptions

from intaglio.stores.base import Broken, Busy, Denied, Exists, Full, NotFound, StoreError

_OF_STATUS: dict[int, type[StoreError]] = {
    **dict.fromkeys((HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN), Denied),
    **dict.fromkeys((HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.INSUFFICIENT_STORAGE), Full),  # quotas
    **dict.fromkeys(
        (
            HTTPStatus.CONFLICT,
            HTTPStatus.TOO_MANY_REQUESTS,
            HTTPStatus.BAD_GATEWAY,
            HTTPStatus.SERVICE_UNAVAILABLE,
            HTTPStatus.GATEWAY_TIMEOUT,
        ),
        Busy,
    ),
}
_OF_ERRNO: dict[int, type[StoreError]] = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), Full),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), Denied),
    **dict.fromkeys((errno.ETIMEDOUT, errno.EBUSY, errno.EAGAIN, errno.ENOTCONN, errno.ESHUTDOWN), Busy),
}
_TOKEN = re.compile(r"\s*\((?:HTTP \d+|Request-ID: [^)]*)\)")
_SHOWN = 300


class InUse(Busy):
    """The volume is attached elsewhere, or changing, so that this cannot be done now."""

    code = "store-volume-in-use"


class Lost(Broken):
    """A volume did not become what it should."""

    code = "store-volume-failed"


@contextmanager
def explained(store: str, doing: str) -> Iterator[None]:
    """Turn whatever Keystone, Cinder, os-brick or a device raises inside into the StoreError it means."""
    try:
        yield
    except StoreError:
        raise
    except exceptions.HttpError as error:
        kind = _OF_STATUS.get(error.http_status, Broken)
        if error.http_status == HTTPStatus.UNAUTHORIZED:
            raise Denied(f"store {store!r} could not {doing}: Keystone or Cinder refuses the credentials") from error
        raise kind(f"store {store!r} could not {doing}: Cinder says {told(error)}") from error
    except (exceptions.CatalogException, exceptions.DiscoveryFailure) as error:
        raise Broken(
            f"store {store!r} could not {doing}: the catalogue has no such service; see cinder_catalog_info, "
            "cinder_os_region_name and cinder_endpoint_template"
        ) from error
    except exceptions.SSLError as error:
        raise Broken(
            f"store {store!r} could not {doing}: the certificate is not trusted; see cinder_ca_certificates_file"
        ) from error
    except exceptions.ConnectTimeout as error:
        raise Busy(f"store {store!r} could not {doing}: Cinder or Keystone did not answer in time") from error
    except exceptions.ConnectFailure as error:
        raise Busy(f"store {store!r} could not {doing}: Cinder or Keystone does not answer") from error
    except exceptions.ClientException as error:
        raise Broken(f"store {store!r} could not {doing}: {_said(error)}") from error
    except Exception as error:  # what os-brick and Ceph's modules raise has no common base
        number = getattr(error, "errno", None) or 0
        kind = _OF_ERRNO.get(number if isinstance(number, int) else 0, Broken)
        raise kind(f"store {store!r} could not {doing}: {_said(error)}") from error


def told(error: exceptions.HttpError) -> str:
    """What Cinder itself says of a call that it refused."""
    try:
        [fault] = error.response.json().values()
        return " ".join(str(fault["message"]).split())[:_SHOWN]
    except (AttributeError, KeyError, TypeError, ValueError):  # not Cinder's, but some proxy's
        return f"{error.http_status} {_said(error)}"


def _said(error: Exception) -> str:
    text = " ".join(_TOKEN.sub("", str(error)).split())[:_SHOWN]
    return text or type(error).__name__


def absent(store: str, key: str) -> NotFound:
    return NotFound(f"store {store!r} has no object {key}")


def present(store: str, key: str) -> Exists:
    return Exists(f"store {store!r} has an object {key} already; delete it first or use another key")
