# Two commands: `make demo` and `make test`. Each first provides what is missing (scripts/setup.py), once.

PYTHON ?= python3
DEMO := out/demo
TAILS := out/real-tails
# Of `make experiments`: a folder of figures/, data as KIND:DIR (several, with blanks between), runs at a time.
EXPERIMENTS ?= cifar100-lt
DATA ?=
JOBS ?= 1
# Of `make fuzz`, for each target.
SECONDS ?= 10

# A copy in another folder, where nothing of this workspace helps cargo; with the versions of this workspace.
YOUR_CRATE := folder=$$(mktemp -d) && cp -R examples/your-crate/. Cargo.lock $$folder && cd $$folder && \
	sed -i 's|"\.\./\.\.|"$(CURDIR)|; s|, relative = true||' Cargo.toml .cargo/config.toml && \
	CARGO_TARGET_DIR=$(CURDIR)/target env -u LIBTORCH cargo run && rm -r $$folder

# The Python of the package, with PyTorch (scripts/setup.py torch).
TORCH_PYTHON := $(CURDIR)/.venv-torch/bin

.PHONY: help setup demo real-tails test spark docs experiments verdicts mutants fuzz audit lint bench clean

help:
	@echo "make demo         analyse the shipped models on real images: $(DEMO)/*/report.html"
	@echo "make real-tails   a language model and sections of packages, on tails that nobody cut: docs/real-tails.md"
	@echo "make test         all tests, the independent recomputation in Python included"
	@echo "make spark        counting on a Spark cluster of two executors, one of them killed (needs Java 17)"
	@echo "make docs         pages of the Python package: out/docs/index.html"
	@echo "make experiments  DATA=KIND:DIR; run what is missing of figures/$(EXPERIMENTS), then its table and rank correlations"
	@echo "make verdicts     the checks of THEORY.md's statements; their tables go into docs/verdicts.md"
	@echo "make mutants      mutation testing of src/{bounds,car,confusion,norms}: hours (needs cargo-mutants)"
	@echo "make fuzz         SECONDS=10; random files and inputs for every reader and the core: docs/security.md"
	@echo "make audit        licences, sources and second versions of dependencies: docs/dependencies.md (needs cargo-deny)"
	@echo "make lint         rustfmt, clippy and rustdoc, no warning allowed; width of text, walls between crates; ruff and mypy"
	@echo "make bench        counting and norms against NumPy, scikit-learn, torchmetrics, DuckDB, Polars and SciPy; CAR against a full SVD; the loader; training steps against PyTorch; the Python package against torchmetrics"
	@echo "make setup        only fetch what the others need (libtorch, OpenBLAS, PyTorch, Python packages, images)"

setup:
	@$(PYTHON) scripts/setup.py

demo:
	cargo run --bin analyze -- \
		--predictions examples/cifar100-lt-resnet32-test.npz --train-predictions examples/cifar100-lt-resnet32-train.npz \
		--arch resnet32 --class-names examples/cifar100-class-names.txt --out $(DEMO)/cifar100-lt
	@echo "first report: $(DEMO)/cifar100-lt/report.html; the next runs networks on images, by an engine compiled once"
	@$(PYTHON) scripts/setup.py fashion-mnist
	cargo run --features car-spectral-analysis/onnx --bin analyze -- \
		--checkpoint examples/fashion-mnist-lt-mlp.onnx examples/fashion-mnist-lt-resnet20.onnx \
		examples/fashion-mnist-lt-resnet20-car.onnx \
		--data fashion-mnist:.data/fashion-mnist --out $(DEMO)/fashion-mnist-lt
	@echo "reports: $(DEMO)/cifar100-lt/report.html, $(DEMO)/fashion-mnist-lt/report.html"

real-tails:
	@$(PYTHON) scripts/setup.py real-tails
	.venv/bin/python examples/real_tails.py languages --out $(TAILS)
	.venv/bin/python examples/real_tails.py sections --out $(TAILS)
	cargo run --bin analyze -- --predictions $(TAILS)/languages.npz --class-names $(TAILS)/languages.txt \
		--weights none --out $(TAILS)/languages
	cargo run --bin analyze -- --predictions $(TAILS)/sections.npz $(TAILS)/sections-adjusted.npz \
		--train-counts $(TAILS)/sections-counts.txt --class-names $(TAILS)/sections.txt --name plain adjusted \
		--out $(TAILS)/sections

test:
	@$(PYTHON) scripts/setup.py
	rm -rf out/evidence
	cargo test --workspace
	$${CARGO_TARGET_DIR:-target}/debug/verdicts --check
	$(YOUR_CRATE)
	cargo test -p car-spectral --features lapack
	cd python && VIRTUAL_ENV=$(CURDIR)/.venv-torch $(TORCH_PYTHON)/maturin develop
	cd python && $(TORCH_PYTHON)/python -m pytest

spark:
	@$(PYTHON) scripts/setup.py torch spark
	cd python && VIRTUAL_ENV=$(CURDIR)/.venv-torch $(TORCH_PYTHON)/maturin develop
	cd python && $(TORCH_PYTHON)/python -m pytest tests/test_spark.py

docs:
	@$(PYTHON) scripts/setup.py torch docs
	cd python && VIRTUAL_ENV=$(CURDIR)/.venv-torch $(TORCH_PYTHON)/maturin develop
	$(TORCH_PYTHON)/sphinx-build -q -E -W -b html python/pages out/docs
	@echo "pages: out/docs/index.html"

# The table is made of what is finished, whatever failed.
experiments:
	@test -n "$(DATA)" || { echo "give the data: make experiments DATA=cifar100:DIR [EXPERIMENTS=folder of figures/] [JOBS=n]"; exit 2; }
	@$(PYTHON) scripts/setup.py libtorch
	cargo build -p car-spectral-training -p car-spectral-analysis --bin train --bin experiments
	-target/debug/experiments run figures/$(EXPERIMENTS) --data $(DATA) --jobs $(JOBS)
	target/debug/experiments table figures/$(EXPERIMENTS)
	-target/debug/experiments correlate out/runs/$(EXPERIMENTS) --out figures/$(EXPERIMENTS)/correlations

verdicts:
	rm -rf out/evidence
	cargo test -p proofs-checks
	cargo run -p proofs-checks --bin verdicts -- --write

# Against the unit tests of the library, which are fast (`-C=--lib`: nothing else is built, 2 to 5 s a mutant). A build that is killed spoils the incremental ones after it, so that
# only tests have a short limit. A failing case is not kept: it would fail for every mutant that comes after.
mutants:
	PROPTEST_CASES=32 PROPTEST_DISABLE_FAILURE_PERSISTENCE=1 cargo mutants -p car-spectral --all-features --timeout 10 --build-timeout 900 -o out/mutants -C=--lib

fuzz:
	@$(PYTHON) fuzz/run.py --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

audit:
	cargo deny --workspace check licenses bans sources

lint:
	@$(PYTHON) scripts/setup.py libtorch openblas torch
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy -p car-spectral --all-targets --features lapack -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
	cargo metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml > /dev/null
	$(PYTHON) scripts/check_text.py
	$(PYTHON) scripts/check_structure.py
	$(TORCH_PYTHON)/ruff check --config python/pyproject.toml python examples/python
	$(TORCH_PYTHON)/ruff format --check --config python/pyproject.toml python examples/python
	cd python && $(TORCH_PYTHON)/mypy
	cd examples/python && MYPYPATH=$(CURDIR)/python $(TORCH_PYTHON)/mypy --config-file ../../python/pyproject.toml .

bench:
	@$(PYTHON) scripts/setup.py libtorch openblas python torch
	PYTHON=$(TORCH_PYTHON)/python cargo bench -p car-spectral --features lapack,rayon --bench counting --bench norms
	mkdir -p out && cargo bench -p car-spectral --bench scaling > out/scaling.txt && cat out/scaling.txt
	$(PYTHON) benches/plot.py out/scaling.txt out/performance.svg
	@echo "picture: out/performance.svg"
	cargo bench -p car-spectral-training --bench car_step --profile dev
	cargo bench -p car-spectral-training --bench loader --profile dev
	cargo bench -p car-spectral-training --bench training_step --profile dev
	cd python && VIRTUAL_ENV=$(CURDIR)/.venv-torch $(TORCH_PYTHON)/maturin develop --release
	cd python && $(TORCH_PYTHON)/python benches/confusion.py && $(TORCH_PYTHON)/python benches/car_step.py
	cd python && $(TORCH_PYTHON)/python benches/far.py

clean:
	rm -rf out target
