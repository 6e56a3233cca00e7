// Package lines reads text of others, and its lines: plain or compressed with gzip, from people who may want to harm. The bytes, the
// ratio of a compressed file, and the length of a line are bounded, and memory does not grow with the input.
package lines
