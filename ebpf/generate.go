package ebpf

// The flags: -mcpu=v3 is the newest instruction set that clang-14 writes and has 32-bit jumps and divisions; the includes
// are where Debian keeps asm/types.h, which the bpf target does not find by itself. The objects are committed, so that only
// who changes the C needs clang, and it is clang 14 because others write other objects.

//go:generate go tool bpf2go -cc clang-14 -strip llvm-strip-14 -cflags "-O2 -g -Wall -Werror -mcpu=v3 -I/usr/include/x86_64-linux-gnu -I/usr/include/aarch64-linux-gnu" -go-package bpf -output-dir internal/bpf -type cgn_pool_flag -type cgn_limit -type cgn_wire_limit -type cgn_station_limit -type cgn_slot -type cgn_slot_state -type cgn_tcp_state -type cgn_account -type cgn_account_flag -type cgn_event_kind -type cgn_tally -type cgn_verdict -type cgn_proto -type cgn_since -type cgn_times -type cgn_filtering -type cgn_tidying -type cgn_evicting -type cgn_retiming -type cgn_carrying -type cgn_claiming -type cgn_claim_kind -type cgn_claim_result Cgnat bpf/cgnat.bpf.c
//go:generate go tool bpf2go -cc clang-14 -strip llvm-strip-14 -cflags "-O2 -g -Wall -Werror -mcpu=v3 -I/usr/include/x86_64-linux-gnu -I/usr/include/aarch64-linux-gnu" -go-package selftest -output-dir internal/selftest Selftest bpf/selftest.bpf.c
//go:generate go tool bpf2go -cc clang-14 -strip llvm-strip-14 -cflags "-O2 -g -Wall -Werror -mcpu=v3 -I/usr/include/x86_64-linux-gnu -I/usr/include/aarch64-linux-gnu" -go-package bench -output-dir internal/bench Bench bpf/bench.bpf.c
//go:generate go tool bpf2go -cc clang-14 -strip llvm-strip-14 -cflags "-O2 -g -Wall -Werror -mcpu=v3 -I/usr/include/x86_64-linux-gnu -I/usr/include/aarch64-linux-gnu" -go-package parts -output-dir internal/parts Parts bpf/parts.bpf.c
//go:generate go tool bpf2go -cc clang-14 -strip llvm-strip-14 -cflags "-O2 -g -Wall -Werror -mcpu=v3 -I/usr/include/x86_64-linux-gnu -I/usr/include/aarch64-linux-gnu" -go-package hammer -output-dir internal/hammer Hammer bpf/hammer.bpf.c
