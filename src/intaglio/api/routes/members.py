"""Sharing images with other projects."""

from intaglio.api.route import Route
from intaglio.api.routes.answers import IMAGE_ERRORS
from intaglio.api.settings import RateClass
from intaglio.api.v2 import members

_ERRORS = IMAGE_ERRORS | {403: "The image is not shared, or the policy refuses."}
_NO_MEMBER = {404: "No such image or member, or not one the caller may know of."}

MEMBERS_ROUTES = (
    Route(
        method="GET",
        path="/v2/images/{image_id}/members",
        handler=members.list_members,
        rate=RateClass.LIST,
        summary="List the projects an image is shared with",
        success={200: "All of them for the owner; for a member itself alone."},
        rules=("get_image", "get_members", "get_member"),
        response="Members",
        errors=_ERRORS,
    ),
    Route(
        method="POST",
        path="/v2/images/{image_id}/members",
        handler=members.add,
        rate=RateClass.WRITE,
        summary="Share an image with a project",
        success={200: "The new member; its status is pending."},
        rules=("get_image", "add_member"),
        request="NewMember",
        response="Member",
        errors={
            **_ERRORS,
            400: "The body names no project, or not by a text of 1 to 255 characters.",
            409: "The image is shared with the project already.",
            413: "More members than an image may have.",
        },
    ),
    Route(
        method="GET",
        path="/v2/images/{image_id}/members/{member_id}",
        handler=members.show,
        rate=RateClass.OTHER,
        summary="Show a member of an image",
        success={200: "The member."},
        rules=("get_image", "get_member"),
        response="Member",
        errors=IMAGE_ERRORS | _NO_MEMBER,
    ),
    Route(
        method="PUT",
        path="/v2/images/{image_id}/members/{member_id}",
        handler=members.set_status,
        rate=RateClass.WRITE,
        summary="Accept or reject a shared image",
        success={200: "The member with its new status."},
        rules=("get_image", "get_member", "modify_member"),
        request="MemberStatus",
        response="Member",
        errors={
            **_ERRORS,
            **_NO_MEMBER,
            400: "The status is not pending, accepted or rejected.",
            409: "Another request was faster.",
        },
    ),
    Route(
        method="DELETE",
        path="/v2/images/{image_id}/members/{member_id}",
        handler=members.remove,
        rate=RateClass.WRITE,
        summary="Stop sharing an image with a project",
        success={204: "The project is no longer a member."},
        rules=("get_image", "get_member", "delete_member"),
        errors=_ERRORS | _NO_MEMBER | {409: "Another request was faster."},
    ),
)
