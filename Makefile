# cgnkit. The two commands that matter on a fresh machine with Go, git and root: make demo, make test.

GO      ?= go
BIN     := bin/cgnctl
DAEMON  := bin/cgnd
TOOLS   := .tools/bin
LINT    := $(TOOLS)/golangci-lint
LINT_V  := v2.15.0
SAMPLE  := testdata/plans/br-1to32.yaml
FUZZ    ?= 30000x
SESSION := testdata/plans/tiny.yaml

.PHONY: build demo test tools unit fuzz cross lint generate conformance bench bench-xdp bench-cgnd man deb clean

build: ## build bin/cgnctl and bin/cgnd
	CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN) ./cmd/cgnctl
	CGO_ENABLED=0 $(GO) build -trimpath -o $(DAEMON) ./cmd/cgnd

demo: build ## run the main job on a sample plan, then real traffic through the kernel of a small network
	@./internal/scripts/demo.sh $(BIN) $(SAMPLE)

test: tools build unit cross fuzz ## everything; installs what the tests need where the system is Debian

tools:
	@./.ci/tools

unit:
	$(GO) vet ./...
	@./internal/scripts/unittests.sh $(GO)

# The pure packages must build where the kernel is another, and be right where int has 32 bits. Tests must build there, too: a
# file without its build tag shows in vet only.
cross:
	GOOS=darwin GOARCH=arm64 $(GO) vet ./...
	GOOS=windows GOARCH=amd64 $(GO) vet ./...
	GOOS=darwin GOARCH=arm64 $(GO) build ./portset ./alloc/...
	GOOS=darwin GOARCH=arm64 $(GO) build ./ebpf/...
	GOOS=windows GOARCH=amd64 $(GO) build ./ebpf/...
	GOOS=linux GOARCH=s390x $(GO) vet ./ebpf/...
	GOOS=windows GOARCH=amd64 $(GO) build -o /dev/null ./cmd/cgnctl
	GOOS=darwin GOARCH=arm64 $(GO) build -o /dev/null ./cmd/cgnctl
	GOARCH=386 $(GO) test ./portset ./alloc/...

# Every fuzz target, briefly; FUZZ=10m for longer. By count, because go test takes a run that its time limit interrupts for
# a failure now and then.
fuzz:
	@mkdir -p build
	@for pkg in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    echo "fuzz $$pkg $$target $(FUZZ)"; \
	    $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZ) $$pkg > build/fuzz.log 2>&1 || { cat build/fuzz.log; exit 1; }; \
	  done; \
	done

lint: $(LINT)
	$(LINT) run ./...
	@if command -v clang-format-14 > /dev/null; then clang-format-14 --dry-run -Werror ebpf/bpf/*; \
	else echo "the C is not looked at: that needs clang-format-14"; fi

$(LINT):
	GOBIN=$(CURDIR)/$(TOOLS) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_V)

generate: tools build ## everything that is made from the code
	$(BIN) gen reference > docs/cgnctl.md
	$(BIN) gen schema > docs/plan.schema.json
	$(BIN) gen keys | ./internal/scripts/insert-keys.sh docs/plan-format.md
	UPDATE_METRICS=1 $(GO) test -count=1 -run TestDocument ./internal/metrics
	$(DAEMON) gen schema > docs/cgnd.schema.json
	$(DAEMON) gen keys | ./internal/scripts/insert-keys.sh docs/cgnd.md
	./internal/scripts/outputs.sh $(BIN) docs/plan-format.md
	./internal/scripts/outputs.sh $(BIN) docs/port-sets.md
	./internal/scripts/outputs.sh $(BIN) docs/map.md
	@./.ci/tools clang || true
	@if command -v clang-14 > /dev/null; then $(GO) generate ./ebpf; \
	else echo "ebpf/internal is left as it is: compiling it needs clang-14"; fi
	@mkdir -p build
	@if [ "$$(id -u)" = 0 ]; then \
	  ./internal/scripts/nftables-session.sh $(CURDIR)/$(BIN) $(CURDIR)/$(SESSION) > build/session.txt && \
	  ./internal/scripts/insert-session.sh docs/nftables.md < build/session.txt && \
	  ./internal/scripts/xdp-session.sh $(CURDIR)/$(BIN) $(CURDIR)/$(SESSION) > build/xdp-session.txt && \
	  ./internal/scripts/insert-session.sh docs/xdp.md < build/xdp-session.txt; \
	else echo "docs/nftables.md and docs/xdp.md are left as they are: their outputs need root"; fi

conformance: tools ## run the conformance tests and write docs/conformance.md
	UPDATE_CONFORMANCE=1 $(GO) test -count=1 ./internal/conformance

bench-xdp: ## what the XDP backend takes, against its limits: a lookup, a translation, a packet from cable to cable beside nftables; needs root
	$(GO) run ./internal/scripts/benchxdp $(GO)

bench-cgnd: build ## what cgnd takes with a million subscribers and each backend, against its limits; needs root and 4 GiB
	$(GO) run ./internal/scripts/benchcgnd $(DAEMON)

man: build ## man pages into build/man
	$(BIN) gen man build/man
	$(DAEMON) gen man build/man

deb: ## the Debian package into build; GOARCH=arm64 for another architecture
	@GO="$(GO)" ./internal/packaging/deb.sh build

bench: build ## the figures of docs/performance.md, measured in one run
	$(GO) test -run '^$$' -bench 'Lookup|Trace|100Pools|Diff' ./alloc | grep -E '^(Bench|cpu)'
	$(GO) run ./internal/scripts/bench $(BIN)
	$(GO) test -run '^$$' -bench Encode ./nat44 | grep -E '^(Bench|cpu)'
	$(GO) test -run '^$$' -bench 'Increment|NewFlow' -benchtime 5x ./nat44 | grep -E '^(Bench|cpu)'
	$(GO) run ./internal/scripts/benchnft $(BIN)

clean:
	rm -rf bin build
