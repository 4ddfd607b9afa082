#!/bin/sh
# Prints a docker/.env with new secrets: docker/secrets.sh https://studio.example.com > docker/.env
set -eu
umask 077
random() { od -An -v -tx1 -N"$1" /dev/urandom | tr -d ' \n'; }
cat <<EOF
VENICEWEB_URL=${1:-https://studio.example.com}
VENICE_API_KEY=
SECRET_KEY=$(random 40)
VENICEWEB_ENCRYPTION_KEYS=$(head -c 32 /dev/urandom | base64 | tr "+/" "-_")
POSTGRES_PASSWORD=$(random 24)
AWS_SECRET_ACCESS_KEY=$(random 24)
EOF
