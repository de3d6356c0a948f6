"""What the lab's stand-ins accept: names and secrets that are worth nothing anywhere else.

They travel in the lab's addresses, so whoever writes a configuration for the lab needs no copy of them.
"""

INSTANCE = "eksempel"

SECRETS = {
    "nexus_client_id": "omsorgsvagt-lab",
    "nexus_client_secret": "lab-nexus-secret",
    "phoniro_user": "labtest",
    "phoniro_password": "lab-phoniro-secret",
    "medico_client_id": "omsorgsvagt-lab",
    "medico_client_secret": "lab-medico-secret",
    "gatewayapi_token": "lab-gatewayapi-token",
    "gatewayapi_jwt_secret": "lab-gatewayapi-jwt-secret-of-32-bytes",
    "cpsms_user": "labuser",
    "cpsms_key": "lab-cpsms-key",
    "cpsms_receipt_token": "lab-cpsms-receipt-token",
    "smtp_user": "labmail",
    "smtp_password": "lab-smtp-secret",
}
