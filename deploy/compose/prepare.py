"""Write what the compose stack needs before its first start: object-store keys, a tenant, endpoints for clients.

    python3 deploy/compose/prepare.py [FOLDER]     (default .storyreel-compose; run again: nothing changes)

Writes `compose.env` (pass it with --env-file), `tenants.json` (for the gateway) and `stack.json` (for the client).
"""

import base64
import hashlib
import json
import secrets
import sys
from pathlib import Path


def main(folder: Path) -> None:
    """Make the files unless they are there."""
    stack = folder / "stack.json"
    if stack.exists():
        print(f"{folder} is prepared")
        return
    folder.mkdir(parents=True, exist_ok=True)
    access, secret = secrets.token_hex(10), secrets.token_hex(20)
    api_key, signing = f"sr_{secrets.token_urlsafe(24)}", "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    tenant = {
        "id": "demo", "name": "Demo", "policy": "default", "signing_secrets": [signing],
        "api_keys": [{"sha256": hashlib.sha256(api_key.encode()).hexdigest(), "role": "admin"}],
    }  # fmt: skip
    (folder / "tenants.json").write_text(json.dumps({"tenants": [tenant]}, indent=2))
    session = secrets.token_hex(32)
    values = {"S3_ACCESS_KEY": access, "S3_SECRET_KEY": secret, "SESSION_SECRET": session}
    (folder / "compose.env").write_text("".join(f"STORYREEL_{name}={value}\n" for name, value in values.items()))
    endpoints = {
        "kafka": {"bootstrap_servers": "127.0.0.1:9094"},
        "s3": {"endpoint": "http://127.0.0.1:7070", "access_key": access, "secret_key": secret, "bucket": "storyreel"},
        "gateway": {"url": "http://127.0.0.1:8080"},
        "tenant": {"id": "demo", "api_key": api_key, "signing_secret": signing},
    }
    stack.write_text(json.dumps(endpoints, indent=2))
    print(f"{folder} is ready: docker-compose --env-file {folder}/compose.env --profile cpu up --build")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ".storyreel-compose"))
