"""The options of the store drivers that keep images in other OpenStack services: Swift and Cinder."""

from functools import partial

from intaglio.bootstrap.options.model import Kind, not_yet, used

_ACCOUNT = "Needed, with user, password and project or a credential: users' own projects are not used."
_swift_told = partial(not_yet, note="Ignored: an application credential has its project.")
_swift_never = partial(not_yet, note="Ignored: each part of an image is held in memory until it has arrived.")
SWIFT = (
    used(
        "swift_store_auth_version",
        Kind.TEXT,
        "3",
        "Version of the identity API: 3 is Keystone's, 1 that of Swift's own tempauth.",
        choices=("1", "3"),
    ),
    used("swift_store_auth_address", Kind.URL, None, "URL of the identity service; better in swift_store_config_file."),
    used("swift_store_user", Kind.TEXT, None, "User, as project:user.", secret=True),
    used("swift_store_key", Kind.TEXT, None, "Password.", secret=True),
    used(
        "swift_store_config_file",
        Kind.TEXT,
        None,
        "File of accounts, a section for each: user, key, auth_address and more. Locations then hold no password.",
    ),
    used("default_swift_reference", Kind.TEXT, "ref1", "Section of that file which images are kept with."),
    used("swift_store_application_credential_id", Kind.TEXT, None, "Application credential.", secret=True),
    used("swift_store_application_credential_secret", Kind.TEXT, None, "Its secret.", secret=True),
    not_yet("swift_store_project_name", Kind.TEXT, None, "Project.", note="Ignored: a credential has its project."),
    not_yet(
        "swift_store_project_id", Kind.TEXT, None, "Project, by id.", note="Ignored: a credential has its project."
    ),
    used("swift_store_region", Kind.TEXT, None, "Region in the catalogue; not set is any."),
    used("swift_store_endpoint", Kind.URL, None, "Address of the account, instead of the catalogue's."),
    used(
        "swift_store_endpoint_type",
        Kind.TEXT,
        "publicURL",
        "Which endpoint of the catalogue.",
        choices=("publicURL", "adminURL", "internalURL"),
    ),
    used("swift_store_service_type", Kind.TEXT, "object-store", "Service type in the catalogue."),
    used("swift_store_container", Kind.TEXT, "glance", "Container, or the beginning of its name."),
    used("swift_store_create_container_on_put", Kind.BOOLEAN, False, "Make the container when it is missing."),
    used(
        "swift_store_multiple_containers_seed",
        Kind.INTEGER,
        0,
        "Spread images over containers by so many first characters of their ids.",
        minimum=0,
        maximum=32,
    ),
    used(
        "swift_store_multi_tenant",
        Kind.BOOLEAN,
        False,
        "Keep data in the accounts of the projects that own images, in a container for each image.",
        note="The service's own user needs Swift's role ResellerAdmin, and swift_store_create_container_on_put.",
    ),
    used("swift_store_admin_tenants", Kind.LIST, (), "Projects, by id, that may write to those containers."),
    not_yet(
        "swift_store_use_trusts",
        Kind.BOOLEAN,
        True,
        "Use trusts for long uploads.",
        note="Ignored: the service signs in as itself, however long an upload takes.",
    ),
    used(
        "swift_store_large_object_size",
        Kind.INTEGER,
        5120,
        "MB of 1 024 000 bytes from which an object is segmented.",
        note="More than 16 MiB is always segmented, so that memory does not depend on the size.",
        minimum=1,
    ),
    used(
        "swift_store_large_object_chunk_size",
        Kind.INTEGER,
        200,
        "MB of 1 024 000 bytes in one segment.",
        note="At most 16 MiB, which is held in memory to be sent again when need be.",
        minimum=1,
    ),
    not_yet(
        "swift_store_retry_get_count",
        Kind.INTEGER,
        0,
        "Attempts at continuing a read.",
        note="Ignored: a read that broke is continued from another copy, or ends as broken.",
        minimum=0,
    ),
    used("swift_store_expire_soon_interval", Kind.INTEGER, 60, "Seconds before its end a token is renewed.", minimum=0),
    used("swift_store_auth_insecure", Kind.BOOLEAN, False, "Do not check certificates."),
    used("swift_store_cacert", Kind.TEXT, None, "File of certificate authorities for https; not set is the system's."),
    not_yet("swift_store_ssl_compression", Kind.BOOLEAN, True, "TLS compression.", note="Ignored: there is none."),
    _swift_never("swift_buffer_on_upload", Kind.BOOLEAN, False, "Keep each segment on disk until it is sent."),
    _swift_never("swift_upload_buffer_dir", Kind.TEXT, None, "Directory for that."),
)

CINDER = (
    used(
        "cinder_catalog_info",
        Kind.TEXT,
        "volumev3::publicURL",
        "`type:name:endpoint` in the catalogue; the name may be empty.",
    ),
    used(
        "cinder_endpoint_template",
        Kind.URL,
        None,
        "Endpoint, instead of the catalogue's; `%(project_id)s` in it stands for the project of the service account.",
    ),
    used("cinder_os_region_name", Kind.TEXT, None, "Region.", aliases=(("", "os_region_name"),)),
    used(
        "cinder_ca_certificates_file",
        Kind.TEXT,
        None,
        "File of certificate authorities for https; not set is the system's.",
    ),
    used("cinder_api_insecure", Kind.BOOLEAN, False, "Do not check certificates."),
    used("cinder_http_retries", Kind.INTEGER, 3, "Attempts more at reaching Cinder or Keystone.", minimum=0),
    used(
        "cinder_state_transition_timeout",
        Kind.INTEGER,
        300,
        "Seconds a volume may take to be made or to become larger.",
        minimum=0,
    ),
    used("cinder_store_auth_address", Kind.URL, None, "URL of the identity service.", note=_ACCOUNT),
    used("cinder_store_user_name", Kind.TEXT, None, "User of the service account."),
    used("cinder_store_user_domain_name", Kind.TEXT, "Default", "Domain of the user."),
    used("cinder_store_password", Kind.TEXT, None, "Password.", secret=True),
    used("cinder_store_project_name", Kind.TEXT, None, "Project that the volumes are in."),
    used("cinder_store_project_domain_name", Kind.TEXT, "Default", "Domain of the project."),
    used(
        "cinder_store_application_credential_id",
        Kind.TEXT,
        None,
        "Application credential, instead of user, password and project.",
        secret=True,
    ),
    used("cinder_store_application_credential_secret", Kind.TEXT, None, "Its secret.", secret=True),
    used("cinder_volume_type", Kind.TEXT, None, "Type of the volumes; not set is Cinder's default."),
    used(
        "rootwrap_config",
        Kind.TEXT,
        "/etc/glance/rootwrap.conf",
        "Configuration of `glance-rootwrap`, by which os-brick becomes root.",
        note="Not needed by root, nor with helper_command of [privsep_osbrick].",
    ),
    used("cinder_use_multipath", Kind.BOOLEAN, False, "Attach by several paths."),
    used("cinder_enforce_multipath", Kind.BOOLEAN, False, "Refuse to attach when multipathd does not run."),
    used("cinder_mount_point_base", Kind.TEXT, "/var/lib/glance/mnt", "Where NFS shares are mounted, below `nfs`."),
    used(
        "cinder_do_extend_attached",
        Kind.BOOLEAN,
        False,
        "Let a volume grow while it is attached; not every driver of Cinder can.",
    ),
    used(
        "cinder_attachment_retry_attempts",
        Kind.INTEGER,
        5,
        "Attempts at attaching a volume that is attached elsewhere or changing, 1 to 10 seconds apart.",
        minimum=1,
    ),
)
