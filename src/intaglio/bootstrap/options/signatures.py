"""The options of signature verification: ours, in a group that has Glance's name for the matter."""

from intaglio.bootstrap.options.model import Group, Kind, used

_MODES = ("off", "verify-if-signed", "require")
SIGNATURES = (
    used(
        "mode",
        Kind.TEXT,
        "verify-if-signed",
        "`off`: the properties img_signature… mean nothing; `verify-if-signed`: an image that has them gets only data "
        "that fit; `require`: data of images without them are refused, too.",
        choices=_MODES,
    ),
    used(
        "project_modes",
        Kind.MAP,
        (),
        "Other modes for images of some projects, in place of `mode`, such as `PROJECT_ID:require`.",
    ),
    used(
        "visibility_modes",
        Kind.MAP,
        (),
        "Modes by visibility, such as `public:require`; the strictest that concerns an image counts.",
    ),
    used("store_modes", Kind.MAP, (), "Modes by the store that data go to, such as `ceph:require`; likewise."),
    used(
        "trust",
        Kind.TEXT,
        "any",
        "`any`: every certificate counts that can be had from where certificates are, as in Glance; `anchored`: only "
        "those that a root in trust_dir or trusted_certificate_ids vouches for.",
        choices=("any", "anchored"),
    ),
    used(
        "trust_dir",
        Kind.TEXT,
        None,
        "Directory of the trust store: roots, intermediates, crls, projects/ID, visibilities/NAME, with files in PEM.",
        note="Not set: trust in data_dir. Changes count at once. visibilities/NAME counts with trust `any`, too.",
    ),
    used(
        "trusted_certificate_ids",
        Kind.LIST,
        (),
        "Ids of certificates, where the others are, that are roots as well.",
        aliases=(("", "default_trusted_certificate_ids"),),
    ),
    used("accept_expired", Kind.BOOLEAN, False, "Believe certificates whose time is over or has not come."),
    used(
        "smallest_key_bits",
        Kind.INTEGER,
        2048,
        "Bits that an RSA or DSA key must have to be believed.",
        minimum=512,
    ),
    used(
        "crl",
        Kind.TEXT,
        "if-there",
        "`if-there`: the lists of revoked certificates in trust_dir count; `require`: with trust `anchored` there must "
        "be a current one of every issuer.",
        choices=("if-there", "require"),
    ),
    used(
        "certificates",
        Kind.TEXT,
        None,
        "Where the certificates are that images name: `directory` (see `intaglio cert`) or `key_manager`.",
        choices=("directory", "key_manager"),
        note="Not set: key_manager with auth `keystone` or [key_manager] backend, otherwise directory.",
    ),
    used(
        "certificate_dir",
        Kind.TEXT,
        None,
        "The directory of certificates.",
        note="Not set: certificates in data_dir.",
    ),
    used(
        "key_manager_seconds",
        Kind.NUMBER,
        30.0,
        "How long the key manager may take for one certificate.",
        minimum=0.1,
    ),
    used(
        "upstream_keys",
        Kind.TEXT,
        None,
        "Directory of public keys by which upstreams' signatures of imports are judged: files in OpenPGP (.asc, .gpg) "
        "or PEM (.pem, .pub, .crt), each named by its file.",
        note="Not set: upstream-keys in data_dir. Changes count at once.",
    ),
    used(
        "callers_keys",
        Kind.BOOLEAN,
        True,
        "Judge upstreams' signatures also by keys that callers bring with their imports.",
    ),
    used(
        "service_key",
        Kind.TEXT,
        None,
        "The service's own private key, in PEM, with which receipts are signed: RSA, secp384r1 or secp521r1. All "
        "machines of the service need the same one.",
        note="Not set: service-key.pem in data_dir, which is made when it is not there. A file that is set must be.",
    ),
    used(
        "service_certificate",
        Kind.TEXT,
        None,
        "The certificate of service_key, in PEM, with those above it behind it.",
        note="Not set: it stands in the file of the key.",
    ),
    used(
        "service_certificate_id",
        Kind.TEXT,
        None,
        "The id of the service's certificate in the key manager, where Nova and Cinder ask for it when they verify an "
        "image that the service signed.",
        note="Not set: an id made of its fingerprint, for which this service answers itself.",
    ),
    used(
        "receipts",
        Kind.BOOLEAN,
        True,
        "Write a receipt of every image in use, signed by service_key, for `intaglio image verify` and other programs.",
        note="A receipt names locations where show_image_direct_url or show_multiple_locations does so, too.",
    ),
)

GROUPS = (
    Group(
        name="image_signature_verification",
        origin="Intaglio",
        title="Signed images",
        options=SIGNATURES,
    ),
)
