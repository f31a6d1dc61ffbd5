# make demo     NGINX in front of a key in a KMS, from nothing, on this machine (CHECK=1: verify and exit)
# make test     everything that continuous integration runs
# make bench    kmsd beside openssl speed and OpenBao, module and NGINX beside libcurl, key files and SoftHSM
# make install  module, programs, sample configuration and manual pages (DESTDIR, PREFIX)

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

PREFIX ?= /usr/local
SWIFT ?= swift
PYTHON ?= python3
INSTALL ?= install
RELEASE := -c release --disable-local-rpath
BUILT := .build/release
BENCH_SECONDS ?= 3
BENCH_SIGNATURES ?= 200000
SOAK_SIGNATURES ?= 1000000
FUZZ_SECONDS ?= 600
FUZZ_API_REQUESTS ?= 40
KILL_ROUNDS ?= 200
FAILOVER_SECONDS ?= 60
RELOAD_SECONDS ?= 600
BENCH_PROGRAMS := load request sign answer handshakes
SWIFT_FILES := Sources Tests Package.swift

# The module's place does not follow PREFIX: openssl.cnf and every PKCS#11 program name it in full.
MODULE_DIR := /usr/lib/kms-pkcs11
SAMPLES := $(PREFIX)/share/kms-pkcs11

.PHONY: help packages test-packages products build lint format venv unit-tests integration-tests test demo install \
	clean unit-asan tsan tsan-build asan asan-build fuzz fuzz-api fork-soak kill-rounds failover reloads \
	verification-cost soak signature-soak bench bench-packages bench-programs

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile
	@echo 'Also: build lint format venv clean unit-asan tsan asan fuzz fuzz-api fork-soak kill-rounds failover reloads' \
		'verification-cost soak signature-soak'

packages:
	@pkcs11-conf/demo/packages

# Also the client programs that the integration tests run.
test-packages:
	@pkcs11-conf/demo/packages tests

# And what the benchmarks compare with.
bench-packages:
	@pkcs11-conf/demo/packages bench

# What users get. `build` adds the tests, with the same flags, so that one release build serves everything.
products: packages
	@echo '== Building module, kmsd and kmsctl (the first time takes some minutes)'
	$(SWIFT) build $(RELEASE)

build: packages
	@echo '== Building module, kmsd, kmsctl and tests (the first time takes some minutes)'
	$(SWIFT) build $(RELEASE) --build-tests

lint:
	@echo '== Checking the format'
	$(SWIFT) format lint --strict --recursive $(SWIFT_FILES)

format:
	$(SWIFT) format --in-place --recursive $(SWIFT_FILES)

venv: .venv/installed

.venv/installed: Tests/Integration/requirements.txt
	@echo '== Preparing the Python environment of the integration tests (.venv)'
	@command -v $(PYTHON) >/dev/null || { echo 'python3 is missing: run `make packages`.' >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --no-input -r $<
	@touch $@

unit-tests: build
	@echo '== Unit tests'
	$(SWIFT) test -c release --skip-build --disable-xctest

integration-tests: test-packages build tsan-build asan-build venv
	@echo '== Integration tests with real programs'
	.venv/bin/pytest Tests/Integration --numprocesses=auto --dist=loadfile

test: packages lint build unit-tests integration-tests

demo: products
	@KMS_PKCS11_BUILD='$(BUILT)' pkcs11-conf/demo/demo

# The module as a plain library in C hosts, under a sanitizer. The module's own build is not touched.
tsan-build: packages
	@echo '== Building a threaded host with the thread sanitizer'
	KMS_PKCS11_SANITIZE=thread $(SWIFT) build --sanitize=thread --scratch-path .build-tsan --product cryptoki-threads

asan-build: packages
	@echo '== Building the bad-input host and the fuzzer with the address sanitizer'
	KMS_PKCS11_SANITIZE=address $(SWIFT) build --sanitize=address --scratch-path .build-asan \
		--product cryptoki-badinput
	KMS_PKCS11_SANITIZE=address $(SWIFT) build --sanitize=address --scratch-path .build-asan --product cryptoki-fuzz

tsan: build tsan-build venv
	.venv/bin/pytest Tests/Integration/threads -k 'not memory'

asan: build asan-build venv
	.venv/bin/pytest Tests/Integration/threads -k memory

# The unit tests under the address sanitizer; the module itself is left out.
unit-asan: packages
	KMS_PKCS11_SANITIZE=unit $(SWIFT) build -c release --sanitize=address --scratch-path .build-asan-unit --build-tests
	ASAN_OPTIONS=detect_leaks=0 .build-asan-unit/release/kms-pkcs11PackageTests.xctest --testing-library swift-testing

# Long runs, not part of `make test`. What the fuzzer finds is kept for its next run.
fuzz: build asan-build venv
	FUZZ_SECONDS=$(FUZZ_SECONDS) FUZZ_CORPUS=$(CURDIR)/.build-asan/fuzz-corpus .venv/bin/pytest -s \
		Tests/Integration/fuzz

# Requests to kmsd made out of its OpenAPI description, so many to each operation and caller: over 6,000 in all.
fuzz-api: build venv
	FUZZ_API_REQUESTS=$(FUZZ_API_REQUESTS) .venv/bin/pytest -s -o timeout=3600 \
		Tests/Integration/kmsd/test_api_description.py

fork-soak: build venv
	.venv/bin/pytest Tests/Integration/fork -m soak

# kmsd is killed during a mixed load that many times.
kill-rounds: build venv
	KILL_ROUNDS=$(KILL_ROUNDS) .venv/bin/pytest -s Tests/Integration/kmsd/test_kill_rounds.py -m soak

# NGINX with two endpoints that are killed, hung and restarted in turn, for so many seconds.
failover: test-packages build venv
	FAILOVER_SECONDS=$(FAILOVER_SECONDS) .venv/bin/pytest -s Tests/Integration/failover -m soak

# 24 NGINX workers, four reloads and three restarts of the KMS in so many seconds; then waits until its sessions end.
reloads: test-packages build venv
	RELOAD_SECONDS=$(RELOAD_SECONDS) .venv/bin/pytest -s Tests/Integration/reloads -m soak

# What verify_signatures costs for each kind of key.
verification-cost: build venv
	.venv/bin/pytest -s Tests/Integration/faults/test_verification_cost.py -m soak

soak: test-packages build venv
	.venv/bin/pytest Tests/Integration -m soak

# kmsd's memory and disk during a million signatures over eight connections: the last lines of `make bench` alone.
signature-soak: products bench-programs
	$(PYTHON) Benchmarks/bench.py --kmsd $(BUILT)/kmsd --programs .bench --signatures $(SOAK_SIGNATURES) --only memory

bench-programs: $(BENCH_PROGRAMS:%=.bench/%) .bench/loading

$(BENCH_PROGRAMS:%=.bench/%): .bench/%: Benchmarks/load/%.c Benchmarks/load/common/*.c Benchmarks/load/common/*.h
	@mkdir -p .bench
	$(CC) -O2 -Wall -Wextra -IBenchmarks/load/common -IInclude -o $@ $< Benchmarks/load/common/*.c \
		-lcurl -lssl -lcrypto -ldl -lpthread

# Linked with nothing, so that the module brings all that it needs.
.bench/loading: Benchmarks/load/loading.c
	@mkdir -p .bench
	$(CC) -O2 -Wall -Wextra -o $@ $< -ldl

# The results are written to Benchmarks/RESULTS.md.
bench: bench-packages products .venv-bench/installed bench-programs
	.venv-bench/bin/python Benchmarks/bench.py --kmsd $(BUILT)/kmsd --module $(BUILT)/libkms_pkcs11.so \
		--programs .bench --bao .venv-bench/bin/bao --seconds $(BENCH_SECONDS) \
		--signatures $(BENCH_SIGNATURES) --results Benchmarks/RESULTS.md

.venv-bench/installed: Benchmarks/requirements.txt
	@echo '== Preparing the Python environment of the benchmarks (.venv-bench)'
	$(PYTHON) -m venv --clear .venv-bench
	.venv-bench/bin/pip install --quiet --disable-pip-version-check --no-input -r $<
	@touch $@

# An existing configuration is never overwritten: the sample goes beside it.
install:
	@test -e $(BUILT)/libkms_pkcs11.so || { echo 'Nothing is built yet: run `make products` first.' >&2; exit 1; }
	$(INSTALL) -D -m 0644 -s $(BUILT)/libkms_pkcs11.so $(DESTDIR)$(MODULE_DIR)/kms_pkcs11.so
	$(INSTALL) -D -m 0755 -s $(BUILT)/kmsd $(DESTDIR)$(PREFIX)/bin/kmsd
	$(INSTALL) -D -m 0755 -s $(BUILT)/kmsctl $(DESTDIR)$(PREFIX)/bin/kmsctl
	$(INSTALL) -D -m 0644 -t $(DESTDIR)$(SAMPLES) pkcs11-conf/kms-pkcs11.conf pkcs11-conf/kmsd.conf \
		pkcs11-conf/openssl.cnf
	$(INSTALL) -D -m 0644 -t $(DESTDIR)$(SAMPLES)/doc pkcs11-conf/doc/functions.md pkcs11-conf/doc/mechanisms.md \
		pkcs11-conf/doc/kmsd-openapi.yaml
	ln -sf kmsctl $(DESTDIR)$(PREFIX)/bin/sdkms_agent.sh
	$(INSTALL) -D -m 0755 -t $(DESTDIR)$(PREFIX)/bin pkcs11-conf/agent/sdkms_get_ephemeral_tls_cert.py
	$(INSTALL) -D -m 0644 -t $(DESTDIR)$(SAMPLES)/agent pkcs11-conf/agent/agent-hosts.toml
	$(INSTALL) -D -m 0644 -t $(DESTDIR)$(SAMPLES)/nginx pkcs11-conf/nginx/*.conf
	$(INSTALL) -D -m 0644 -t $(DESTDIR)$(SAMPLES)/systemd/nginx.service.d \
		pkcs11-conf/systemd/nginx.service.d/kms-pkcs11.conf
	$(INSTALL) -d $(DESTDIR)$(SAMPLES)/systemd
	for unit in pkcs11-conf/systemd/*.service pkcs11-conf/systemd/*.timer; do \
		sed 's|/usr/bin/kms|$(PREFIX)/bin/kms|' $$unit > $(DESTDIR)$(SAMPLES)/systemd/$${unit##*/}; \
	done
	$(INSTALL) -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/man/man1 pkcs11-conf/man/*.1
	$(INSTALL) -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/man/man5 pkcs11-conf/man/*.5
	$(INSTALL) -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/man/man8 pkcs11-conf/man/*.8
	$(INSTALL) -d -m 0755 $(DESTDIR)/etc/kms-pkcs11
	test -e $(DESTDIR)/etc/kms-pkcs11/kms-pkcs11.conf || \
		$(INSTALL) -m 0640 pkcs11-conf/kms-pkcs11.conf $(DESTDIR)/etc/kms-pkcs11/kms-pkcs11.conf

clean:
	rm -rf .build .build-tsan .build-asan .venv .venv-bench .bench .demo .pytest_cache
