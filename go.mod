module github.com/cgnkit/cgnkit

go 1.26.0
