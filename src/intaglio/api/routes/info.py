"""What the service offers, and giving up copies in its stores."""

from intaglio.api.route import Route
from intaglio.api.routes.answers import IMAGE_ERRORS, NO_BODY
from intaglio.api.settings import RateClass
from intaglio.api.v2 import info, stores

_ERRORS = NO_BODY | {401: "No valid credentials."}
_ONE_STORE = {404: "The service has one store, without an id."}

INFO_ROUTES = (
    Route(
        method="GET",
        path="/v2/info/import",
        handler=info.import_methods,
        rate=RateClass.OTHER,
        summary="The import methods that are offered",
        success={200: "Their names."},
        response="ImportMethods",
        errors=_ERRORS,
    ),
    Route(
        method="GET",
        path="/v2/info/stores",
        handler=info.list_stores,
        rate=RateClass.OTHER,
        summary="The stores there are",
        success={200: "Every store; which is the default, and which take no data."},
        response="Stores",
        errors=_ERRORS | _ONE_STORE,
    ),
    Route(
        method="GET",
        path="/v2/info/stores/detail",
        handler=info.list_stores_in_detail,
        rate=RateClass.OTHER,
        summary="The stores with their types, weights and places",
        success={200: "Every store."},
        rules=("stores_info_detail",),
        response="Stores",
        errors=_ERRORS | _ONE_STORE | {403: "The policy refuses."},
    ),
    Route(
        method="GET",
        path="/v2/info/usage",
        handler=info.show_usage,
        rate=RateClass.OTHER,
        summary="What the caller's project uses, and its limits",
        success={200: "Usage and limit by the limit's name, sizes in MiB; -1 is no limit."},
        response="Usage",
        errors=_ERRORS,
    ),
)

STORES_ROUTES = (
    Route(
        method="DELETE",
        path="/v2/stores/{store_id}/{image_id}",
        handler=stores.drop_copy,
        rate=RateClass.WRITE,
        summary="Remove one of several copies of an image's data",
        success={204: "The image no longer has a copy in this store."},
        rules=("get_image", "get_image_location", "delete_image_location"),
        errors={
            **IMAGE_ERRORS,
            403: "It is the only copy, or the policy refuses.",
            404: "No such image or copy, or not one the caller may see; or the service has one store.",
            409: "No store has this id, or the image is not active.",
        },
    ),
)
