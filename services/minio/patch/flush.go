// SPDX-License-Identifier: AGPL-3.0-or-later

// Added to MinIO's package cmd when it is built: its writer of answers cannot flush, so that
// notifications stay in the server until kilobytes of them have come together.
package cmd

import "net/http"

// Flush hands on what a streaming handler has written.
func (w *trackingResponseWriter) Flush() {
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}
