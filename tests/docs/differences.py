"""Which tests show which row of docs/differences.md, by the topic in the row's first cell."""

SHOWN: dict[str, tuple[str, ...]] = {
    "Some of the four properties": (
        "tests/signatures/test_doors.py::test_upload",
        "tests/signatures/test_doors.py::test_import",
        "tests/signatures/test_doors.py::test_change",
    ),
    "Signed imports": ("tests/signatures/test_doors.py::test_import",),
    "Changed signatures": (
        "tests/signatures/test_doors.py::test_change",
        "tests/signatures/test_resigning.py::test_a_digest_that_is_not_on_record_is_computed_once",
        "tests/signatures/test_resigning.py::test_stored_bytes_that_changed",
    ),
    "Certificates that do not count": (
        "tests/signatures/test_doors.py::test_upload",
        "tests/signatures/test_upload.py::test_refused_before_a_byte",
        "tests/signatures/test_barbican.py::test_no_such_certificate",
    ),
    "Trusted signers": (
        "tests/signatures/test_doors.py::test_upload",
        "tests/signatures/test_resigning.py::test_only_some_sign_public_images",
        "tests/signatures/test_resigning.py::test_a_store_that_requires",
    ),
    "Key manager that does not answer": ("tests/signatures/test_barbican.py::test_silence_is_no_verdict",),
    "Upstream's signature": (
        "tests/signatures/test_provenance.py::test_upstreams_signature_of_the_data",
        "tests/signatures/test_provenance.py::test_what_does_not_fit_never_becomes_visible",
    ),
    "Evidence": ("tests/signatures/test_resigning.py::test_what_is_noted_of_an_upload",),
    "Receipts": (
        "tests/signatures/test_receipts.py::test_an_upload",
        "tests/signatures/test_receipts.py::test_who_may_read_it",
        "tests/signatures/test_receipts.py::test_a_new_key",
    ),
    "Copies read back": (
        "tests/signatures/test_verify_command.py::test_bytes_that_were_changed_in_the_store",
        "tests/inventory/test_reverification.py::test_what_is_wrong_is_taken_out_of_use",
    ),
    "Method not allowed": (
        "tests/api/test_routes_table.py::test_other_methods_are_answered_with_those_allowed",
        "tests/api/test_routing.py::test_usage_names_its_method",
    ),
    "Request id": (
        "tests/api/test_versions.py::test_overlong_request_id",
        "tests/api/test_accidents.py::test_overlong_request_id",
    ),
    "Error codes": ("tests/api/test_error_codes.py::test_the_code_is_in_a_header",),
    "Form of errors": (
        "tests/api/test_errors.py::test_reason_reaches_the_person",
        "tests/compat/test_clients.py::test_content_that_is_not_what_it_is_said_to_be",
    ),
    "JSON of the wrong shape": (
        "tests/api/test_create.py::test_not_an_object",
        "tests/api/test_patch.py::test_not_a_patch",
        "tests/api/test_accidents.py::test_creation_with_an_array",
        "tests/api/test_accidents.py::test_member_that_is_an_object",
    ),
    "Address of a new image": ("tests/api/test_versions.py::test_a_new_image_is_where_the_operator_says",),
    "Pages of other sites": ("tests/api/test_cors.py::TestAllowedSites::test_preflight",),
    "Bodies without a length": ("tests/api/test_create.py::test_chunked_body",),
    "Paths": (
        "tests/api/test_versions.py::test_path_that_is_not_utf8",
        "tests/api/test_tags.py::test_arc",
        "tests/api/test_tags.py::test_refused",
    ),
    "Image ids": ("tests/api/test_create.py::test_id_may_be_chosen",),
    "Policy files": (
        "tests/authz/test_files.py::test_errors_name_file_and_line",
        "tests/api/test_policy_overrides.py::test_a_changed_file_is_read_and_a_broken_one_is_not",
    ),
    "Hidden by the policy": ("tests/api/test_policy_overrides.py::test_call",),
    "Refusals explained": (
        "tests/api/test_policy_overrides.py::test_the_log_says_which_rule_refused_whom_what",
        "tests/api/test_policy_overrides.py::test_a_rule_that_nobody_passes_is_explained_to_who_may_know",
        "tests/api/test_policy_overrides.py::TestExplain::test_hidden_by_a_rule",
    ),
    "Time": ("tests/api/test_list.py::test_filter_by_its_own_time",),
    "Keystone does not answer": (
        "tests/api/test_keystone.py::test_keystone_is_down",
        "tests/identity/test_keystone_down.py::test_silent",
    ),
    "The service's own login": ("tests/api/test_keystone.py::test_a_wrong_login_of_the_service_is_503",),
    "Cache of tokens": (
        "tests/identity/test_token_cache.py::test_no_token_is_in_memory",
        "tests/config/test_identity.py::test_show_and_check_tell_no_secret_and_say_what_memcached_does",
    ),
    "Access rules": ("tests/api/test_keystone.py::test_access_rules",),
    "Anonymous access": ("tests/api/test_anonymous.py::test_wrong_credentials_are_refused",),
    "Identity headers": (
        "tests/api/test_trusted_proxy.py::test_in_another_mode_they_are_nothing",
        "tests/api/test_trusted_proxy.py::test_a_header_twice",
    ),
    "Forwarding headers": ("tests/api/test_proxy_headers.py::test_links_are_as_the_client_sees_them",),
    "OpenAPI": ("tests/api/test_routing.py::test_openapi_is_served",),
    "Digest fields": (
        "tests/api/test_create.py::test_hash_cannot_be_claimed",
        "tests/api/test_patch.py::test_stores_is_read_only",
    ),
    "Property names": ("tests/api/test_patch.py::TestProperties::test_long_name",),
    "Any property name is only a name": (
        "tests/api/test_patch.py::test_inner_names_are_properties_like_others",
        "tests/api/test_accidents.py::test_patch_of_inner_names",
    ),
    "Spaces in property names": ("tests/api/test_patch.py::test_path_names_a_property",),
    "Owner": ("tests/api/test_patch.py::TestOwner::test_add_needs_an_admin",),
    "Rights on a PATCH": (
        "tests/api/test_patch.py::TestRightsAreThoseOnTheResult::test_no_change_needs_no_right_to_change",
    ),
    "Images without an owner": (
        "tests/api/test_policy.py::test_image_without_owner_is_the_administrators",
        "tests/api/test_list.py::TestWhoSeesWhat::test_show",
    ),
    "Typed properties": ("tests/api/test_custom_schema.py::test_kept_as_json_writes_it",),
    "Locations in a PATCH": (
        "tests/api/test_locations.py::TestReplace::test_metadata_are_texts",
        "tests/api/test_locations.py::TestRemove::test_no_place",
    ),
    "Locations that are added": (
        "tests/api/test_location_calls.py::TestAdded::test_on_the_web",
        "tests/api/test_location_calls.py::TestNotAdded::test_data_that_would_reach_outside",
        "tests/api/test_location_calls.py::TestPatched::test_the_declared_format_counts",
    ),
    "Another location for an image": (
        "tests/api/test_location_calls.py::TestPatched::test_first_and_second",
        "tests/api/test_location_calls.py::TestPatched::test_beside_an_upload",
    ),
    "Digests that callers give": (
        "tests/api/test_location_calls.py::TestPatched::test_what_is_said_of_the_data",
        "tests/api/test_location_calls.py::TestBelieved::test_digests",
    ),
    "Whose data a location names": (
        "tests/api/test_location_calls.py::TestPatched::test_an_object_of_another_image",
        "tests/api/test_location_calls.py::TestNotAdded::test_users_name_nothing_in_a_store",
    ),
    "A location that is refused": ("tests/api/test_location_calls.py::TestNotAdded::test_the_task_says_why",),
    "Formats before a location": ("tests/api/test_location_calls.py::TestNotAdded::test_in_another_status",),
    "Refused PATCH": (
        "tests/domain/test_patch.py::test_the_first_failure_leaves_the_image_as_it_was",
        "tests/api/test_patch.py::test_bad_path",
        "tests/api/test_locations.py::TestRemove::test_all_or_nothing",
    ),
    "Simultaneous changes": (
        "tests/db/test_images.py::test_no_change_is_lost_between_many_writers",
        "tests/api/test_upload.py::TestWhileBytesArrive::test_changes_are_kept",
    ),
    "Digest and bytes": ("tests/api/test_upload.py::test_active_image_keeps_its_bytes",),
    "Ids of members": ("tests/api/test_members.py::test_not_a_project",),
    "Sharing at the same time": (
        "tests/api/test_members.py::test_rivals_add_a_project_once",
        "tests/api/test_members.py::TestQuota::test_holds_among_rivals",
    ),
    "Usage": (
        "tests/api/test_info.py::test_usage_follows_what_is_there",
        "tests/api/test_routing.py::test_usage_takes_no_body",
    ),
    "What is no filter": (
        "tests/api/test_list.py::test_bad_value",
        "tests/api/test_accidents.py::test_list_by_what_is_no_filter",
    ),
    "Many filters": (
        "tests/fuzz/test_lists.py::test_very_many_parameters",
        "tests/db/test_image_pages.py::test_as_many_filters_as_a_list_takes",
    ),
    "Marker": ("tests/api/test_list.py::test_marker_that_the_caller_may_not_see",),
    "Order": ("tests/api/test_pages.py::test_pages_hold_each_image_once",),
    "Paging links": (
        "tests/api/test_pages.py::test_links_keep_every_one_of_several",
        "tests/api/test_pages.py::test_pages_of_several_tags",
    ),
    "End of a list": ("tests/api/test_pages.py::test_no_next_after_a_page_that_is_not_full",),
    "Cost": ("tests/db/test_image_pages.py::test_statements_do_not_grow_with_the_page",),
    "Unreadable and changed": (
        "tests/api/test_property_protection.py::TestWhatIsNotRead::test_is_kept_by_a_patch",
        "tests/api/test_property_protection.py::TestWhatIsNotRead::test_is_kept_by_every_other_change",
    ),
    "Unreadable and written over": ("tests/api/test_property_protection.py::TestChange::test_change",),
    "Unreadable and created": (
        "tests/api/test_property_protection.py::TestCreate::test_what_was_created_may_be_unreadable",
    ),
    "Unreadable and looked for": (
        "tests/api/test_property_protection.py::TestWhatIsNotRead::test_is_not_found_by_a_filter",
        "tests/api/test_property_protection.py::TestWhatIsNotRead::test_is_in_no_answer_of_our_own",
    ),
    "The service's own names": (
        "tests/api/test_property_protection.py::TestRead::test_only_the_services_own_names_are_exempt",
    ),
    "Protections at a start": (
        "tests/config/test_protection.py::test_a_file_that_cannot_be_used_stops_the_start",
        "tests/api/test_property_protection.py::TestFile::test_a_change_is_followed_and_a_broken_file_is_not",
    ),
    "Search": ("tests/api/test_search.py::test_found", "tests/api/test_facets.py::test_by_default"),
    "Refused content": ("tests/api/test_upload.py::TestFormats::test_mismatch_leaves_nothing",),
    "Limits during a transfer": ("tests/ingest/test_door.py::test_the_cap_ends_a_stream_of_unknown_length",),
    "Announced size": ("tests/api/test_upload.py::test_headers_refused",),
    "Upload again": (
        "tests/api/test_upload.py::test_headers_refused",
        "tests/api/test_accidents.py::test_upload_again_after_the_wrong_format",
    ),
    "Store that fails in mid-download": (
        "tests/faults/test_s3.py::test_a_store_that_dies_in_the_middle_of_a_download",
        "tests/faults/test_s3.py::test_the_only_copy_breaks_in_the_middle",
    ),
    "Other bytes in the store": ("tests/faults/test_s3.py::test_other_bytes_are_never_served_whole",),
    "Ranges of remote stores": ("tests/faults/test_s3.py::test_the_life_of_an_image",),
    "Uploads to S3": (
        "tests/stores/test_s3.py::test_parts_go_side_by_side_within_the_budget",
        "tests/faults/test_s3.py::test_interrupted",
    ),
    "Certificates of web servers": (
        "tests/stores/test_http.py::TestCertificates::test_of_an_unknown_authority_are_refused",
        "tests/config/test_stores.py::test_a_store_on_the_web_checks_certificates_unless_told_otherwise",
    ),
    "Addresses on the web": ("tests/stores/test_http.py::TestWhatIsNotFetched::test_is_denied",),
    "Logins in the URLs of locations": (
        "tests/api/test_location_calls.py::TestAdded::test_on_the_web",
        "tests/stores/test_http.py::TestKeys::test_do_not_show_the_url",
    ),
    "Enciphered locations": (
        "tests/takeover/test_enciphered.py::test_without_the_key_nothing_is_served_and_nothing_lost",
    ),
    "Credentials of a store": (
        "tests/stores/test_s3_options.py::test_locations_are_glances",
        "tests/faults/test_swift.py::test_passwords_in_locations_are_not_shown",
    ),
    "Uploads to Swift": (
        "tests/faults/test_swift.py::test_interrupted",
        "tests/stores/test_swift.py::test_another_machine_was_first",
    ),
    "Swift accounts of projects": (
        "tests/stores/test_swift_tenants.py::test_an_object_is_in_its_projects_account",
        "tests/stores/test_swift_tenants.py::test_without_the_role_it_is_said",
        "tests/takeover/test_swift.py::test_tenants_there_and_back",
    ),
    "Volumes in Cinder": (
        "tests/stores/test_cinder_options.py::test_wrong_options_are_named",
        "tests/stores/test_cinder.py::test_volumes_are_as_glance_makes_them",
        "tests/stores/test_cinder.py::test_volumes_of_others_are_left_alone",
    ),
    "Growing volumes": ("tests/stores/test_cinder.py::test_volumes_grow",),
    "Memory per Swift segment": ("tests/stores/test_swift.py::test_segments_are_short_whatever_the_options_say",),
    "Ceph that does not answer": (
        "tests/faults/test_rbd.py::test_a_silent_cluster_stops_no_other_request",
        "tests/faults/test_rbd.py::test_a_quota_that_is_used_up",
    ),
    "Ceph user": ("tests/stores/test_rbd.py::test_who_ceph_asks_for_by_itself",),
    "Images with clones": ("tests/faults/test_rbd.py::test_an_image_with_a_clone_can_be_deleted",),
    "Uploads to Ceph": (
        "tests/stores/test_rbd.py::test_what_a_dead_writer_left",
        "tests/stores/test_rbd_options.py::test_other_locations_are_refused",
    ),
    "Interrupted uploads": (
        "tests/faults/test_interrupted_uploads.py::test_client_hangs_up",
        "tests/faults/test_interrupted_uploads.py::test_every_process_is_killed",
        "tests/faults/test_disks.py::test_full_disk",
    ),
    "Store that takes no data": ("tests/api/test_upload.py::test_headers_refused",),
    "Durability": ("tests/db/test_engine.py::test_sqlite_commits_are_durable",),
    "Ranges announced": ("tests/api/test_download.py::test_ranges_are_announced_and_the_digest_is_of_what_is_sent",),
    "`HEAD`": ("tests/api/test_download.py::TestHead::test_whole",),
    "Length": ("tests/api/test_download.py::test_large",),
    "`Content-MD5`": ("tests/api/test_download.py::test_ranges_are_announced_and_the_digest_is_of_what_is_sent",),
    "Forms of a range": (
        "tests/api/test_download.py::test_no_such_range",
        "tests/api/test_download.py::test_no_such_range_in_the_older_form",
        "tests/api/test_download.py::test_refused_range_tells_the_size",
        "tests/api/test_download.py::test_range_of_no_byte",
        "tests/api/test_accidents.py::test_older_range_without_numbers",
    ),
    "Image without data": (
        "tests/api/test_download.py::test_range_of_no_data",
        "tests/api/test_accidents.py::test_range_of_no_data",
    ),
    "Data missing from the store": (
        "tests/faults/test_disks.py::test_object_that_vanished",
        "tests/faults/test_disks.py::test_object_that_was_cut_short_is_not_served",
    ),
    "Order of deletion": ("tests/faults/test_disks.py::test_a_delete_that_the_store_refuses_is_done_later",),
    "File store timeout": ("tests/stores/test_file_faults.py::test_a_write_that_hangs_hangs_alone",),
    "Time a deletion takes": (
        "tests/deletion/test_removal.py::test_a_store_that_hangs_holds_nobody",
        "tests/deletion/test_removal.py::test_a_store_that_is_down",
    ),
    "Deleting while something is under way": (
        "tests/deletion/test_every_step.py::test_while_data_arrive",
        "tests/deletion/test_every_step.py::test_while_a_task_is_at_work",
    ),
    "Deferred deletion": (
        "tests/deletion/test_kept.py::test_whole_again",
        "tests/deletion/test_kept.py::test_one_out_of_use_stays_out_of_use",
        "tests/deletion/test_glance.py::test_what_either_kept",
    ),
    "Directories that are not mounted": (
        "tests/stores/test_marks.py::test_an_empty_mount_point_is_never_written_to",
        "tests/faults/test_disks.py::test_share_that_is_not_mounted",
    ),
    "Health check": (
        "tests/faults/test_disks.py::test_read_only_disk",
        "tests/faults/test_s3.py::test_the_server_is_gone_and_comes_back",
    ),
    "Schemas": ("tests/api/test_schemas.py::test_images",),
    "Names of definitions": (
        "tests/api/test_metadefs_namespaces.py::test_bad_body",
        "tests/api/test_metadefs_namespaces.py::TestResourceTypes::test_bad_body",
        "tests/api/test_metadefs_contents.py::TestProperties::test_bad_body",
    ),
    "Renaming to a taken name": (
        "tests/api/test_metadefs_contents.py::TestProperties::test_rename_to_one_that_is_there",
        "tests/api/test_metadefs_contents.py::TestObjects::test_rename_to_one_that_is_there",
        "tests/api/test_metadefs_contents.py::TestTags::test_rename_to_one_that_is_there",
    ),
    "Parameters of the catalogue's lists": (
        "tests/api/test_metadefs_namespaces.py::TestList::test_bad_query",
        "tests/api/test_metadefs_contents.py::TestObjects::test_bad_query",
        "tests/api/test_metadefs_contents.py::TestTags::test_bad_query",
        "tests/api/test_metadefs_namespaces.py::TestList::test_marker_that_the_caller_may_not_see",
        "tests/api/test_metadefs_contents.py::TestObjects::test_pages",
        "tests/api/test_metadefs_contents.py::TestTags::test_links",
    ),
    "What a property may say": (
        "tests/api/test_metadefs_contents.py::TestProperties::test_fields",
        "tests/api/test_metadefs_contents.py::TestProperties::test_bad_body",
    ),
    "Properties without a prefix": ("tests/api/test_metadefs_contents.py::TestProperties::test_without_a_prefix",),
    "Required properties of an object": ("tests/api/test_metadefs_contents.py::TestObjects::test_bad_body",),
    "Bulk tags": ("tests/api/test_metadefs_contents.py::TestTags::test_bad_body",),
    "Hidden namespaces": ("tests/api/test_metadefs_policy.py::test_what_may_not_be_seen_does_not_exist",),
    "Definitions at the first start": ("tests/metadefs/test_first_start.py::test_only_the_embedded_default_is_filled",),
    "Checked properties": ("tests/api/test_validate.py::TestRequire::test_create",),
    "One store of an import, named twice": ("tests/api/test_import.py::test_the_same_store_in_header_and_body",),
    "Import that fails": (
        "tests/api/test_import.py::TestGlanceDirect::test_wrong_content_is_said",
        "tests/imports/test_kills.py::test_a_failure_is_undone_whoever_does_it",
    ),
    "Import whose process dies": (
        "tests/imports/test_kill_matrix.py::test_killed_everywhere",
        "tests/imports/test_soak.py::test_nothing_is_stuck_or_left_over",
        "tests/imports/test_kills.py::test_another_worker_finishes_what_a_dead_one_began",
    ),
    "Same import once more": (
        "tests/api/test_import.py::TestGlanceDirect::test_the_same_once_more",
        "tests/imports/test_requests.py::test_the_same_request_is_the_same_task",
    ),
    "Calling an import off": (
        "tests/imports/test_kills.py::test_called_off_in_the_middle",
        "tests/imports/test_kills.py::test_deleted_in_the_middle",
    ),
    "Several stores": (
        "tests/imports/test_kills.py::test_one_store_may_fail",
        "tests/ingest/test_fanout.py::test_all_stores_get_the_same_bytes_of_one_reading",
    ),
    "Copied images": ("tests/imports/test_requests.py::test_a_damaged_source_is_not_copied",),
    "Staged data": (
        "tests/api/test_import.py::TestStage::test_twice",
        "tests/imports/test_requests.py::test_staged_data_expire",
    ),
    "Packed images": (
        "tests/imports/test_plugins.py::test_a_packed_disk_is_what_is_inside",
        "tests/imports/test_plugins.py::test_a_quota_counts_what_comes_out",
        "tests/ingest/test_unpacking.py::test_refused",
    ),
    "Converted images": (
        "tests/imports/test_converting.py::test_to_raw",
        "tests/imports/test_converting.py::test_what_stays_as_it_is",
        "tests/imports/test_converting.py::test_hostile_images",
        "tests/imports/test_converting_kills.py::test_into_the_store_at_once",
        "tests/ingest/test_sandbox.py::test_bubblewrap",
    ),
    "Converted images that are signed": (
        "tests/imports/test_converting.py::test_a_signed_image_is_refused",
        "tests/imports/test_converting.py::test_to_another_format",
        "tests/imports/test_conversion.py::test_signed",
    ),
    "Holes of converted images": ("tests/stores/test_holes.py::test_a_file_keeps_them",),
    "What images say of themselves": (
        "tests/imports/test_introspection.py::test_a_disk_of_vmware",
        "tests/imports/test_introspection.py::test_an_administrator_knows_better",
        "tests/formats/test_facts.py::test_facts",
    ),
    "OVA": ("tests/imports/test_introspection.py::test_an_ova",),
    "Plug-ins of other packages": (
        "tests/imports/test_introspection.py::test_a_plugin_of_another_package",
        "tests/imports/test_introspection.py::test_what_a_plugin_does_not_let_in",
    ),
    "Stored data judged anew": (
        "tests/inventory/test_inspection.py::test_only_what_other_rules_judged_is_looked_at",
        "tests/inventory/test_inspection.py::test_what_is_refused_is_found_each_time_until_it_is_out_of_use",
    ),
    "What methods take": (
        "tests/manager/test_handing_over.py::test_the_cloud_fetches_and_verifies",
        "tests/api/test_info.py::test_import_methods_say_what_more_they_take",
    ),
    "Order of plug-ins": ("tests/config/test_errors.py::test_a_wrong_value_is_named_with_its_place",),
    "Roles without injected properties": ("tests/imports/test_plugins.py::test_roles_that_are_left_out",),
    "Stores of an import": (
        "tests/api/test_import.py::test_refused",
        "tests/compat/test_url_imports.py::test_openstack",
    ),
    "Progress": (
        "tests/imports/test_kills.py::test_called_off_in_the_middle",
        "tests/api/test_schemas.py::test_members_and_tasks",
        "tests/api/test_events.py::test_why_an_attempt_failed_is_in_the_progress",
    ),
    "URLs that are refused": ("tests/outbound/test_hostile.py::test_url", "tests/api/test_url_import.py::test_refused"),
    "Names in a URL": (
        "tests/outbound/test_hostile.py::test_url",
        "tests/outbound/test_fetching.py::test_a_name_is_asked_for_once_and_what_was_vetted_is_connected_to",
    ),
    "Passwords in a URL": (
        "tests/outbound/test_fetching.py::TestSecrets::test_credentials_stay_with_their_host",
        "tests/api/test_url_import.py::test_arc",
    ),
    "Digest of a download": (
        "tests/imports/test_fetching.py::TestDigests::test_wrong",
        "tests/imports/test_fetching.py::TestDigests::test_listed",
    ),
    "Broken downloads": (
        "tests/imports/test_kill_matrix.py::test_killed_everywhere",
        "tests/imports/test_fetching.py::test_a_broken_connection_goes_on",
    ),
    "From another region": (
        "tests/api/test_regions.py::test_from_a_real_glance",
        "tests/api/test_regions.py::test_what_was_described_is_taken_back",
    ),
    "Beginning tasks directly": ("tests/api/test_url_tasks.py::test_other_types_are_begun_by_other_calls",),
    "Tasks that fetch a URL": (
        "tests/api/test_url_tasks.py::test_one_that_fails_leaves_no_image",
        "tests/api/test_url_tasks.py::test_a_url_that_is_refused_is_refused_at_once",
    ),
    "Events": ("tests/api/test_events.py::test_an_import_from_a_url_to_its_end",),
    "Who may have URLs fetched": ("tests/api/test_url_tasks.py::test_urls_are_fetched_for_a_role_only",),
    "What a Glance left": ("tests/takeover/test_stuck.py::test_left_by_a_glance",),
    "Storage quota": (
        "tests/quota/test_hard_limits.py::test_twenty_uploads_at_once",
        "tests/quota/test_hard_limits.py::test_a_stream_of_unknown_size_is_cut_at_the_limit",
        "tests/quota/test_hard_limits.py::test_what_is_reserved_goes_to_a_new_owner",
    ),
    "Unified limits": (
        "tests/quota/test_unified_limits.py::test_bytes_and_what_usage_shows",
        "tests/quota/test_unified_limits.py::test_known_limits_hold_for_a_while",
    ),
    "Copies that wait to be removed": ("tests/db/test_usage.py::test_a_copy_that_is_to_be_removed_does_not_count",),
    "Rate limits": (
        "tests/rates/test_calls.py::test_what_a_refusal_says",
        "tests/rates/test_routes.py::test_imports_are_limited_by_default",
    ),
}
