// SPDX-License-Identifier: Apache-2.0

//go:build unix

// Command testapp is an application for tests of sites, as the one program of an
// image: it answers HTTP with MESSAGE (else its host name) on port 8080 and
// /readyz by whether it is ready, and echoes UDP datagrams on port 8053 with the
// same before them. "testapp get URL" asks, prints the body, and fails on errors.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "get" {
		if err := get(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() { <-stop; os.Exit(0) }()
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve() error {
	message := os.Getenv("MESSAGE")
	if message == "" {
		message, _ = os.Hostname() // an empty message is as good
	}
	socket, err := net.ListenPacket("udp", ":8053")
	if err != nil {
		return err
	}
	go echo(socket, message)
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %s\n", message, r.Host, r.RemoteAddr)
	})
	return (&http.Server{Addr: ":8080", ReadHeaderTimeout: 5 * time.Second}).ListenAndServe()
}

func echo(socket net.PacketConn, message string) {
	buffer := make([]byte, 1500)
	for {
		n, from, err := socket.ReadFrom(buffer)
		if err != nil {
			continue // an earlier answer that could not be delivered
		}
		_, _ = socket.WriteTo(append([]byte(message+" "), buffer[:n]...), from) // who asked has gone
	}
}

func get(url string) error {
	response, err := (&http.Client{Timeout: 3 * time.Second}).Get(url)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // it is read to the end
	_, err = io.Copy(os.Stdout, response.Body)
	return err
}
