"""Reads an image and verifies it as Nova and Cinder do: cursive, with the image's properties and a key manager.

Words: Barbican's address, Keystone's, the image service's, a token, the project's id, the image's id, and the ids of
certificates to be trusted, as Nova's trusted_image_certificates. Prints who is satisfied, or what cursive raised.
"""

import sys

import httpx
from castellan.key_manager import key_manager_opts
from cryptography.exceptions import InvalidSignature
from cursive import certificate_utils, exception, signature_utils
from oslo_config import cfg
from oslo_context.context import RequestContext


def main() -> None:
    barbican, keystone, service, token, project, image_id, *trusted = sys.argv[1:]
    cfg.CONF([], project="nova", default_config_files=[])
    cfg.CONF.register_opts(key_manager_opts, group="key_manager")
    signature_utils.key_manager.API(cfg.CONF)  # registers the options of Barbican
    cfg.CONF.set_override("barbican_endpoint", barbican, group="barbican")
    cfg.CONF.set_override("auth_endpoint", keystone, group="barbican")
    context = RequestContext(auth_token=token, project_id=project)
    with httpx.Client(base_url=service, headers={"X-Auth-Token": token}, timeout=60, trust_env=False) as client:
        image = client.get(f"/v2/images/{image_id}").raise_for_status().json()
        assert signature_utils.should_create_verifier(image)
        verifier = signature_utils.get_verifier(
            context=context,
            img_signature_certificate_uuid=image["img_signature_certificate_uuid"],
            img_signature_hash_method=image["img_signature_hash_method"],
            img_signature=image["img_signature"],
            img_signature_key_type=image["img_signature_key_type"],
        )
        with client.stream("GET", f"/v2/images/{image_id}/file") as answer:
            for chunk in answer.iter_bytes(65536):
                verifier.update(chunk)
    try:
        verifier.verify()
        certificate_utils.verify_certificate(context, image["img_signature_certificate_uuid"], trusted)
    except (InvalidSignature, exception.SignatureVerificationError) as error:
        sys.stdout.write(f"{type(error).__name__}\n")
    else:
        sys.stdout.write("satisfied\n")


main()
