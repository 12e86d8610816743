"""What each kind of store does when something fails: the rows of docs/reference/store-faults.md, each with its test."""

from typing import NamedTuple


class Row(NamedTuple):
    """`test` is the id of the test that shows it."""

    fault: str
    store: str
    outcome: str
    test: str


FILE, MARKS, S3 = "tests/stores/test_file_faults.py::", "tests/stores/test_marks.py::", "tests/stores/test_s3.py::"
DISKS, S3_SERVICE = "tests/faults/test_disks.py::", "tests/faults/test_s3.py::"
SWIFT, SWIFT_SERVICE = "tests/stores/test_swift.py::", "tests/faults/test_swift.py::"
TENANTS = "tests/stores/test_swift_tenants.py::"
RBD, RBD_SERVICE = "tests/stores/test_rbd.py::", "tests/faults/test_rbd.py::"
CEPHFS = "tests/faults/test_cephfs.py::"
CINDER, CINDER_SERVICE = "tests/stores/test_cinder.py::", "tests/faults/test_cinder.py::"
HTTP, HTTP_SERVICE = "tests/stores/test_http.py::", "tests/faults/test_http.py::"
REMOVAL, STEPS = "tests/deletion/test_removal.py::", "tests/deletion/test_every_step.py::"

ROWS = (
    Row("the disk, or its quota, is full", "file", "413; nothing of the upload is left", FILE + "test_a_full_disk"),
    Row(
        "the disk fills up between a write and its flush",
        "file",
        "413; nothing is left",
        FILE + "test_a_real_disk_that_fills_up_between_writes_and_flush",
    ),
    Row("no inodes are left", "file", "413; nothing is left", FILE + "test_no_inodes_left"),
    Row(
        "a call fails with EIO, ENOSPC, EDQUOT, EFBIG, ESTALE, EROFS or EACCES",
        "file",
        "413 when it is room that lacks, else 503; nothing is left, the next upload works",
        FILE + "test_a_write_that_fails",
    ),
    Row("reading fails", "file", "the next copy goes on, or 503", FILE + "test_a_read_that_fails"),
    Row(
        "it is remounted read-only",
        "file",
        "uploads 503, downloads work, deletions are done later",
        DISKS + "test_read_only_disk",
    ),
    Row(
        "the disk dies during an upload",
        "file",
        "503; no name appears",
        FILE + "test_a_disk_that_dies_during_an_upload",
    ),
    Row(
        "the share is not mounted: its mount point is there, and empty",
        "file",
        "nothing is written to it, nothing is believed to be lost; uploads and downloads 503; heals by itself",
        DISKS + "test_share_that_is_not_mounted",
    ),
    Row(
        "the share is not mounted at the very first start, and the database has images in it",
        "file",
        "it is not set up, and takes nothing, until it is there",
        MARKS + "test_it_is_not_there_yet_at_the_first_start",
    ),
    Row(
        "the share goes away during an upload",
        "file",
        "503; nothing is left on either side",
        MARKS + "test_it_goes_away_while_it_is_written_to",
    ),
    Row(
        "another file system is mounted there",
        "file",
        "it can be read, and is neither written to nor deleted from",
        MARKS + "test_another_file_system_is_mounted_there",
    ),
    Row(
        "the directory is missing",
        "file",
        "503, which is not taken for a missing object",
        FILE + "test_a_directory_that_is_gone_is_not_an_absent_object",
    ),
    Row(
        "a write hangs",
        "file",
        "503 after filesystem_store_timeout; other stores and requests go on",
        FILE + "test_a_write_that_hangs_hangs_alone",
    ),
    Row("a read hangs", "file", "another copy, or 503", FILE + "test_a_read_that_hangs"),
    Row(
        "everything hangs",
        "file",
        "each call 503 in bounded time; heals by itself",
        FILE + "test_when_every_thread_hangs_all_is_refused_in_time_and_heals",
    ),
    Row(
        "everything is slow",
        "file",
        "each call takes its while, none fails; other stores go on",
        FILE + "test_a_slow_one_is_waited_for_by_itself",
    ),
    Row(
        "one of two machines that share it loses its mount",
        "file",
        "503 there, and its health says so; the other machine goes on, also with deletions; heals by itself",
        CEPHFS + "test_one_machine_loses_its_mount",
    ),
    Row(
        "the client of one machine's mount dies",
        "file",
        "503 there, at once; the other machine goes on",
        CEPHFS + "test_one_machines_client_dies",
    ),
    Row("the server under a mount dies", "file", "503", FILE + "test_a_server_that_dies_under_a_mount"),
    Row(
        "another machine deletes what is being read",
        "file",
        "the reader reads on, or learns of it; never other bytes",
        FILE + "test_a_share_where_a_deleted_file_cannot_be_read_on",
    ),
    Row(
        "the process is killed while it writes",
        "file",
        "nothing is left, or one private file that the next sweep removes",
        FILE + "test_a_writer_killed_with_9",
    ),
    Row(
        "the server is gone and comes back",
        "s3",
        "503 that names the store, or another copy; other stores go on",
        S3_SERVICE + "test_the_server_is_gone_and_comes_back",
    ),
    Row(
        "the server is silent",
        "s3",
        "503 in bounded time; other requests go on",
        S3_SERVICE + "test_a_silent_server_stops_no_other_request",
    ),
    Row("one request fails", "s3", "it is repeated; nobody notices", S3 + "test_one_fault_is_mended"),
    Row("requests go on failing", "s3", "503; no object, no part is left", S3 + "test_lasting_faults_leave_nothing"),
    Row(
        "the server's disk is full",
        "s3",
        "413 or 503; nothing is left",
        S3_SERVICE + "test_a_full_disk_of_the_server_leaves_nothing",
    ),
    Row(
        "it dies in the middle of a download",
        "s3",
        "another copy goes on at the same byte; without one the connection ends early",
        S3_SERVICE + "test_a_store_that_dies_in_the_middle_of_a_download",
    ),
    Row(
        "the object is not what was stored",
        "s3",
        "the last bytes are kept back, and the log names the image",
        S3_SERVICE + "test_other_bytes_are_never_served_whole",
    ),
    Row(
        "the credentials are wrong",
        "s3",
        "503 with the option to look at",
        S3 + "test_wrong_credentials_are_named_and_not_shown",
    ),
    Row(
        "a client leaves, or a process is killed, during an upload",
        "s3",
        "the image is queued again; parts are given up",
        S3_SERVICE + "test_interrupted",
    ),
    Row(
        "another upload of the same name is finished meanwhile",
        "s3",
        "the later one is refused, also by servers that join parts unasked",
        "tests/stores/test_s3.py::test_a_server_that_joins_parts_unasked",
    ),
    Row(
        "the server is gone and comes back",
        "swift",
        "503 that names the store, or another copy; uploads work when it is back",
        SWIFT_SERVICE + "test_the_server_is_gone_and_comes_back",
    ),
    Row("the server is silent", "swift", "503 in bounded time", SWIFT + "test_silent"),
    Row("it dies in the middle of an upload", "swift", "503; nothing is left", SWIFT + "test_it_dies_in_an_upload"),
    Row(
        "it dies in the middle of a download",
        "swift",
        "the reader is told, after whole and right bytes",
        SWIFT + "test_it_dies_in_a_download",
    ),
    Row(
        "the token ends during a transfer",
        "swift",
        "a new one is asked for; nobody notices",
        SWIFT + "test_transfers_outlive_their_tokens",
    ),
    Row("Keystone refuses, or is away", "swift", "503 that says which", SWIFT + "test_keystone_refuses"),
    Row(
        "the password is wrong",
        "swift",
        "503 that says so, without the password",
        SWIFT_SERVICE + "test_a_wrong_password_is_said",
    ),
    Row(
        "the container is missing",
        "swift",
        "503 that names the option, never a missing object",
        SWIFT + "test_a_container_must_be_there",
    ),
    Row("a quota of Swift is used up", "swift", "413; nothing is left", SWIFT + "test_a_quota_is_used_up"),
    Row(
        "a client leaves, or a process is killed, during an upload",
        "swift",
        "the image is queued again; segments are removed",
        SWIFT_SERVICE + "test_interrupted",
    ),
    Row(
        "a delete of Glance's was interrupted and left segments",
        "swift",
        "they go with the next delete or upload of the image",
        SWIFT + "test_segments_of_a_delete_that_was_interrupted",
    ),
    Row(
        "an upload into a project's own account fails",
        "swift",
        "neither object nor container is left",
        TENANTS + "test_a_failed_upload_leaves_no_container",
    ),
    Row(
        "the service lacks the role for projects' own accounts",
        "swift",
        "503 that says what Swift answered",
        TENANTS + "test_without_the_role_it_is_said",
    ),
    Row(
        "the cluster is gone in the middle of an upload",
        "rbd",
        "503 in bounded time; the rest goes on; nothing is left when it is back",
        RBD_SERVICE + "test_the_cluster_is_gone_in_the_middle_of_an_upload",
    ),
    Row(
        "the cluster is silent",
        "rbd",
        "503 in bounded time, where clients of Ceph wait for ever; other requests go on",
        RBD_SERVICE + "test_a_silent_cluster_stops_no_other_request",
    ),
    Row(
        "the pool is full, or its quota used up",
        "rbd",
        "413 at once; deleting still works, and makes room",
        RBD_SERVICE + "test_a_quota_that_is_used_up",
    ),
    Row(
        "it dies in the middle of a download",
        "rbd",
        "another copy goes on at the same byte; without one the connection ends early",
        RBD_SERVICE + "test_the_cluster_dies_in_the_middle_of_a_download",
    ),
    Row(
        "the cluster shuts this client out",
        "rbd",
        "what was under way fails; the next call has a new connection",
        RBD + "test_shut_out_by_the_cluster_it_comes_back",
    ),
    Row(
        "the user, the key, the pool or the file is wrong",
        "rbd",
        "503 that names the option to look at",
        RBD_SERVICE + "test_a_wrong_configuration_is_said",
    ),
    Row("the user may only read", "rbd", "503 for uploads; downloads work", RBD + "test_who_may_only_read"),
    Row(
        "a client leaves, or a process is killed, during an upload",
        "rbd",
        "the image is queued again; the image of the upload is removed",
        RBD_SERVICE + "test_interrupted",
    ),
    Row(
        "the process is killed while it gives an image its name",
        "rbd",
        "the next who looks finishes it or takes it back",
        RBD + "test_an_interrupted_renaming",
    ),
    Row(
        "there are clones when an image is deleted",
        "rbd",
        "204; it waits in the pool's trash until the last clone is gone",
        RBD_SERVICE + "test_an_image_with_a_clone_can_be_deleted",
    ),
    Row(
        "another machine deletes what is being read",
        "rbd",
        "the reader reads to the end; then the space is freed",
        RBD + "test_a_reader_elsewhere_reads_to_the_end",
    ),
    Row(
        "the store is down when an image is deleted",
        "any",
        "204; the data go when it is back, tried again after 5 seconds, 10, 20 … up to an hour",
        REMOVAL + "test_a_store_that_is_down",
    ),
    Row(
        "it is down for longer than removal_give_up_hours",
        "any",
        "the log says so each hour; store reconcile --fix removes the data",
        REMOVAL + "test_given_up_loudly_and_tried_again_when_told_to",
    ),
    Row(
        "it hangs when an image is deleted",
        "any",
        "204 within seconds; a worker goes on",
        REMOVAL + "test_a_store_that_hangs_holds_nobody",
    ),
    Row(
        "the process is killed between the record and the object",
        "any",
        "the next worker removes the object at once",
        REMOVAL + "test_killed_between_row_and_object",
    ),
    Row("two workers remove the same", "any", "each object is removed by one", REMOVAL + "test_two_workers"),
    Row(
        "the store is not configured any more",
        "any",
        "the data stay, are told of, and go when it is configured again",
        REMOVAL + "test_a_store_that_is_not_configured_any_more",
    ),
    Row(
        "the image is deleted while data arrive",
        "any",
        "410 for the upload; no object, no row, no quota is left",
        STEPS + "test_while_data_arrive",
    ),
    Row(
        "the image is deleted while it is imported or copied, at any step",
        "any",
        "the task fails and says so; nothing is left",
        STEPS + "test_while_a_task_is_at_work",
    ),
    Row(
        "Cinder or Keystone accepts connections and says nothing",
        "cinder",
        "503 after its time-out",
        CINDER + "test_a_service_that_says_nothing",
    ),
    Row(
        "an upload is cancelled, or an answer of Cinder lost, at any of its steps",
        "cinder",
        "no volume is left, and none attached",
        CINDER + "test_an_upload_that_ends_at_any_step",
    ),
    Row(
        "a process dies while it writes a volume",
        "cinder",
        "the next sweep of its machine, or upload of the image, detaches and removes it",
        CINDER + "test_what_a_dead_writer_left",
    ),
    Row(
        "a process dies while it reads a volume",
        "cinder",
        "the next sweep of its machine detaches it",
        CINDER + "test_what_a_dead_reader_left",
    ),
    Row(
        "every process is killed while a volume is written",
        "cinder",
        "the image is queued again, the volume detached and removed after the restart",
        CINDER_SERVICE + "test_killed_while_a_volume_is_written",
    ),
    Row(
        "every process is killed while a volume is read",
        "cinder",
        "the volume is detached after the restart, and read again",
        CINDER_SERVICE + "test_killed_while_a_volume_is_read",
    ),
    Row(
        "one process deletes the image while another reads it",
        "cinder",
        "the reader reads to the end, and removes the volume when it leaves",
        CINDER + "test_the_last_reader_removes_what_another_process_deleted",
    ),
    Row(
        "a volume without multiattach is read by another process",
        "cinder",
        "tried again for a while, then 503",
        CINDER + "test_another_process_waits_for_its_turn",
    ),
    Row(
        "a volume is not made or extended in time",
        "cinder",
        "503; it is removed when Cinder is done with it",
        CINDER + "test_a_volume_that_takes_too_long",
    ),
    Row(
        "Cinder cannot make such a volume",
        "cinder",
        "503; nothing is left",
        CINDER + "test_a_volume_that_cannot_be_made",
    ),
    Row("the project's quota of volumes is used up", "cinder", "413", CINDER + "test_a_quota_that_is_used_up"),
    Row(
        "the image is deleted while it is downloaded",
        "cinder",
        "the reader reads to the end",
        CINDER + "test_readers_of_one_process_share",
    ),
    Row(
        "the image is deleted while it is downloaded",
        "file",
        "the reader reads to the end",
        STEPS + "test_while_it_is_downloaded",
    ),
    Row(
        "the web server is gone, or does not answer",
        "http",
        "503 with the reason in the log; the image stays as it is",
        HTTP_SERVICE + "test_the_server_is_gone",
    ),
    Row(
        "the file is no longer there",
        "http",
        "503; downloads work again when it is back",
        HTTP_SERVICE + "test_the_file_is_gone",
    ),
    Row(
        "the web server breaks off in the middle",
        "http",
        "the reading goes on at the same byte",
        HTTP_SERVICE + "test_it_breaks_off_once",
    ),
    Row(
        "the web server says nothing any more in the middle",
        "http",
        "the client's connection ends early, others are served meanwhile",
        HTTP_SERVICE + "test_it_is_silent_in_the_middle",
    ),
    Row(
        "other data are there than were, of the same length",
        "http",
        "never served whole: the end is kept back",
        HTTP_SERVICE + "test_other_data_are_there_now",
    ),
    Row(
        "a file of another length is there",
        "http",
        "503",
        HTTP_SERVICE + "test_a_file_of_another_length_is_there",
    ),
    Row(
        "the web server knows no ranges",
        "http",
        "parts are read by reading over what comes before them",
        HTTP + "TestServersWithoutRanges::test_parts_are_read_by_reading_over",
    ),
    Row(
        "its certificate is not trusted",
        "http",
        "503",
        HTTP + "TestCertificates::test_of_an_unknown_authority_are_refused",
    ),
    Row(
        "its address leads inside, or the operator's lists refuse it",
        "http",
        "nothing is fetched",
        HTTP + "TestWhatIsNotFetched::test_is_denied",
    ),
)

_HEAD = """# Store faults

<!-- Generated by `make docs` from src/intaglio/bootstrap/store_faults.py; a test compares them, and looks for each
row's test. -->

What fails, in which kind of store, and what comes of it. Every row is a test with the real thing: disks that fill up,
file systems that fail on command, servers that die. `any` was tested with the file store and holds for each, as it is
not the driver's doing.

| what fails | store | outcome | test |
|---|---|---|---|
"""


def page() -> str:
    """The page as Markdown."""
    return _HEAD + "".join(f"| {row.fault} | {row.store} | {row.outcome} | `{row.test}` |\n" for row in ROWS)
