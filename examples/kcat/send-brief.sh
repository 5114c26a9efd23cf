#!/bin/sh
# Sends a signed brief with nothing but kcat and openssl, as a campaign system in any language would.
#   examples/kcat/send-brief.sh [BRIEF] [CE_ID]
# BRIEF must be complete: references name uploaded artifacts, not local files (`storyreel upload` prints them).
# The same CE_ID again is the same film, so sending twice is harmless.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
brief=${1:-"$here/brief.json"}
stack=${STORYREEL_STACK:-.storyreel/stack.json}
[ -r "$brief" ] || { echo "No brief at $brief. Name one: send-brief.sh path/to/brief.json" >&2; exit 2; }
[ -r "$stack" ] || { echo "No running stack described at $stack. Start one with: make up" >&2; exit 3; }

# One value of stack.json by its path, such as tenant.id; python3, because jq is not everywhere.
value() { python3 -c 'import functools,json,sys; print(functools.reduce(lambda d,k: d[k], sys.argv[2].split("."), json.load(open(sys.argv[1]))))' "$stack" "$1"; }

brokers=$(value kafka.bootstrap_servers)
tenant=$(value tenant.id)
secret=$(value tenant.signing_secret)

# Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, keyed with the bytes behind the prefix whsec_.
id=${2:-"kcat-$(date +%s)-$$"}
timestamp=$(date +%s)
hexkey=$(printf '%s' "${secret#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
signature=$({ printf '%s.%s.' "$id" "$timestamp"; cat "$brief"; } |
  openssl dgst -sha256 -mac HMAC -macopt "hexkey:$hexkey" -binary | openssl base64 -A)

# The film's id is known before anything is sent: uuid5 of the tenant and the brief's id.
namespace=6f1d2f0e-6a55-5c0b-9c55-0d6a6f3a7b11
film=$(uuidgen --sha1 --namespace "$namespace" --name "film:$tenant:$id" 2>/dev/null ||
  python3 -c 'import sys,uuid; print(uuid.uuid5(uuid.UUID(sys.argv[1]), sys.argv[2]))' "$namespace" "film:$tenant:$id")

# A file argument is one record with exactly the file's bytes. librdkafka hashes keys with CRC32 unless told otherwise.
kcat -P -b "$brokers" -t campaign-briefs -k "$film" -X topic.partitioner=murmur2_random \
  -H "ce_specversion=1.0" \
  -H "ce_id=$id" \
  -H "ce_type=brief.submitted.v1" \
  -H "ce_source=/campaigns/kcat" \
  -H "ce_time=$(date -u +%Y-%m-%dT%H:%M:%SZ)" \
  -H "ce_tenantid=$tenant" \
  -H "content-type=application/json" \
  -H "webhook-id=$id" \
  -H "webhook-timestamp=$timestamp" \
  -H "webhook-signature=v1,$signature" \
  "$brief"

echo "$film"
