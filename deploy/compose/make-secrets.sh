#!/bin/sh
# Fills the volumes of secrets before anything else starts: a file of deploy/compose/secrets/ is taken as it is, a token
# that nobody gave is made up once and kept. Each service sees only its own, read-only, owned by its user.
set -eu
umask 077
cd "${ROOT:-/}"

given() { # name, volume, owner: a secret that only a person can know
    [ -s "given/$1" ] || return 0
    cp "given/$1" "secrets/$2/$1"
    chown "$3" "secrets/$2/$1"
}

token() { # name: given, or kept, or made up
    if [ -s "given/$1" ]; then cp "given/$1" "secrets/all/$1"; fi
    if [ ! -s "secrets/all/$1" ]; then head -c 32 /dev/urandom | sha256sum | cut -d' ' -f1 > "secrets/all/$1"; fi
    cat "secrets/all/$1"
}

put() { # volume, name, owner; the text comes by standard input, without a line end
    tr -d '\n' > "secrets/$1/$2.new"
    chown "$3" "secrets/$1/$2.new"
    mv "secrets/$1/$2.new" "secrets/$1/$2"
}

viewer=$(token viewer_token)
debug=$(token debug_token)
ingest=$(token ingest_token)
admin=$(token grafana_admin_password)

printf 'viewer %s\ndebug %s\n' "$viewer" "$debug" > secrets/fleetscope/tokens
chown 65532 secrets/fleetscope/tokens
printf %s "$ingest" | put fleetscope ingest_token 65532
for name in nats.creds nats_password neo4j_password valkey_password; do given $name fleetscope 65532; done

printf %s "$viewer" | put grafana viewer_token 472
printf %s "$debug" | put grafana debug_token 472
printf %s "$admin" | put grafana grafana_admin_password 472

printf %s "$ingest" | put alertmanager fleetscope_token 65534
for name in slack_url smtp_password; do given $name alertmanager 65534; done

# Named volumes are made by root; these services are not.
chown 10001 data/*
chown 65532 secrets/fleetscope
chown 472 secrets/grafana
chown 65534 secrets/alertmanager
