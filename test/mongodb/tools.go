//go:build tools

// Package tools names the programs that test/mongodb/build builds besides ferretdb, so that go.mod has what they need.
package tools

import _ "github.com/mongodb/mongo-tools/mongoimport/main"
