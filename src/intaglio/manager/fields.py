"""The fields of a definition file: names, what they take, defaults, meanings. Checks and the reference follow it."""

import msgspec

FORMATS = ("aki", "ami", "ari", "iso", "ploop", "qcow2", "raw", "vdi", "vhd", "vhdx", "vmdk")
VISIBILITIES = ("public", "private", "community", "shared")


class Field(msgspec.Struct, frozen=True):
    """A key of a mapping. `takes` is one of the kinds that `reading` knows, or words to choose from."""

    name: str
    takes: str | tuple[str, ...]
    meaning: str
    default: str = ""
    required: bool = False


IMAGE = (
    Field("name", "text", "the base of all image names; unique in the catalogue", required=True),
    Field("format", FORMATS, "the disk format; never changed on an image that exists", required=True),
    Field("versions", "list", "the builds, see below; with none, nothing is done", required=True),
    Field("enable", "flag", "whether it is processed without `--force`", "true"),
    Field("login", "text", "the user to sign in as: property `image_original_user`"),
    Field("password", "text", "for people who read the file; never sent"),
    Field("shortname", "text", "what the mirror calls it, and which upstream it has"),
    Field("min_disk", "whole", "GiB; never less than the image's virtual size", "0"),
    Field("min_ram", "whole", "MiB", "0"),
    Field("status", ("active", "deactivated"), "whether images can be downloaded and booted", "active"),
    Field("visibility", VISIBILITIES, "who sees the images once they are verified", "private"),
    Field("multi", "flag", "whether it is one image that is rebuilt (true), or versions side by side", "false"),
    Field("keep", "flag", "never delete superseded images of this definition", "false"),
    Field("separator", "text", "between name and version; may be empty", "one space"),
    Field("tags", "texts", "tags, beside the managed one and `os:` with the distribution", "none"),
    Field("meta", "meta", "properties: any name; a value of null removes the property", "none"),
    Field("retention", "retention", "what becomes of superseded images, see below"),
    Field("signature", "signature", "whose signature over the upstream's list of digests is required, see below"),
    Field("latest_url", "url", "where `update` finds the newest build"),
    Field("latest_checksum_url", "url", "where `update` finds its sums"),
    Field("stream", "stream", "for a `latest_url` of simplestreams, see below"),
)
STREAM = (
    Field("product", "text", "the product's name; `*` and `?` stand for other characters", required=True),
    Field(
        "ftype", "text", "the kind of file", "the first disk of `disk1.img`, `disk-kvm.img`, `uefi1.img`, `disk.img`"
    ),
    Field("label", "text", "only builds with this label, such as `release`", "any"),
    Field("keys", "text", "a file of OpenPGP public keys, beside this one: the stream has to be signed by one of them"),
    Field("fingerprint", "text", "of the one key of these that has to have signed"),
)
VERSION = (
    Field("version", "text", "the version; `latest` is a pointer whose digest says which build it is", required=True),
    Field("url", "place", "where upstream has it (http, https, ftp, or file:): `image_source`", required=True),
    Field("mirror_url", "place", "asked before `url`, which is asked when the mirror fails"),
    Field(
        "checksum",
        "checksum",
        "algorithm, colon and digits (md5, sha1, sha224, sha256, sha384, sha512), of the file "
        "that is downloaded or of what it unpacks to",
    ),
    Field("checksum_url", "url", "a file with nothing but the digest"),
    Field("checksums_url", "url", "a file with many digests, of which the line with the file's name counts"),
    Field("build_date", "date", "when it was built: `image_build_date`"),
    Field("os_version", "text", "for `multi: true`, instead of the one in `meta`"),
    Field("visibility", VISIBILITIES, "instead of the definition's"),
    Field("hidden", "flag", "whether lists leave it out (`os_hidden`)"),
    Field("id", "uuid", "the id that the image gets"),
    Field("meta", "meta", "properties, over those of the definition"),
    Field("image_description", "text", "accepted, and not used"),
    Field("source", "text", "accepted, and not used"),
)
RETENTION = (
    Field(
        "visible",
        "positive",
        "how many images, with the current one, keep the visibility of the definition",
        "3 for `multi: true`",
    ),
    Field(
        "kept",
        "kept",
        "how many images, with the current one, may not be deleted; or `all`",
        "what `uuid_validity` says, or as many as are visible",
    ),
    Field("grace_days", "whole", "days after it was superseded in which an image may not be deleted", "0"),
    Field(
        "retire",
        ("community", "private", "shared", "hidden"),
        "what is done to those not visible any more",
        "community for public images",
    ),
    Field("deactivate", "flag", "whether those that may be deleted are deactivated", "false"),
)
SIGNATURE = (
    Field(
        "keys",
        "texts",
        "files of OpenPGP certificates, armoured or not, relative to this file; nobody else's signature counts",
        required=True,
    ),
    Field("fingerprints", "fingerprints", "of these certificates, the only ones that count", "all of them"),
    Field(
        "sums",
        "text",
        "the list that is signed, relative to the image's URL; `{version}` stands for the version",
        "the list named by the version, or found beside the image",
    ),
    Field(
        "detached",
        "text",
        "the signature, relative to the list",
        "in the list itself (clear-signed), or the list with `.gpg`, `.asc`, `.sig` or `.sign` behind it",
    ),
)

META = {
    "architecture": ("x86_64", "aarch64", "risc-v", "riscv64", "armv7l", "ppc64le", "s390x", "i686"),
    "hw_cdrom_bus": ("ide", "sata", "scsi", "usb", "virtio"),
    "hw_disk_bus": ("virtio", "scsi", "sata", "ide", "usb", "nvme"),
    "hw_firmware_type": ("uefi", "bios"),
    "hw_rng_model": ("virtio",),
    "hw_scsi_model": (
        "virtio-scsi",
        "auto",
        "buslogic",
        "ibmvscsi",
        "lsilogic",
        "lsisas1068",
        "lsisas1078",
        "vmpvscsi",
    ),
    "hw_watchdog_action": ("disabled", "reset", "poweroff", "pause", "none"),
    "hypervisor_type": ("qemu", "kvm", "hyperv", "ironic", "lxc", "uml", "vmware", "xen"),
    "os_purpose": ("generic", "oldgeneric", "minimal", "k8snode", "gpu", "network", "custom"),
    "os_type": ("linux", "windows"),
    "replace_frequency": ("yearly", "quarterly", "monthly", "weekly", "daily", "critical_bug", "never"),
}
"""Properties of which the values are known; another value is a warning."""
META_FREE = (
    "hotfix_hours",
    "hw_machine_type",
    "hw_mem_encryption",
    "hw_pmu",
    "hw_qemu_guest_agent",
    "hw_vif_multiqueue_enabled",
    "hw_video_ram",
    "image_description",
    "l1_support_contact",
    "license_included",
    "license_required",
    "maintained_until",
    "os_admin_user",
    "os_distro",
    "os_secure_boot",
    "os_version",
    "patchlevel",
    "provided_until",
    "subscription_included",
    "subscription_required",
    "uuid_validity",
)
"""Properties that are known, with any value: so that a misspelt one can be told from one of the operator's own."""
FIELDS_OF_AN_IMAGE = frozenset(
    {
        "checksum",
        "container_format",
        "created_at",
        "direct_url",
        "disk_format",
        "file",
        "id",
        "locations",
        "min_disk",
        "min_ram",
        "name",
        "os_hash_algo",
        "os_hash_value",
        "os_hidden",
        "owner",
        "protected",
        "schema",
        "self",
        "size",
        "status",
        "stores",
        "tags",
        "updated_at",
        "virtual_size",
        "visibility",
    }
)
"""What an image has beside its properties: no property can have such a name."""
