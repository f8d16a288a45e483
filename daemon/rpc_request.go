package daemon

import (
	"bytes"
	"encoding/json"
	"io"
	"unicode/utf8"

	"github.com/p2pmsgd/p2pmsgd/api"
)

// request is one JSON-RPC request. A notification has no id.
type request struct {
	id     json.RawMessage // as it was given; nil in a notification
	method string
	params json.RawMessage
	fault  *api.Error // why it cannot be run; then only id may be set
}

// maxID is the longest id, in bytes of JSON: it is kept and sent back as given.
const maxID = 256

// jsonSpace is what JSON takes for white space: less than Unicode does.
const jsonSpace = " \t\r\n"

// parseLine reads one line: a request, or a batch of at most most requests. The
// error is for the line as a whole; faults of one request stand in it.
func parseLine(line []byte, most int) (reqs []request, batch bool, fault *api.Error) {
	if !utf8.Valid(line) {
		return nil, false, protocolFault(api.CodeParse, "the line is not UTF-8")
	}
	if line = bytes.Trim(line, jsonSpace); len(line) > 0 && line[0] == '[' {
		reqs, fault = parseBatch(line, most)
		return reqs, true, fault
	}
	if !json.Valid(line) {
		return nil, false, protocolFault(api.CodeParse, "the line is not JSON")
	}
	return []request{parseRequest(line)}, false, nil
}

// parseBatch stops at the first request too many, so that a line of 1 MiB that
// holds half a million of them costs no more than one that is refused at once.
func parseBatch(line []byte, most int) ([]request, *api.Error) {
	var reqs []request
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.Token() // the bracket
	for dec.More() {
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, protocolFault(api.CodeParse, "the line is not JSON")
		}
		if len(reqs) == most {
			e := protocolFault(api.CodeInvalidRequest, "more than %d requests in one batch", most)
			e.Kind = api.KindTooLarge
			return nil, e
		}
		reqs = append(reqs, parseRequest(raw))
	}
	if _, err := dec.Token(); err != nil {
		return nil, protocolFault(api.CodeParse, "the line is not JSON")
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, protocolFault(api.CodeParse, "something follows the batch on its line")
	}
	if len(reqs) == 0 {
		return nil, protocolFault(api.CodeInvalidRequest, "the batch is empty")
	}
	return reqs, nil
}

// parseRequest reads one request from valid JSON.
func parseRequest(raw []byte) request {
	var m map[string]json.RawMessage
	if raw[0] != '{' || json.Unmarshal(raw, &m) != nil {
		return request{id: nullID, fault: protocolFault(api.CodeInvalidRequest, "a request is an object")}
	}
	req := request{id: nullID}
	if id, ok := m["id"]; !ok {
		req.id = nil
	} else if validID(id) {
		req.id = id
	} else {
		return req.failed("id must be a string, a number or null, of at most %d bytes", maxID)
	}
	var version string
	if json.Unmarshal(m["jsonrpc"], &version) != nil || version != "2.0" {
		return req.failed(`jsonrpc must be "2.0"`)
	}
	if json.Unmarshal(m["method"], &req.method) != nil || req.method == "" {
		return req.failed("method must be a string")
	}
	req.params = m["params"]
	for name := range m {
		if !requestMember[name] {
			return req.failed("a request has no member %.40q", name)
		}
	}
	return req
}

var requestMember = map[string]bool{"jsonrpc": true, "id": true, "method": true, "params": true}

// failed returns req as one that is answered with an error, even if it has no
// id: JSON-RPC asks for an answer with id null to what is not a request at all.
func (req request) failed(format string, args ...any) request {
	if req.id == nil {
		req.id = nullID
	}
	return request{id: req.id, fault: protocolFault(api.CodeInvalidRequest, format, args...)}
}

var nullID = json.RawMessage("null")

func validID(id json.RawMessage) bool {
	switch c := id[0]; {
	case len(id) > maxID:
		return false
	case c == '"', c == '-', c >= '0' && c <= '9':
		return true
	}
	return string(id) == "null"
}

// protocolFault is an error of JSON-RPC itself.
func protocolFault(code int, format string, args ...any) *api.Error {
	e := api.Errorf(api.KindInvalid, format, args...)
	e.Code = code
	return e
}

// encodeAnswer returns the response object to a request; a nil id is null.
func encodeAnswer(id, result json.RawMessage, e *api.Error) []byte {
	if id == nil {
		id = nullID
	}
	b := make([]byte, 0, 64+len(id)+len(result))
	b = append(append(b, `{"jsonrpc":"2.0","id":`...), id...)
	if e == nil {
		b = append(append(b, `,"result":`...), result...)
	} else {
		fault, _ := json.Marshal(e) // strings and numbers only: cannot fail
		b = append(append(b, `,"error":`...), fault...)
	}
	return append(b, '}')
}
