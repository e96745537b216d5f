#!/bin/sh
# Installs the programs that the wire tests talk to, where this is a Debian-like machine and we are root.
missing=""
command -v storescu >/dev/null || missing="$missing dcmtk"
command -v Orthanc >/dev/null || [ -x /usr/sbin/Orthanc ] || missing="$missing orthanc orthanc-dicomweb"
[ -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ] || missing="$missing fonts-dejavu-core"
command -v chromium >/dev/null || missing="$missing chromium"
command -v rsyslogd >/dev/null || [ -x /usr/sbin/rsyslogd ] || missing="$missing rsyslog rsyslog-openssl"
[ -z "$missing" ] && exit 0
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing >/dev/null && exit 0
    echo "could not install:$missing" >&2
    [ -n "$CI" ] && exit 1
    exit 0
fi
echo "not installed:$missing; tests that need them will be skipped" >&2
