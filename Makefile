# vector_ext: build, test, try, measure. `make help` lists the commands.
#
# PG_CONFIG chooses the PostgreSQL: 15 (Debian's), or for example
#   make test PG_CONFIG=target/peers/18/bin/pg_config     (after `scripts/setup peers`)

PG_CONFIG ?= /usr/lib/postgresql/15/bin/pg_config
CARGO ?= cargo
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)

override PG_CONFIG := $(abspath $(PG_CONFIG))
export PG_CONFIG
export PGRX_PG_CONFIG_PATH = $(PG_CONFIG)

# Asked when they are used: on a fresh machine pg_config comes with `setup`.
MAJOR = $(shell $(PG_CONFIG) --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')
LIBRARY = $(CURDIR)/target/pg$(MAJOR)/vector_ext.so
PACKAGE_LIB = $(DESTDIR)$(shell $(PG_CONFIG) --pkglibdir)
EXTENSIONS = $(DESTDIR)$(shell $(PG_CONFIG) --sharedir)/extension
RUN = VECTOR_EXT_LIBRARY=$(LIBRARY) $(CARGO)

.PHONY: all help setup build built test test-pure test-memory test-miri test-server test-assert check check-postgres demo install uninstall install-shim uninstall-shim bench bench-exact bench-index bench-shapes bench-graph bench-codes bench-lists bench-peers bench-peers-page test-bench test-clients fuzz package test-package clean

all: build

help:
	@echo 'make                 builds the library for the PostgreSQL of PG_CONFIG'
	@echo 'make demo [KEEP=1]   search bundled passages by meaning on a private server'
	@echo 'make test            every test: pure, pg_regress, server'
	@echo 'make test-memory     tests of pure rooms under valgrind'
	@echo 'make test-miri       tests of pure rooms under Miri, by a nightly toolchain'
	@echo 'make test-assert     the server tests on PostgreSQL 15 with assertions, which it builds'
	@echo 'make test-clients    drivers and ORMs of Python, Node and Rust on a private server (CLIENTS=python)'
	@echo 'make check           format, lints, docs; prints numbers of the sources: sizes, unsafe code, imports'
	@echo 'make install         what make has built, into the PostgreSQL of PG_CONFIG (DESTDIR= is honoured)'
	@echo 'make install-shim    the name "vector" as well, where genuine pgvector is not installed'
	@echo 'make bench           distance kernels, and exact search beside pgvector'
	@echo 'make bench-index     the index beside genuine pgvector (VECTOR_EXT_DATA=folder, INDEX=--quick)'
	@echo 'make bench-graph     the graph beside other libraries (VECTOR_EXT_DATA=folder, GRAPH=--build)'
	@echo 'make bench-codes     codes of lists beside product quantization (CODES=--data folder)'
	@echo 'make bench-lists     lists without a server (LISTS=--data folder)'
	@echo 'make bench-peers     beside pgvector, FAISS, hnswlib, usearch, Qdrant (QUICK=1, METHOD=ivfflat, N=, WORK=)'
	@echo 'make test-bench      tests of that benchmark itself'
	@echo 'make fuzz            every fuzz target for a minute (TARGET=vector_text SECONDS=600: one of them, longer)'
	@echo 'make package         a tarball, and for PostgreSQL of Debian a .deb, into target/packages'
	@echo 'make test-package    installs and removes them (as root by apt, where the machine is not changed)'

setup:
	@scripts/setup server

# The library names no folder of the machine that builds it, in messages of panics and the like.
REMAP = --remap-path-prefix=$(CURDIR)=/vector_ext --remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)=/cargo

# Symbols for debuggers lie beside the library, which names their file; Rust's backtraces find it there too.
build: setup
	@mkdir -p $(dir $(LIBRARY))
	RUSTFLAGS='$(RUSTFLAGS) $(REMAP)' $(CARGO) build --release --features pg$(MAJOR)
	@objcopy --only-keep-debug target/release/libvector_ext.so $(LIBRARY).debug
	@objcopy --strip-unneeded --add-gnu-debuglink=$(LIBRARY).debug target/release/libvector_ext.so $(LIBRARY).new
	@chmod 755 $(LIBRARY).new && chmod 644 $(LIBRARY).debug && mv -f $(LIBRARY).new $(LIBRARY)

# What installs needs neither Rust nor the network: it is for root, whose PATH may hold neither cargo nor apt's proxies.
built:
	@test -f $(LIBRARY) || { echo '$(LIBRARY) is not there: run "make" first, as the user who has Rust.' >&2; exit 1; }

test: test-pure test-server

test-pure:
	$(CARGO) test

# Pure rooms under valgrind, which sees what is read before it is written or beyond its end. proptest makes up less, for
# a test takes fifty times as long. `index` and `hnsw` have no unsafe code.
MEMORY_ROOMS = page:: vector:: distance:: search:: quantize:: bulk::

test-memory:
	@scripts/setup memory
	PROPTEST_CASES=4 $(CARGO) --config "target.'cfg(all())'.runner = 'valgrind -q --error-exitcode=9'" \
		test --lib -- --test-threads 1 $(MEMORY_ROOMS)

# Pure rooms under Miri, which sees undefined behaviour of any kind, but runs neither C nor most of SIMD, and a test a
# thousand times as long. `distance` and most of `quantize` are kernels; `bulk` maps files and blocks signals. Miri comes
# with nightly toolchains.
MIRI_ROOMS = page:: vector:: search:: index:: quantize::block
MIRI_SKIPS = threads_see

test-miri:
	rustup toolchain install nightly --profile minimal --component miri --component rust-src
	MIRIFLAGS=-Zmiri-disable-isolation PROPTEST_CASES=2 $(CARGO) +nightly miri test --target-dir target/miri --lib -- \
		$(MIRI_ROOMS) --skip $(MIRI_SKIPS)

# TESTS is for the test program: names of tests, --skip NAME, --test-threads N.
test-server: build
	$(RUN) test --features server --test server -- $(TESTS)

# On PostgreSQL 15 with assertions, by the library for Debian's 15: the headers of the two differ in no structure.
test-assert: build
	@scripts/setup assert
	PG_CONFIG=$(CURDIR)/target/assert/15/bin/pg_config $(RUN) test --features server --test server -- $(TESTS)

check: check-postgres
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets --features server -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --no-deps --document-private-items
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --release --no-deps --document-private-items --features pg$(MAJOR)
	@scripts/numbers

# By the profile of `build`, which goes on with the bindings that were made for this.
check-postgres: setup
	$(CARGO) clippy --release --features pg$(MAJOR) -- -D warnings

demo: build
	$(RUN) run --quiet --example demo -- $(if $(KEEP),--keep)

# `install` puts a new file in the place of the old, which sessions that run may go on to use.
install: built
	install -d '$(PACKAGE_LIB)' '$(EXTENSIONS)'
	install -m 755 $(LIBRARY) '$(PACKAGE_LIB)/vector_ext.so'
	install -m 644 vector_ext.control sql/vector_ext--*.sql '$(EXTENSIONS)/'
	install -m 644 sql/vector_ext.sql '$(EXTENSIONS)/vector_ext--$(VERSION).sql'

uninstall:
	rm -f '$(PACKAGE_LIB)/vector_ext.so' '$(EXTENSIONS)/vector_ext.control' '$(EXTENSIONS)'/vector_ext--*.sql

# The name `vector`, after `install`.
install-shim uninstall-shim:
	scripts/shim $(@:-shim=) '$(EXTENSIONS)' '$(PACKAGE_LIB)'

bench: bench-exact
	$(CARGO) bench --bench distance
	$(CARGO) bench --bench quantize
	$(CARGO) bench --bench text

# Genuine pgvector comes with PostgreSQL 16 of `scripts/setup peers`; both run on that.
bench-exact:
	@scripts/setup server peers
	$(MAKE) build PG_CONFIG=target/peers/16/bin/pg_config
	PG_CONFIG=$(CURDIR)/target/peers/16/bin/pg_config VECTOR_EXT_LIBRARY=$(CURDIR)/target/pg16/vector_ext.so \
		$(CARGO) bench --features server --bench exact

# INDEX is for options of the bench (INDEX=--help), SHAPES for those of the matrix of data sets (SHAPES=--help).
bench-index: bench-shapes
	PG_CONFIG=$(CURDIR)/target/peers/16/bin/pg_config VECTOR_EXT_LIBRARY=$(CURDIR)/target/pg16/vector_ext.so \
		$(CARGO) bench --features server --bench index -- $(INDEX)

bench-shapes:
	@scripts/setup server peers
	$(MAKE) build PG_CONFIG=target/peers/16/bin/pg_config
	PG_CONFIG=$(CURDIR)/target/peers/16/bin/pg_config VECTOR_EXT_LIBRARY=$(CURDIR)/target/pg16/vector_ext.so \
		$(CARGO) bench --features server --bench shapes -- $(SHAPES)

# GRAPH is for options of benches/graph/run.py. The bench is built first, lest compiling disturb the figures.
bench-graph: target/venv/ready
	$(CARGO) bench --no-run --bench graph
	target/venv/bin/python benches/graph/run.py $(GRAPH) -- $(CARGO) bench --quiet --bench graph --

# Our codes beside FAISS' product quantization. CODES is for options of benches/codes/run.py.
CODES ?= --data $(VECTOR_EXT_DATA)
bench-codes: target/venv-peers/ready
	$(CARGO) bench --no-run --bench codes
	target/venv-peers/bin/python benches/codes/run.py $(CODES) -- $(CARGO) bench --quiet --bench codes --

# Lists without a server. LISTS is for options of benches/lists/main.rs.
LISTS ?= --data $(VECTOR_EXT_DATA)
bench-lists:
	$(CARGO) bench --quiet --bench lists -- $(LISTS)

target/venv/ready: benches/graph/requirements.txt
	@scripts/setup python
	python3 -m venv --clear target/venv
	target/venv/bin/pip -q --disable-pip-version-check install -r $<
	@touch $@

# Everything beside everything. QUICK=1: a look in five minutes. METHOD=ivfflat measures lists in the place of graphs.
# N= rows, DIMS= of generated sets, ROUNDS=, WORK= and PEERS= choose what and whom, GENERATED=1 leaves out the main set,
# NAME= names it, RESULTS= is the folder to write to, PG= is 16 or 18.
PG ?= 16
PEERS_OPTIONS = $(if $(QUICK),--quick) $(if $(METHOD),--method $(METHOD)) $(if $(N),--rows $(N)) \
	$(if $(ROUNDS),--rounds $(ROUNDS)) \
	$(if $(filter undefined,$(origin DIMS)),,--dims $(DIMS)) $(if $(WORK),--works $(WORK)) $(if $(PEERS),--peers $(PEERS)) \
	$(if $(GENERATED),--generated) $(if $(NAME),--name $(NAME)) $(if $(RESULTS),--results $(RESULTS))

bench-peers: target/venv-peers/ready
	@scripts/setup server peers
	$(MAKE) build PG_CONFIG=target/peers/$(PG)/bin/pg_config
	PYTHONPATH=benches target/venv-peers/bin/python -m peers --server target/peers/$(PG)/bin/pg_config \
		--library target/pg$(PG)/vector_ext.so $(PEERS_OPTIONS)

# Page and pictures anew from the figures of a run: RESULT=file.json
bench-peers-page: target/venv-peers/ready
	PYTHONPATH=benches target/venv-peers/bin/python -m peers.report $(RESULT)

# The benchmark's own lints, types and tests; no server.
test-bench: target/venv-peers/dev
	target/venv-peers/bin/ruff format --check --config benches/peers/pyproject.toml benches/peers
	target/venv-peers/bin/ruff check --config benches/peers/pyproject.toml benches/peers
	cd benches && ../target/venv-peers/bin/mypy --config-file peers/pyproject.toml -p peers
	target/venv-peers/bin/pytest -q -c benches/peers/pyproject.toml benches/peers

target/venv-peers/ready: benches/peers/requirements.txt
	@scripts/setup python
	python3 -m venv --clear target/venv-peers
	target/venv-peers/bin/pip -q --disable-pip-version-check install -r $<
	@touch $@

target/venv-peers/dev: benches/peers/requirements-dev.txt target/venv-peers/ready
	target/venv-peers/bin/pip -q --disable-pip-version-check install -r $<
	@touch $@

# Drivers and ORMs that know pgvector, on a private server. CLIENTS= chooses among python, langchain, node, rust.
RUFF = target/venv-clients/bin/ruff
PYTHON_LINTS = --config tests/clients/python/pyproject.toml tests/clients

test-clients: build clients-setup target/venv-clients/ready target/venv-clients-langchain/ready target/clients-node/ready
	$(RUFF) format --check $(PYTHON_LINTS)
	$(RUFF) check $(PYTHON_LINTS)
	PYTHONPATH=benches target/venv-clients/bin/python tests/clients/run.py --server $(PG_CONFIG) --library $(LIBRARY) \
		$(if $(CLIENTS),--only $(CLIENTS))

target/venv-clients/ready: tests/clients/python/requirements.txt
target/venv-clients-langchain/ready: tests/clients/python/requirements-langchain.txt
target/venv-clients/ready target/venv-clients-langchain/ready:
	@scripts/setup python
	python3 -m venv --clear $(@D)
	$(@D)/bin/pip -q --disable-pip-version-check install -r $<
	@touch $@

.PHONY: clients-setup
clients-setup:
	@scripts/setup clients

# Without the programs' own scripts after installing: nothing here needs them.
target/clients-node/ready: tests/clients/node/package.json tests/clients/node/package-lock.json
	@scripts/setup node
	mkdir -p $(@D)
	cp $^ $(@D)
	npm --prefix $(@D) ci --silent --ignore-scripts
	@touch $@

# fuzz/README.md says what is asserted.
SECONDS ?= 60

fuzz: target/tools/bin/cargo-fuzz
	@fuzz/run $(SECONDS) $(TARGET)

target/tools/bin/cargo-fuzz:
	$(CARGO) install cargo-fuzz --locked --root target/tools --target-dir target/tools/build

package: build
	@scripts/setup package
	MAJOR=$(MAJOR) VERSION=$(VERSION) LIBRARY=$(LIBRARY) scripts/package

test-package: package
	MAJOR=$(MAJOR) VERSION=$(VERSION) scripts/test-package

clean:
	$(CARGO) clean
