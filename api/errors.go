package api

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Kind is what went wrong, for programs. The text of an error is for people.
type Kind string

// The error kinds (spec/api.md#errors).
const (
	KindInvalid         Kind = "invalid"         // the call itself is wrong
	KindNotFound        Kind = "notFound"        // no such thing
	KindAmbiguous       Kind = "ambiguous"       // several claim the handle; data.claimants lists them
	KindConflict        Kind = "conflict"        // it exists already, or is in another state
	KindForbidden       Kind = "forbidden"       // not allowed
	KindBlocked         Kind = "blocked"         // the contact is blocked
	KindLocked          Kind = "locked"          // account.unlock first
	KindOffline         Kind = "offline"         // nobody to ask is reachable
	KindTimeout         Kind = "timeout"         // no answer in time
	KindTooLarge        Kind = "tooLarge"        // over a size limit
	KindRateLimited     Kind = "rateLimited"     // too much at once; later it may work
	KindUnverified      Kind = "unverified"      // needs a verified contact
	KindIdentityChanged Kind = "identityChanged" // what the contact shows contradicts what was pinned
	KindInternal        Kind = "internal"        // a bug or a broken disk
)

// KindInfo describes an error kind.
type KindInfo struct {
	Kind    Kind
	Code    int    // JSON-RPC error code
	Meaning string // for people
}

// Kinds returns every error kind there is.
func Kinds() []KindInfo {
	return []KindInfo{
		{KindInvalid, CodeInvalidParams, "the call itself is wrong"},
		{KindNotFound, 1, "there is no such thing"},
		{KindAmbiguous, 2, "several accounts claim the handle; claimants lists them"},
		{KindConflict, 3, "it exists already, or is in a state that does not allow this"},
		{KindForbidden, 4, "not allowed"},
		{KindBlocked, 5, "the contact is blocked"},
		{KindLocked, 6, "the data folder is locked; account.unlock opens it"},
		{KindOffline, 7, "nobody who could answer can be reached"},
		{KindTimeout, 8, "no answer came in time"},
		{KindTooLarge, 9, "over a limit of size"},
		{KindRateLimited, 10, "too much at once; later it may work"},
		{KindUnverified, 11, "needs a contact whose safety number was compared"},
		{KindIdentityChanged, 12, "what the contact shows contradicts what was pinned"},
		{KindInternal, CodeInternal, "a bug or a broken disk; the log says more"},
	}
}

// Enum lists the values.
func (Kind) Enum() []string {
	var out []string
	for _, k := range Kinds() {
		out = append(out, string(k.Kind))
	}
	return out
}

// The codes of JSON-RPC 2.0 itself.
const (
	CodeParse          = -32700 // not JSON
	CodeInvalidRequest = -32600 // JSON, but not a request
	CodeNoMethod       = -32601 // no such method
	CodeInvalidParams  = -32602 // parameters of the wrong shape
	CodeInternal       = -32603 // a bug or a broken disk
)

// Code returns the JSON-RPC error code that goes with a kind.
func (k Kind) Code() int {
	for _, info := range Kinds() {
		if info.Kind == k {
			return info.Code
		}
	}
	return CodeInternal
}

// Error is an error as it crosses the API. It is what the methods of Client
// return when the daemon refuses a call.
type Error struct {
	Code int    // JSON-RPC code; the one of the kind when 0
	Text string // for people
	ErrorData
}

// ErrorData is the data member of a JSON-RPC error.
type ErrorData struct {
	Kind      Kind        `json:"kind"`
	Hint      string      `json:"hint,omitempty" doc:"what may help, for people"`
	Field     string      `json:"field,omitempty" doc:"the parameter that is wrong; only in kind invalid"`
	Claimants List[Claim] `json:"claimants,omitempty" doc:"who claims the handle; only in kind ambiguous"`
}

// Errorf returns an error of a kind.
func Errorf(k Kind, format string, args ...any) *Error {
	return &Error{Text: fmt.Sprintf(format, args...), ErrorData: ErrorData{Kind: k}}
}

// Ambiguous returns the error for a handle that several accounts claim.
func Ambiguous(handle string, claimants []Claim) *Error {
	e := Errorf(KindAmbiguous, "%d accounts claim %s", len(claimants), handle)
	e.Claimants = claimants
	return e.WithHint("use the full handle, name~tag, of the one you mean")
}

// WithHint returns e with a hint for people.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// Error returns the text for people.
func (e *Error) Error() string { return e.Text }

// KindOf returns the kind of the first Error in the tree of err, or "".
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}

type wireError struct {
	Code    int             `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data,omitempty"`
}

// MarshalJSON writes the JSON-RPC error object.
func (e *Error) MarshalJSON() ([]byte, error) {
	data, err := json.Marshal(e.ErrorData)
	if err != nil {
		return nil, err
	}
	code := e.Code
	if code == 0 {
		code = e.Kind.Code()
	}
	return json.Marshal(wireError{code, e.Text, data})
}

// UnmarshalJSON reads a JSON-RPC error object, of any server.
func (e *Error) UnmarshalJSON(b []byte) error {
	var w wireError
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	*e = *wireToError(w.Code, w.Message, w.Data)
	return nil
}

func wireToError(code int, text string, data json.RawMessage) *Error {
	e := &Error{Code: code, Text: text}
	if json.Unmarshal(data, &e.ErrorData) != nil || e.Kind == "" {
		e.ErrorData = ErrorData{Kind: KindInternal} // a server that is not ours
	}
	return e
}

func invalidField(field, format string, args ...any) *Error {
	e := Errorf(KindInvalid, "%s: %s", field, fmt.Sprintf(format, args...))
	e.Field = field
	return e
}
