"""What follows from the options of an S3 store, without a server: addresses, locations, signatures, refusals."""

import datetime as dt
import re
import traceback

import pytest

from intaglio.stores.base import Busy, Denied, Full, Misconfigured, NotFound, StoreError
from intaglio.stores.drivers.s3 import S3Store
from intaglio.stores.drivers.s3_answers import Answer
from intaglio.stores.drivers.s3_options import Keys, options, place
from intaglio.stores.drivers.s3_sign import EMPTY, encoded, sign, signed_query
from intaglio.stores.registry import build
from intaglio.stores.settings import StoreConfig, StoreSettings

# https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, and the page on query strings
KEYS = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
MOMENT = dt.datetime(2013, 5, 24, tzinfo=dt.UTC)
HOST = "examplebucket.s3.amazonaws.com"


def given(**others: object) -> dict[str, object]:
    return {
        "s3_store_host": "http://s3.example.com:8080",
        "s3_store_access_key": "the-access-key",
        "s3_store_secret_key": "the-secret",
        "s3_store_bucket": "images",
        **others,
    }


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "payload", "signature"),
    [
        (
            "GET",
            "/test.txt",
            [],
            {"range": "bytes=0-9"},
            EMPTY,
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            "PUT",
            "/test$file.text",
            [],
            {"date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
            "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            "GET",
            "/",
            [("lifecycle", "")],
            {},
            EMPTY,
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            "GET",
            "/",
            [("prefix", "J"), ("max-keys", "2")],
            {},
            EMPTY,
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
    ids=["object", "put", "lifecycle", "list"],
)
def test_signatures_are_those_that_aws_publishes(
    method: str, path: str, query: list[tuple[str, str]], headers: dict[str, str], payload: str, signature: str
) -> None:
    signed = sign(KEYS, "us-east-1", MOMENT, method, HOST, path, encoded(query), headers, payload)
    assert signed["authorization"].endswith(f"Signature={signature}")
    assert KEYS.secret not in str(signed)


def test_the_signed_address_is_the_one_that_aws_publishes() -> None:
    query = signed_query(KEYS, "us-east-1", MOMENT, HOST, "/test.txt", 86400)
    assert query.endswith("X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")


AWS = "amazonaws.com"


@pytest.mark.parametrize(
    ("host", "bucket", "style", "url", "region"),
    [
        ("http://s3.example.com:8080", "images", "auto", "http://s3.example.com:8080/images/k", "us-east-1"),
        ("s3.example.com", "images", "auto", "http://s3.example.com/images/k", "us-east-1"),
        ("https://s3.example.com/", "images", "path", "https://s3.example.com/images/k", "us-east-1"),
        ("https://s3.example.com", "images", "virtual", "https://images.s3.example.com/k", "us-east-1"),
        ("https://example.com/swift/s3", "images", "auto", "https://example.com/swift/s3/images/k", "us-east-1"),
        (f"https://s3.eu-west-1.{AWS}", "images", "auto", f"https://images.s3.eu-west-1.{AWS}/k", "eu-west-1"),
        (f"https://s3.{AWS}", "my.images", "auto", f"https://s3.{AWS}/my.images/k", "us-east-1"),
        (f"https://s3-us-gov-west-1.{AWS}", "IM", "auto", f"https://s3-us-gov-west-1.{AWS}/IM/k", "us-gov-west-1"),
        (f"https://s3.cn-north-1.{AWS}.cn", "images", "path", f"https://s3.cn-north-1.{AWS}.cn/images/k", "cn-north-1"),
        ("http://[::1]:9000", "images", "auto", "http://[::1]:9000/images/k", "us-east-1"),
    ],
)
def test_addresses(host: str, bucket: str, style: str, url: str, region: str) -> None:
    described = given(s3_store_host=host, s3_store_bucket=bucket, s3_store_bucket_url_format=style)
    found = place("s3", options("s3", described))
    assert (found.url(found.path("k"), ""), found.region) == (url, region)
    store = S3Store("s3", described)
    scheme = "s3+https" if host.startswith("https") else "s3"
    assert store.uri("k") == f"{scheme}://{host.rpartition('://')[2].strip('/')}/{bucket}/k"
    assert store.adopt(store.uri("k")) == "k"


def test_the_region_may_be_named() -> None:
    named = options("s3", given(s3_store_host="https://s3.eu-west-1.amazonaws.com", s3_store_region_name="moon"))
    assert place("s3", named).region == "moon"


@pytest.mark.parametrize(
    ("uri", "key"),
    [
        ("s3://s3.example.com:8080/images/abc", "abc"),
        ("s3+http://s3.example.com:8080/images/abc", "abc"),
        ("s3+https://S3.EXAMPLE.com:8080/images/abc", "abc"),
        ("s3://old-access:old/secret+with/slash@s3.example.com:8080/images/abc", "abc"),
        ("s3://s3.example.com/images/abc", None),
        ("s3://s3.example.com:8080/IMAGES/abc", None),
        ("s3://s3.example.com:8080/other/abc", None),
        ("s3://s3.example.com:8080/images/a/b", None),
        ("s3://s3.example.com:8080/images/", None),
        ("s3://s3.example.com:8080/images/..", None),
        ("s3://http://s3.example.com:8080/images/abc", None),
        ("swift://s3.example.com:8080/images/abc", None),
        ("s3:/s3.example.com:8080/images/abc", None),
    ],
)
def test_locations_are_glances(uri: str, key: str | None) -> None:
    store = S3Store("s3", given())
    if key is not None:
        assert store.adopt(uri) == key
        return
    with pytest.raises(NotFound) as refused:
        store.adopt(uri)
    assert "secret" not in str(refused.value)


def test_the_usual_port_may_be_written_or_not() -> None:
    assert S3Store("s3", given(s3_store_host="https://s3.example.com")).adopt("s3+https://s3.example.com:443/images/k")


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"s3_store_host": None}, "s3_store_host must be set"),
        ({"s3_store_bucket": ""}, "s3_store_bucket must be set"),
        ({"s3_store_access_key": None}, "s3_store_access_key must be set"),
        ({"s3_store_secret_key": None}, "s3_store_secret_key must be set"),
        ({"s3_store_host": "http://user:password@s3.example.com"}, "without credentials"),
        ({"s3_store_host": "ftp://s3.example.com"}, "must be like"),
        ({"s3_store_host": "s3.example.com:port"}, "must be like"),
        ({"s3_store_host": "http://s3.example.com/?x=1"}, "must be like"),
        ({"s3_store_bucket": "a/b"}, "no name of a bucket"),
        ({"s3_store_bucket_url_format": "other"}, "auto, virtual or path"),
        ({"s3_store_bucket_url_format": "virtual", "s3_store_bucket": "im_ages"}, "host name"),
        ({"s3_store_bucket_url_format": "virtual", "s3_store_host": "http://127.0.0.1"}, "host name"),
        ({"s3_store_large_object_chunk_size": 4}, ">= 5.*chunk_size"),
        ({"s3_store_thread_pools": 0}, ">= 1.*thread_pools"),
        ({"s3_store_request_checksum_calculation": "always"}, "checksum_calculation"),
        ({"s3_store_host": "https://s3.example.com", "s3_store_cacert": "/nowhere/ca.pem"}, "s3_store_cacert.*No such"),
        ({"s3_store_hots": "x"}, "s3_store_hots"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "named",
)
def test_wrong_options_are_named(wrong: dict[str, object], named: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        S3Store("pictures", given(**wrong))
    assert re.search(named, str(refused.value))
    assert "pictures" in str(refused.value)
    assert "the-secret" not in "".join(traceback.format_exception(refused.value))


def test_no_secret_is_formatted() -> None:
    config = StoreConfig(id="s3", type="s3", options=given())
    stores = build(StoreSettings(stores=(config,), default="s3"))
    store = stores["s3"]
    assert isinstance(store, S3Store)
    shown = [config, store, store._options, store._client, store._place, store._client._keys, store.uri("k")]
    for thing in shown:
        for text in (repr(thing), str(thing), str(getattr(thing, "__rich_repr__", lambda: "")())):
            assert "the-secret" not in text
            assert "the-access-key" not in text


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "QuotaExceeded", Full),  # radosgw
        (507, "", Full),
        (507, "XMinioStorageFull", Full),
        (400, "EntityTooLarge", Full),
        (403, "AccessDenied", Denied),
        (403, "", Denied),
        (403, "RequestTimeTooSkewed", Denied),
        (503, "SlowDown", Busy),
        (500, "InternalError", Busy),
        (429, "", Busy),
    ],
)
def test_errors_have_their_meaning(status: int, code: str, kind: type[StoreError]) -> None:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>the-access-key</Message></Error>".encode()
    error = Answer(status, {}, body).error("s3", "write an object")
    assert type(error) is kind
    assert str(status) in str(error)
    assert "the-access-key" not in str(error)
