/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Marks: an octet for each entry of a table, eight of them in a word, which is looked at as one. Who looks for an entry compares marks, and
 * reads only entries that have the right one. Pure.
 */
#ifndef CGN_MARKS_H
#define CGN_MARKS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h> /* without it, __always_inline is only a wish */

/* A mark. 0 = never used: a search ends at a line that has one. */
enum cgn_mark {
	CGN_MARK_USED = 0x80, /* and seven bits of a hash */
	CGN_MARK_FREED = 0x40, /* to be used again; a search goes on */
	CGN_MARKS = 8, /* of a word */
	CGN_MARK_WORDS = 8, /* of a line, which is what a search looks at in a step */
};

#define CGN_MARKS_EACH 0x0101010101010101ULL
#define CGN_MARKS_TOP (CGN_MARK_USED * CGN_MARKS_EACH)

/*
 * Sets of marks of a word are the top bits of their octets. The other bits mean nothing until they are cut off: that is done once for
 * several words.
 */

/* cgn_marks_like returns which are like one, which every octet of all is. Of those above the first it may return others, too. */
static __always_inline __u64 cgn_marks_like(__u64 word, __u64 all)
{
	__u64 differ = word ^ all;

	return (differ - CGN_MARKS_EACH) & ~differ;
}

/* cgn_marks_unused returns those of entries that may be taken. */
static __always_inline __u64 cgn_marks_unused(__u64 word)
{
	return ~word;
}

/* cgn_marks_new returns those of entries that were never used. */
static __always_inline __u64 cgn_marks_new(__u64 word)
{
	return ~(word | word << 1);
}

/* cgn_marks_lowest returns the number of the first of a set that is cut off and not empty. */
static __always_inline __u32 cgn_marks_lowest(__u64 set)
{
	return ((set & -set) >> 7) * 0x0001020304050607ULL >> 56;
}

#endif
