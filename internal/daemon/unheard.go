package daemon

// Unheard tells the daemon why it does not listen everywhere that it should, "" = it does. That is problem "listen", a warning: the kernel
// needs nobody who asks. It does not wait.
func (d *Daemon) Unheard(why string) { d.unheard.Store(&why) }

// listens notes what Unheard was told last.
func (l *loop) listens() {
	why := l.unheard.Load()
	switch {
	case why == nil:
	case *why == "":
		l.over("listen")
	default:
		l.trouble("listen", *why+"; it is tried again", true)
	}
}
