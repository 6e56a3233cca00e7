package main

import "log/slog"

// A complaint is about something that is done again and again. It is logged when it begins, when it becomes another one, and when it is over.
type complaint struct {
	log   *slog.Logger
	about string
	said  string
}

// hear takes how it went; nil = well.
func (c *complaint) hear(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text == c.said {
		return
	}
	c.said = text
	if text == "" {
		c.log.Info("read again", "about", c.about)
		return
	}
	c.log.Warn("cannot be read: "+text, "about", c.about)
}
