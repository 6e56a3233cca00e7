// Package netns builds small networks inside the kernel: network namespaces without names, the links between them, a
// topology of subscribers, CGN and servers, and the probes that prove what a packet looked like when it arrived.
//
// It serves cgnctl demo and, through package netnstest, every test that needs a real kernel. It works on Linux only and
// needs CAP_SYS_ADMIN and CAP_NET_ADMIN.
//
// # Namespaces without names
//
// A namespace made by [New] has no file below /run/netns and no process of its own. A file descriptor holds it, and so do
// the sockets inside it; the kernel takes all of them back when the process ends, even by kill -9, and the namespace goes
// with them, its links too.
//
// # Threads
//
// A network namespace belongs to an operating system thread, not to a goroutine. [NS.Do] therefore runs its function on a
// goroutine and a thread of their own:
//
//   - What the function itself opens (sockets, netlink) stays in the namespace for good and may be used from anywhere.
//   - A process started in the function runs in the namespace.
//   - A goroutine started in the function runs outside of it.
//   - The calling goroutine never leaves its namespace, whatever happens.
//   - The main thread is never moved, so /proc/self/net and /proc/PID/net go on showing the namespace of the process.
//
// Files below /proc/net follow the main thread; inside the function use /proc/thread-self/net. Files below /proc/sys/net
// follow the thread that opens them.
//
// # What bites
//
// Package net may race several dials in goroutines when it is given a host name: inside Do, dial addresses only.
//
// A socket that is left open keeps its namespace alive. The probes of this package are closed by the Close of their
// namespace; sockets made by hand are not.
//
// While a process is being started it has a copy of every descriptor, so the port of a socket that is closed at that moment
// stays taken for a little. The probes wait for such moments to pass; sockets made by hand do not.
//
// A process that was started in a namespace keeps it alive too, and outlives a kill -9 of the process that started it.
// Pdeathsig is no cure: it follows the thread, and the thread may end after Do.
//
// Destruction is asynchronous: links are gone a little after Close returned.
package netns
