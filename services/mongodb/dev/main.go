// SPDX-License-Identifier: Apache-2.0

// Ferretdb-sqlite is the MongoDB wire server of development and tests: FerretDB over SQLite files in one folder.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

const usage = `usage: ferretdb-sqlite --listen HOST:PORT --data FOLDER
       ferretdb-sqlite HOST:PORT FOLDER
The folder is made when it is not there; a file: URL of one is understood too.
`

func main() {
	listen := flag.String("listen", "", "address to listen on")
	data := flag.String("data", "", "folder of the SQLite files")
	flag.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	flag.Parse()
	if flag.NArg() == 2 && *listen == "" && *data == "" {
		*listen, *data = flag.Arg(0), flag.Arg(1)
	} else if flag.NArg() != 0 {
		flag.Usage()
		os.Exit(2)
	}
	if *listen == "" || *data == "" {
		flag.Usage()
		os.Exit(2)
	}
	if err := serve(*listen, *data); err != nil {
		fmt.Fprintln(os.Stderr, "ferretdb-sqlite:", err)
		os.Exit(1)
	}
}

// The signals are caught before the listener is open, so that a server that answers is one that ends in order.
func serve(listen, data string) error {
	stopped, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	address, err := folderURL(data)
	if err != nil {
		return err
	}
	// No telemetry: the embedded server has no reporter of it.
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: listen},
		Logger:    slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Handler:   "sqlite",
		SQLiteURL: address,
	})
	if err != nil {
		return err
	}
	return server.Run(stopped)
}

// The server wants the URL of a folder that exists, with a slash at its end.
func folderURL(folder string) (string, error) {
	folder, err := filepath.Abs(strings.TrimPrefix(folder, "file:"))
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	return "file:" + (&url.URL{Path: folder}).EscapedPath() + "/", nil
}
