// A server of MongoDB's protocol: FerretDB with its SQLite backend, in a process of its own.
//
//	ferretdb FOLDER [CERTIFICATE KEY]
//
// Keeps its data in FOLDER, listens on a free port of 127.0.0.1 (with TLS, if it has a certificate), prints its URI as the
// first line, and ends when its standard input does.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	listener := ferretdb.ListenerConfig{TCP: "127.0.0.1:0"}
	if len(os.Args) == 4 {
		listener = ferretdb.ListenerConfig{TLS: "127.0.0.1:0", TLSCertFile: os.Args[2], TLSKeyFile: os.Args[3]}
	}
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  listener,
		Handler:   "sqlite",
		SQLiteURL: "file:" + os.Args[1] + "/",
		Logger:    slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		log.Fatal(err)
	}
	context, stop := context.WithCancel(context.Background())
	go func() {
		fmt.Println(server.MongoDBURI())
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	if err := server.Run(context); err != nil {
		log.Fatal(err)
	}
}
