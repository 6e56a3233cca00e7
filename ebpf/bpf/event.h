/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Telling Go what happens to subscribers. Nobody needs to listen: what finds no room is counted and lost. */
#ifndef CGN_EVENT_H
#define CGN_EVENT_H

#include "lookup.h"
#include "packet.h"
#include "state.h"

/* cgn_event_of returns what a verdict is to Go. */
static __always_inline enum cgn_event_kind cgn_event_of(enum cgn_verdict v)
{
	switch (v) {
	case CGN_DROP_EXHAUSTED:
		return CGN_EVENT_EXHAUSTED;
	case CGN_DROP_LIMIT:
		return CGN_EVENT_LIMIT;
	case CGN_DROP_RATE:
		return CGN_EVENT_RATE;
	default:
		return CGN_EVENT_NONE;
	}
}

/* cgn_tell tells that a subscriber was refused a mapping, unless that was told in this tick. */
static __noinline int cgn_tell(struct cgn_account *account, const struct cgn_flow *f, const struct cgn_owner *o, __u32 now,
			       int verdict)
{
	enum cgn_event_kind kind = cgn_event_of(verdict);
	struct cgn_event *e;
	__u32 zero = 0;
	__u64 *count;

	if (kind == CGN_EVENT_NONE || account->told == (__u8)(now | 1))
		return 0;
	account->told = now | 1; /* never 0, which is before the first */
	cgn_tally(CGN_TALLY_EXHAUSTED + kind - CGN_EVENT_EXHAUSTED);
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		count = bpf_map_lookup_elem(&lost, &zero);
		if (count)
			++*count;
		return 0;
	}
	e->time = bpf_ktime_get_ns();
	e->inside = f->near.addr;
	e->row = o->row;
	e->pool = o->pool;
	e->port = f->near.port;
	e->proto = f->proto;
	e->kind = kind;
	e->plan = plan_id;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

#endif
