"""Metadata definitions."""

from tests.api.metadefs import ROOT, property_of
from tests.api.policy_walk.base import Ask, ask

ONE = f"{ROOT}/{{namespace}}"
CONTENTS = {
    "resource_type_associations": [{"name": "OS::Glance::Image", "prefix": "hw_"}],
    "properties": {"p": {"title": "A title", "type": "string"}},
    "objects": [{"name": "o"}],
    "tags": [{"name": "t"}],
}


def read(**variables: str) -> tuple[Ask, ...]:
    return (ask(401, 200, 200, 404, 404, 200, variables=variables),)


def write(status: int, *, json: object = None, **variables: str) -> tuple[Ask, ...]:
    return (ask(401, 403, 403, 404, 404, status, variables=variables, json=json),)


WALK: dict[str, tuple[Ask, ...]] = {
    "GET /v2/metadefs/resource_types": (ask(401, 200, 200, 200, 200, 200),),
    f"GET {ROOT}": (ask(401, 200, 200, 200, 200, 200),),
    f"POST {ROOT}": (ask(401, 403, 403, 403, 403, 201, json={"namespace": "walked", **CONTENTS}),),
    f"GET {ONE}": read(),
    f"PUT {ONE}": write(200, json={"namespace": "walked again", "owner": "alpha"}),
    f"DELETE {ONE}": write(204),
    f"GET {ONE}/resource_types": read(),
    f"POST {ONE}/resource_types": write(201, json={"name": "OS::Nova::Server"}),
    f"DELETE {ONE}/resource_types/{{resource_type}}": write(204, resource_type="OS::Glance::Image"),
    f"GET {ONE}/properties": read(),
    f"POST {ONE}/properties": write(201, json=property_of("another")),
    f"DELETE {ONE}/properties": write(204),
    f"GET {ONE}/properties/{{property_name}}": (
        *read(property_name="p"),
        ask(
            *(401, 200, 200, 404, 404, 200),
            variables={"property_name": "hw_p"},
            params={"resource_type": "OS::Glance::Image"},
        ),
    ),
    f"PUT {ONE}/properties/{{property_name}}": write(200, json=property_of("p"), property_name="p"),
    f"DELETE {ONE}/properties/{{property_name}}": write(204, property_name="p"),
    f"GET {ONE}/objects": read(),
    f"POST {ONE}/objects": write(201, json={"name": "another"}),
    f"DELETE {ONE}/objects": write(204),
    f"GET {ONE}/objects/{{object_name}}": read(object_name="o"),
    f"PUT {ONE}/objects/{{object_name}}": write(200, json={"name": "o"}, object_name="o"),
    f"DELETE {ONE}/objects/{{object_name}}": write(204, object_name="o"),
    f"GET {ONE}/tags": read(),
    f"POST {ONE}/tags": write(201, json={"tags": [{"name": "another"}]}),
    f"DELETE {ONE}/tags": write(204),
    f"GET {ONE}/tags/{{tag_name}}": read(tag_name="t"),
    f"POST {ONE}/tags/{{tag_name}}": write(201, tag_name="another"),
    f"PUT {ONE}/tags/{{tag_name}}": write(200, json={"name": "t"}, tag_name="t"),
    f"DELETE {ONE}/tags/{{tag_name}}": write(204, tag_name="t"),
}
