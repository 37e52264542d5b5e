#!/bin/sh
# Makes the passwords of a deployed house in deploy/secrets, and the sources file; what is there already stays as it is.
set -eu
umask 077
cd "$(dirname "$0")"
mkdir -p secrets
chmod 0700 secrets

make_one() {
    [ -s "secrets/$1" ] && return
    head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"secrets/$1.new"
    # The directory keeps strangers out; the file itself must be readable to the unprivileged user in the container.
    chmod 0444 "secrets/$1.new"
    mv "secrets/$1.new" "secrets/$1"
    echo "made secrets/$1"
}

make_one postgres_password

# Who may bring leads by HTTP: written by hand from here on (docs/operations.md, Leads by HTTP).
if [ ! -s secrets/sources.toml ]; then
    echo '# Nobody yet. Make a key with `estafeta key`; the entries are explained in docs/operations.md.' >secrets/sources.toml
    chmod 0644 secrets/sources.toml
    echo "made secrets/sources.toml"
fi

for room in intake routing process reminders; do
    make_one "database_$room"
done

: >secrets/nats_passwords.conf.new
for user in intake routing process reminders operator admin; do
    make_one "nats_$user"
    name=$(echo "$user" | tr '[:lower:]' '[:upper:]')
    echo "${name}_PASSWORD: \"$(cat "secrets/nats_$user")\"" >>secrets/nats_passwords.conf.new
done
chmod 0444 secrets/nats_passwords.conf.new
mv -f secrets/nats_passwords.conf.new secrets/nats_passwords.conf
