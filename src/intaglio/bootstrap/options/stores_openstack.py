"""The options of the store drivers that keep images in other OpenStack services: Swift and Cinder."""

from functools import partial

from intaglio.bootstrap.options.model import Kind, not_yet

_swift = partial(not_yet, note="No effect: the Swift store comes later.")
SWIFT = (
    _swift("swift_store_auth_version", Kind.TEXT, "3", "Version of the identity API.", choices=("3",)),
    _swift("swift_store_auth_address", Kind.URL, None, "URL of the identity service."),
    _swift("swift_store_user", Kind.TEXT, None, "User, with the project before it.", secret=True),
    _swift("swift_store_key", Kind.TEXT, None, "Password.", secret=True),
    _swift("swift_store_config_file", Kind.TEXT, None, "File with the accounts."),
    _swift("default_swift_reference", Kind.TEXT, "ref1", "Account in that file for new images."),
    _swift("swift_store_application_credential_id", Kind.TEXT, None, "Application credential.", secret=True),
    _swift("swift_store_application_credential_secret", Kind.TEXT, None, "Its secret.", secret=True),
    _swift("swift_store_project_name", Kind.TEXT, None, "Project."),
    _swift("swift_store_project_id", Kind.TEXT, None, "Project, by id."),
    _swift("swift_store_region", Kind.TEXT, None, "Region."),
    _swift("swift_store_endpoint", Kind.URL, None, "Endpoint, instead of the catalogue's."),
    _swift(
        "swift_store_endpoint_type",
        Kind.TEXT,
        "publicURL",
        "Which endpoint of the catalogue.",
        choices=("publicURL", "adminURL", "internalURL"),
    ),
    _swift("swift_store_service_type", Kind.TEXT, "object-store", "Service type in the catalogue."),
    _swift("swift_store_container", Kind.TEXT, "glance", "Container, or the beginning of its name."),
    _swift("swift_store_create_container_on_put", Kind.BOOLEAN, False, "Make the container when it is missing."),
    _swift(
        "swift_store_multiple_containers_seed",
        Kind.INTEGER,
        0,
        "Spread over containers by so many characters of the image id.",
        minimum=0,
        maximum=32,
    ),
    _swift("swift_store_multi_tenant", Kind.BOOLEAN, False, "Keep data in the users' own accounts."),
    _swift("swift_store_admin_tenants", Kind.LIST, (), "Projects that may read and write those."),
    _swift("swift_store_use_trusts", Kind.BOOLEAN, True, "Use trusts for long uploads."),
    _swift("swift_store_large_object_size", Kind.INTEGER, 5120, "MB from which an object is segmented.", minimum=1),
    _swift("swift_store_large_object_chunk_size", Kind.INTEGER, 200, "MB in one segment.", minimum=1),
    _swift("swift_store_retry_get_count", Kind.INTEGER, 0, "Attempts at continuing a read.", minimum=0),
    _swift(
        "swift_store_expire_soon_interval", Kind.INTEGER, 60, "Seconds before its end a token is renewed.", minimum=0
    ),
    _swift("swift_store_auth_insecure", Kind.BOOLEAN, False, "Do not check certificates."),
    _swift("swift_store_cacert", Kind.TEXT, None, "Certificate authorities."),
    _swift("swift_store_ssl_compression", Kind.BOOLEAN, True, "TLS compression."),
    _swift("swift_buffer_on_upload", Kind.BOOLEAN, False, "Keep each segment on disk until it is sent."),
    _swift("swift_upload_buffer_dir", Kind.TEXT, None, "Directory for that."),
)

_cinder = partial(not_yet, note="No effect: the Cinder store comes later.")
CINDER = (
    _cinder("cinder_catalog_info", Kind.TEXT, "volumev3::publicURL", "`type:name:endpoint` in the catalogue."),
    _cinder("cinder_endpoint_template", Kind.URL, None, "Endpoint, instead of the catalogue's."),
    _cinder("cinder_os_region_name", Kind.TEXT, None, "Region.", aliases=(("", "os_region_name"),)),
    _cinder("cinder_ca_certificates_file", Kind.TEXT, None, "Certificate authorities."),
    _cinder("cinder_api_insecure", Kind.BOOLEAN, False, "Do not check certificates."),
    _cinder("cinder_http_retries", Kind.INTEGER, 3, "Attempts at a call.", minimum=0),
    _cinder("cinder_state_transition_timeout", Kind.INTEGER, 300, "Seconds to wait for a volume.", minimum=0),
    _cinder("cinder_store_auth_address", Kind.URL, None, "URL of the identity service."),
    _cinder("cinder_store_user_name", Kind.TEXT, None, "User."),
    _cinder("cinder_store_user_domain_name", Kind.TEXT, "Default", "Domain of the user."),
    _cinder("cinder_store_password", Kind.TEXT, None, "Password.", secret=True),
    _cinder("cinder_store_project_name", Kind.TEXT, None, "Project."),
    _cinder("cinder_store_project_domain_name", Kind.TEXT, "Default", "Domain of the project."),
    _cinder("cinder_store_application_credential_id", Kind.TEXT, None, "Application credential.", secret=True),
    _cinder("cinder_store_application_credential_secret", Kind.TEXT, None, "Its secret.", secret=True),
    _cinder("cinder_volume_type", Kind.TEXT, None, "Volume type."),
    _cinder("rootwrap_config", Kind.TEXT, "/etc/glance/rootwrap.conf", "Rules for commands run as root."),
    _cinder("cinder_use_multipath", Kind.BOOLEAN, False, "Attach by several paths."),
    _cinder("cinder_enforce_multipath", Kind.BOOLEAN, False, "Refuse to attach by one."),
    _cinder("cinder_mount_point_base", Kind.TEXT, "/var/lib/glance/mnt", "Where NFS shares are mounted."),
    _cinder("cinder_do_extend_attached", Kind.BOOLEAN, False, "Grow volumes while attached."),
    _cinder("cinder_attachment_retry_attempts", Kind.INTEGER, 5, "Attempts at attaching.", minimum=1),
)
